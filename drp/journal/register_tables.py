"""The register's tables and guards, beside the journal's: an older drp passes them over.

Guards are triggers, as the journal's are (`tables.py`), and refuse moreover a slot that is expected twice, or ends
twice, or ends without having been expected, whoever writes.
"""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text
from sqlmodel import CheckConstraint, Column, Field, Integer, MetaData, SQLModel, Text

from drp.journal.guards import Guards
from drp.journal.marks import POSITION

SCHEMA_VERSION = 1
METADATA = MetaData()


class RegisterRow(SQLModel, table=True):
    """One entry; ``body`` is its canonical JSON, ``expected`` and ``ended`` the slot of which it says so."""

    metadata = METADATA
    __tablename__ = "drp_register"
    __table_args__ = (
        CheckConstraint("position >= 0", name="drp_register_from_zero"),
        CheckConstraint("length(link) = 64", name="drp_register_links"),
        {"sqlite_strict": True},
    )
    position: int = Field(sa_column=Column(POSITION, primary_key=True, autoincrement=False))
    expected: str | None = Field(sa_column=Column(Text, nullable=True, unique=True))
    ended: str | None = Field(sa_column=Column(Text, nullable=True, unique=True))
    body: str = Field(sa_column=Column(Text, nullable=False))
    link: str = Field(sa_column=Column(Text, nullable=False))


class RegisterHeadRow(SQLModel, table=True):
    """The one row that says where the register ends, so that a missing end is seen."""

    metadata = METADATA
    __tablename__ = "drp_register_head"
    __table_args__ = (CheckConstraint("id = 1", name="drp_register_one_head"), {"sqlite_strict": True})
    id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    schema_version: int = Field(sa_column=Column(Integer, nullable=False))
    position: int = Field(sa_column=Column(POSITION, nullable=False))
    link: str = Field(sa_column=Column(Text, nullable=False))


class SnapshotRow(SQLModel, table=True):
    """The folded state as it was after an entry: saves reading, proves nothing, and is made again at any time."""

    metadata = METADATA
    __tablename__ = "drp_register_state"
    __table_args__ = ({"sqlite_strict": True},)
    id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    position: int = Field(sa_column=Column(POSITION, nullable=False))
    link: str = Field(sa_column=Column(Text, nullable=False))
    state: str = Field(sa_column=Column(Text, nullable=False))
    digest: str = Field(sa_column=Column(Text, nullable=False))


class BeatRow(SQLModel, table=True):
    """When a host last looked at the schedule, ISO 8601."""

    metadata = METADATA
    __tablename__ = "drp_register_beats"
    __table_args__ = ({"sqlite_strict": True},)
    host: str = Field(sa_column=Column(Text, primary_key=True))
    at: str = Field(sa_column=Column(Text, nullable=False))


ENTRIES = METADATA.tables["drp_register"]
HEAD = METADATA.tables["drp_register_head"]
SNAPSHOT = METADATA.tables["drp_register_state"]
BEATS = METADATA.tables["drp_register_beats"]

_UNEXPECTED = "a slot ends that was never expected"
_EXPECTED = "EXISTS (SELECT 1 FROM drp_register WHERE expected = NEW.ended)"
GUARDS = Guards(
    table=ENTRIES.name,
    what="register",
    sqlite={
        "ends_expected": (
            f"BEFORE INSERT ON drp_register WHEN NEW.ended IS NOT NULL AND NOT {_EXPECTED} "
            f"BEGIN SELECT RAISE(ABORT, '{_UNEXPECTED}'); END"
        ),
    },
    postgresql=f"IF NEW.ended IS NOT NULL AND NOT {_EXPECTED} THEN RAISE EXCEPTION '{_UNEXPECTED}'; END IF;",
)


def is_laid(connection: Connection) -> bool:
    """Return whether there is a register: the first entry makes it."""
    return inspect(connection).has_table(HEAD.name)


def lay(connection: Connection, genesis: str) -> None:
    """Make tables, guards and the head of an empty register, inside the caller's transaction."""
    METADATA.create_all(connection)
    connection.execute(
        text("INSERT INTO drp_register_head (id, schema_version, position, link) VALUES (1, :version, -1, :genesis)"),
        {"version": SCHEMA_VERSION, "genesis": genesis},
    )
    GUARDS.lay(connection)
