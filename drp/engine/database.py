"""Where orders are remembered: a SQLite file of this machine, or a PostgreSQL that several hosts share.

The password is asked for at every connection and handed to the driver alone. Beyond this machine TLS is required and
the server's name verified, by libpq itself: a server that refuses TLS is sent nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from drp.domain.phrase import say
from drp.domain.restore import SecretReference
from drp.domain.tls import Tls
from drp.errors import EngineError
from drp.tls import is_beyond, pem

_WAIT_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A database, not opened."""

    location: Path | str
    """Path of a SQLite file, or ``postgresql+pg8000://user@host/database``, with ``?unix_sock=PATH`` by a socket."""
    password: Callable[[], str] | None = None
    tls: Tls | None = None
    """None: nobody asks for TLS on this machine; beyond it, its authorities vouch."""
    resolve: Callable[[SecretReference], str] | None = None
    """Reads the key of a client certificate."""

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
        said = make_url(self.location)
        url = said.set(drivername="postgresql+psycopg", query={})
        if (named := said.query.get("unix_sock")) is None:
            return url
        folder, _, port = str(named).rpartition("/.s.PGSQL.")
        return url.set(host=folder or str(named), port=int(port) if port.isdecimal() else url.port)


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


def engine_of_steps(place: Place) -> Engine:
    """Return an engine for DBOS, which begins transactions itself; a file's is set as DBOS sets its own.

    What a step gave outlasts a process that dies. If the machine loses power, the last may be run again.
    """
    if not place.is_file:
        return open_engine(place)
    made = create_engine(place.url, connect_args={"check_same_thread": False})
    event.listen(made, "connect", _prepare_for_steps)
    return made


@contextmanager
def translated(place: Place) -> Iterator[None]:
    """Turn what the database raises into EngineError; no message holds a statement or a password."""
    try:
        yield
    except DBAPIError as error:
        said = str(error.orig).strip().splitlines() or [type(error.orig).__name__]
        raise EngineError(say("the orders in {place} cannot be used: {why}", place=place.shown, why=said[0])) from error
    except (SQLAlchemyError, OSError) as error:
        raise EngineError(
            say("the orders in {place} cannot be used: {why}", place=place.shown, why=type(error).__name__)
        ) from error


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
    }
    if host.startswith("/"):
        return arguments
    if host.lower() == "localhost":
        arguments["hostaddr"] = "127.0.0.1"  # a name leads where this machine says
    if place.tls is None and not is_beyond(host):
        return arguments | {"sslmode": "prefer"}
    settings = place.tls or Tls()
    arguments |= {"sslmode": "verify-full", "sslrootcert": "system"}
    if settings.ca is not None:
        arguments["sslrootcert"] = _held("ca", pem(settings.ca))
    if settings.certificate is not None and settings.key is not None and place.resolve is not None:
        arguments["sslcert"] = _held("certificate", pem(settings.certificate))
        arguments["sslkey"] = _held("key", place.resolve(settings.key))
    return arguments


def _held(what: str, content: str) -> str:
    """Return the path of a file without a name, which libpq reads at every connection; it lasts as this process."""
    descriptor = os.memfd_create(f"drp-{what}", os.MFD_CLOEXEC)
    os.fchmod(descriptor, 0o600)
    os.write(descriptor, content.encode())
    return f"/proc/{os.getpid()}/fd/{descriptor}"


def _handing_password(place: Place) -> Callable[..., None]:
    def connecting(_dialect: object, _record: object, _positional: object, named: dict[str, Any]) -> None:
        if place.password is not None:
            named["password"] = place.password()

    return connecting


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where the engine says
    for setting in ("journal_mode=WAL", "synchronous=NORMAL", "trusted_schema=OFF"):
        connection.execute(f"PRAGMA {setting}").close()


def _prepare_for_steps(connection: Any, _record: object) -> None:
    connection.isolation_level = "IMMEDIATE"
    for setting in (f"busy_timeout={3 * _WAIT_SECONDS * 1000}", "foreign_keys=ON", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {setting}").close()


def on_server(connection: Connection) -> bool:
    """Return whether it is PostgreSQL, where others may be at work too."""
    return connection.dialect.name == "postgresql"
