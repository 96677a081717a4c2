"""Tables of orders, of the keys that are in use, and of the hosts that are at work; and the database's own clock."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Float, Integer, MetaData, Table, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

METADATA = MetaData()
ORDERS = Table(
    "drp_orders",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("procedure", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("keys", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("submitted_at", Text, nullable=False),
    Column("state", Text, nullable=False, default="waiting", index=True),
    Column("way", Text, nullable=False, default="carry"),
    Column("why", Text, nullable=False, default=""),
    Column("step", Text, nullable=False, default=""),
    Column("host", Text, nullable=False, default=""),
    Column("epoch", Integer, nullable=False, default=0),
    Column("code", Text, nullable=False, default=""),
    Column("abort_by", Text, nullable=False, default=""),
    Column("error", Text, nullable=False, default=""),
    Column("result", Text, nullable=False, default="{}"),
)
KEYS = Table(
    "drp_order_keys",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("order_id", Text, nullable=False, index=True),
)
HOSTS = Table(
    "drp_order_hosts",
    METADATA,
    Column("host", Text, primary_key=True),
    Column("places", Text, nullable=False),
    Column("session", Text, nullable=False),
    Column("beat_at", Float, nullable=False),
)


class DatabaseNow(FunctionElement[float]):
    """Seconds since 1970 by the clock of the database: one for all hosts."""

    type = Float()
    inherit_cache = True


@compiles(DatabaseNow, "postgresql")
def _postgresql(_element: Any, _compiler: Any, **_named: Any) -> str:
    return "EXTRACT(EPOCH FROM clock_timestamp())::float8"


@compiles(DatabaseNow, "sqlite")
def _sqlite(_element: Any, _compiler: Any, **_named: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"
