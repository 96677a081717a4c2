"""How a journal's database is opened: to write, or only to read.

A reader of a SQLite file needs no right to write and leaves no file behind. While a writer has it open, its log (-wal)
and the index of that (-shm) are there, and SQLite's own locks give a consistent view. While nobody has, there are
none, and SQLite would make them: the file is then read as it lies, and what is read counts only if the file is still
the same afterwards.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import ssl
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, NullPool, StaticPool, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlmodel import create_engine

from drp.atomic import sync_directory
from drp.domain.phrase import say
from drp.errors import ConfigError
from drp.tls import dial, is_beyond

Wrap = Callable[[], ssl.SSLContext | None]
_PORT = 5432
_WAIT_SECONDS = 10
_SILENT_SECONDS = 3 * _WAIT_SECONDS
_KEEPALIVES = ("tcp_keepalives_idle = 10", "tcp_keepalives_interval = 5", "tcp_keepalives_count = 3")
NOWHERE = URL.create("sqlite")
"""A database in memory: what an absent journal is for who only reads."""


def database_url(location: str | Path, password: str | None) -> URL:
    """Return where a journal is: the path of a SQLite file, or a URL. Raises ConfigError for one that is none."""
    if isinstance(location, Path):
        return URL.create("sqlite", database=str(location))
    try:
        url = make_url(location)
    except ArgumentError as error:
        raise ConfigError(say("the journal's url is not a database url")) from error
    if url.drivername not in {"sqlite", "postgresql+pg8000"}:
        raise ConfigError(
            say("the journal cannot be kept in {engine}", engine=url.drivername),
            hint="use a path, or postgresql+pg8000://user@host/database",
        )
    if url.get_backend_name() != "sqlite" and not url.username:
        raise ConfigError(say("the journal's url names no user"), hint="use postgresql+pg8000://user@host/database")
    return url if password is None else url.set(password=password)


def is_remote(url: URL) -> bool:
    """Return whether a database is reached over the network, from a machine that is not the server's own."""
    return url.get_backend_name() != "sqlite" and "unix_sock" not in url.query and is_beyond(url.host or "")


def is_there(url: URL) -> bool:
    """Return whether there is something to open: a SQLite file with content, or a server to ask."""
    path = Path(url.database or "")
    return url.get_backend_name() != "sqlite" or (path.exists() and path.stat().st_size > 0)


def reading_engine(url: URL, wrap: Wrap) -> Engine:
    """Return an engine that only reads; `NOWHERE` is an empty database. ``wrap`` as in `writing_engine`."""
    if url == NOWHERE:
        engine = create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if url.get_backend_name() != "sqlite":
        engine = _postgresql(url, wrap)
        event.listen(engine, "connect", _only_read_postgresql)
        return engine
    path = Path(url.database or "")
    # a connection each time: whether somebody writes decides how the file is opened
    engine = create_engine(NOWHERE, creator=lambda: _connect_to_read(path), poolclass=NullPool)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def still_file(url: URL) -> Callable[[], object] | None:
    """Return what tells whether a SQLite file that nobody locks is the same as before; None where locks do.

    What it returns is None as long as there is a log, since SQLite's locks then give a consistent view.
    """
    if url == NOWHERE or url.get_backend_name() != "sqlite":
        return None
    path = Path(url.database or "")

    def look() -> object:
        if _beside(path, "-wal").exists():
            return None
        status = path.stat()
        return status.st_ino, status.st_size, status.st_mtime_ns

    return look


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _connect_to_read(path: Path) -> sqlite3.Connection:
    mode = "mode=ro&immutable=1"
    if _beside(path, "-wal").exists():
        # a log without its index is a copied one: SQLite makes the index, and takes both away in the end
        orphaned = not _beside(path, "-shm").exists() and os.access(path.parent, os.W_OK)
        mode = "mode=rw" if orphaned else "mode=ro"
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?{mode}", uri=True, timeout=_WAIT_SECONDS, check_same_thread=False
    )
    connection.isolation_level = None
    for setting in ("query_only=ON", "trusted_schema=OFF", "cell_size_check=ON"):
        connection.execute(f"PRAGMA {setting}").close()
    return connection


def writing_engine(url: URL, wrap: Wrap) -> Engine:
    """Return an engine that writes, the file made when there is none.

    ``wrap`` gives the TLS of a connection to a server; None: it is on this machine, and may be plain.
    """
    if url.get_backend_name() == "sqlite":
        path = Path(url.database or "")
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o640))  # -wal and -shm take its mode
            sync_directory(path.parent)
            sync_directory(path.parent.parent)
        engine = create_engine(url, connect_args={"timeout": _WAIT_SECONDS, "check_same_thread": False})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    return _postgresql(url, wrap)


def _postgresql(url: URL, wrap: Wrap) -> Engine:
    def connect(dialect: Any, _record: object, _positional: object, named: dict[str, Any]) -> Any:
        """Make the connection ourselves: the driver goes on in clear with a server that has no TLS."""
        if "unix_sock" in named:
            return dialect.loaded_dbapi.Connection(**{**named, "ssl_context": False})
        host, port = url.host or "", url.port or _PORT
        dialled = dial(host, port, seconds=_SILENT_SECONDS, wrap=wrap(), what="journal")
        made = dialect.loaded_dbapi.Connection(**{**named, "sock": dialled, "ssl_context": False})
        weakref.finalize(made, _drop, dialled)
        return made

    engine = create_engine(url, pool_pre_ping=True, connect_args={"timeout": _SILENT_SECONDS})
    event.listen(engine, "do_connect", connect)
    event.listen(engine, "connect", _prepare_postgresql)
    return engine


def _drop(dialled: socket.socket) -> None:
    """Close a connection for certain: the driver leaves one open whose other side is gone."""
    descriptor = dialled.detach()
    if descriptor >= 0:
        os.close(descriptor)


def _only_read_postgresql(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("SET default_transaction_read_only = on")
    cursor.close()
    connection.commit()


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where `_begin_sqlite` says, not where the driver guesses
    for setting in (
        f"busy_timeout={_WAIT_SECONDS * 1000}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "recursive_triggers=ON",
        "trusted_schema=OFF",
        "cell_size_check=ON",
    ):
        connection.execute(f"PRAGMA {setting}").close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("drp_writes", False)
    # a deferred transaction that turns into a writing one fails at once when it lost the race; this one waits
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _prepare_postgresql(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("SET synchronous_commit = on")
    cursor.execute(f"SET lock_timeout = '{_WAIT_SECONDS}s'")
    for setting in _KEEPALIVES:  # of the server's side: a host that is gone must not keep its drills' leases
        cursor.execute(f"SET {setting}")
    cursor.close()
    connection.commit()
