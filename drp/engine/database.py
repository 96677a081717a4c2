"""Where orders are remembered: a SQLite file of this machine, or a PostgreSQL that several hosts share.

The password is asked for at every connection and handed to the driver alone. Beyond this machine TLS is required and
the server's name verified, by libpq itself: a server that refuses TLS is sent nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from drp.errors import EngineError

_WAIT_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """With what connections to a server are secured; paths of PEM files."""

    ca: Path | None = None
    """Certificates of who may vouch for the server; None: those that this machine trusts."""
    certificate: Path | None = None
    key: Path | None = None
    """What this host shows of itself, if the server asks for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A database, not opened."""

    location: Path | str
    """Path of a SQLite file, or ``postgresql://user@host/database``."""
    password: Callable[[], str] | None = None
    tls: Tls = Tls()

    @property
    def is_file(self) -> bool:
        """Return whether it is a file of this machine."""
        return isinstance(self.location, Path)

    @property
    def shown(self) -> str:
        """Return what errors call it; there is no password in it."""
        return str(self.location)

    @property
    def url(self) -> URL:
        """Return it for SQLAlchemy."""
        if isinstance(self.location, Path):
            return URL.create("sqlite", database=str(self.location))
        return make_url(self.location).set(drivername="postgresql+psycopg")


def open_engine(place: Place, *, connections: int = 5) -> Engine:
    """Return an engine for it; a file is made, for its owner alone, when there is none. Nothing is connected yet."""
    if isinstance(place.location, Path):
        with translated(place):
            place.location.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            os.close(os.open(place.location, flags, 0o600))  # -wal and -shm take its mode
        made = create_engine(place.url, connect_args={"timeout": 3 * _WAIT_SECONDS, "check_same_thread": False})
        event.listen(made, "connect", _prepare_sqlite)
        event.listen(made, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        return made
    made = create_engine(
        place.url, pool_pre_ping=True, pool_size=connections, max_overflow=10, connect_args=_arguments(place)
    )
    event.listen(made, "do_connect", _handing_password(place))
    return made


@contextmanager
def translated(place: Place) -> Iterator[None]:
    """Turn what the database raises into EngineError; no message holds a statement or a password."""
    try:
        yield
    except DBAPIError as error:
        said = str(error.orig).strip().splitlines() or [type(error.orig).__name__]
        raise EngineError(f"the orders in {place.shown} cannot be used: {said[0]}") from error
    except (SQLAlchemyError, OSError) as error:
        raise EngineError(f"the orders in {place.shown} cannot be used: {type(error).__name__}") from error


def is_here(host: str) -> bool:
    """Return whether a server's address cannot leave this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _arguments(place: Place) -> dict[str, Any]:
    """Return what libpq is told, so that neither its environment nor its files decide."""
    host = place.url.host or ""
    arguments: dict[str, Any] = {
        "connect_timeout": _WAIT_SECONDS,
        "application_name": "drp",
        "gssencmode": "disable",
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 25_000,
        "sslmode": "prefer" if is_here(host) and place.tls.ca is None else "verify-full",
    }
    if arguments["sslmode"] == "verify-full":
        arguments["sslrootcert"] = str(place.tls.ca) if place.tls.ca is not None else "system"
    if place.tls.certificate is not None and place.tls.key is not None:
        arguments |= {"sslcert": str(place.tls.certificate), "sslkey": str(place.tls.key)}
    return arguments


def _handing_password(place: Place) -> Callable[..., None]:
    def connecting(_dialect: object, _record: object, _positional: object, named: dict[str, Any]) -> None:
        if place.password is not None:
            named["password"] = place.password()

    return connecting


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where the engine says
    for setting in ("journal_mode=WAL", "synchronous=NORMAL", "trusted_schema=OFF"):
        connection.execute(f"PRAGMA {setting}").close()


def on_server(connection: Connection) -> bool:
    """Return whether it is PostgreSQL, where others may be at work too."""
    return connection.dialect.name == "postgresql"
