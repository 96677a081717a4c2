"""The Journal port on a database: SQLite (one machine) or PostgreSQL (several), the same code.

One writer at a time: SQLite's write lock, PostgreSQL's advisory lock. An entry that `append` returned is on the disk:
WAL with ``synchronous=FULL``, ``synchronous_commit=on``. Readers never wait for a writer, nor a writer for them.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Select, bindparam, event, func, inspect, literal, make_url, select, text
from sqlalchemy.exc import ArgumentError
from sqlmodel import create_engine

from drp.atomic import sync_directory
from drp.domain.events import Entry, Event
from drp.domain.ports import Clock
from drp.errors import ConfigError, DrpError, Tampered
from drp.journal.chain import GENESIS, DrillChain, JournalChain, Row, broken, forge, link
from drp.journal.failures import translated
from drp.journal.tables import ENTRIES, HEAD, SCHEMA_VERSION, lay, missing_guards

_BATCH = 500
_WAIT_SECONDS = 10
_LOCK_KEY = 0x6472706A
"""'drpj': names the journal's write lock on a PostgreSQL that may serve others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalHead:
    """Where the journal ends: what an anchor outside this machine has to remember."""

    position: int
    """Of the last entry; -1 when there is none."""
    link: str
    """Hash that covers every entry, hex."""


class SqlJournal:
    """The append-only truth in a database. Safe to use from several threads and several processes."""

    def __init__(
        self, location: str | Path, clock: Clock, *, password: str | None = None, absent: DrpError | None = None
    ) -> None:
        """Open the journal, making it when there is none; ``absent`` is raised instead where there must be one.

        ``location`` is the path of a SQLite file or a URL (``postgresql+pg8000://user@host/database``). Raises
        ConfigError for a URL that is none or a journal from a newer drp, StorageFull when it cannot be opened,
        Busy when another drp holds it, Tampered when its guards or its end are gone.
        """
        url = _url(location, password)
        self._clock = clock
        self._lock = threading.Lock()
        self._place = str(url.database) if url.get_backend_name() == "sqlite" else url.render_as_string()
        with translated(self._place):
            if absent is not None and not _is_there(url):
                raise absent
            self._engine = _engine(url)
            self._writer = self._engine.execution_options(drp_writes=True)
            try:
                self._open(absent)
            except BaseException:
                self._engine.dispose()
                raise

    def append(self, drill: str, event: Event) -> Entry:
        """Make the event durable and return it in its place. Raises StorageFull, Busy; nothing is written then."""
        with self._lock, translated(self._place), self._writing() as connection:
            position, last_link, last, previous = connection.execute(_ENDS_OF_DRILL, {"of_drill": drill}).one()
            sequence = 0 if last is None else last + 1
            body, entry = forge(drill, sequence, self._clock.now(), event, previous or GENESIS)
            row = {
                "position": position + 1,
                "drill": drill,
                "sequence": sequence,
                "body": body,
                "hash": entry.hash,
                "link": link(position + 1, entry.hash, last_link),
            }
            connection.execute(_INSERT, row)  # a trigger takes the head along
        return entry

    def entries(self, drill: str, after: int = -1) -> Iterator[Entry]:
        """Yield a drill's entries in order, from the one after sequence ``after``; each is checked as it is read.

        Raises Tampered naming the first that does not fit the chain.
        """
        chain = self._chain_at(drill, after)
        where = ENTRIES.c.drill == drill
        while True:
            rows = self._rows(
                select(ENTRIES)
                .where(where, ENTRIES.c.sequence >= chain.next_sequence)
                .order_by(ENTRIES.c.sequence)
                .limit(_BATCH)
            )
            for row in rows:
                yield chain.follow(row)
            if len(rows) < _BATCH:
                return

    def drills(self) -> tuple[str, ...]:
        """Return the ids of all drills, oldest first."""
        with translated(self._place), self._engine.begin() as connection:
            return tuple(connection.execute(_DRILLS).scalars())

    def verify(self) -> int:
        """Return how many entries were checked, of all drills, to the end; raises Tampered naming the first misfit."""
        with translated(self._place), self._engine.begin() as connection:
            self._check_guards(connection)
            position, recorded, highest = connection.execute(_ENDS).one()
            if connection.dialect.name == "sqlite":
                damage = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
                if damage != "ok":
                    raise Tampered(f"journal {self._place} is damaged: {damage}")
        chain = JournalChain()
        while True:
            rows = self._rows(
                select(ENTRIES)
                .where(ENTRIES.c.position >= chain.next_position, ENTRIES.c.position <= max(position, highest))
                .order_by(ENTRIES.c.position)
                .limit(_BATCH)
            )
            for row in rows:
                chain.follow(row)
            if len(rows) < _BATCH:
                chain.end(position, recorded)
                return chain.next_position

    def head(self) -> JournalHead:
        """Return where the journal ends."""
        with translated(self._place), self._engine.begin() as connection:
            position, recorded = connection.execute(_HEAD).one()
        return JournalHead(position=position, link=recorded)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def _open(self, absent: DrpError | None) -> None:
        with self._engine.begin() as connection:
            if not inspect(connection).has_table("drp_journal_head"):
                if absent is not None:
                    raise absent
                self._lay()
        with self._engine.begin() as connection:
            version = connection.execute(select(HEAD.c.schema_version)).scalars().first()
            if version is not None and version > SCHEMA_VERSION:
                raise ConfigError(
                    f"journal {self._place} was written by a newer drp "
                    f"(schema {version}; this one knows {SCHEMA_VERSION})",
                    hint="use the newer drp; this one changes nothing in it",
                )
            self._check_guards(connection)
            position, recorded, highest = connection.execute(_ENDS).one()
            newest = connection.execute(
                select(ENTRIES.c.link).where(ENTRIES.c.position == position),
            ).scalar_one_or_none()
        if highest != position or (position >= 0 and newest != recorded):
            raise Tampered(f"journal {self._place}: its recorded head does not fit its last entry")

    def _lay(self) -> None:
        with self._writing() as connection:
            if not inspect(connection).has_table("drp_journal_head"):  # unless another process was faster
                lay(connection, GENESIS)

    def _check_guards(self, connection: Connection) -> None:
        if missing := missing_guards(connection):
            raise Tampered(f"journal {self._place}: its append-only guards were removed: {', '.join(missing)}")
        if connection.execute(_HEAD).first() is None:
            raise Tampered(f"journal {self._place}: its head is gone")

    def _chain_at(self, drill: str, after: int) -> DrillChain:
        if after < 0:
            return DrillChain()
        rows = self._rows(
            select(ENTRIES).where(ENTRIES.c.drill == drill, ENTRIES.c.sequence == after),
        )
        if not rows:
            if self._rows(select(ENTRIES).where(ENTRIES.c.drill == drill, ENTRIES.c.sequence > after).limit(1)):
                raise broken(drill, after, "it is missing")
            return DrillChain(next_sequence=after + 1)
        return DrillChain(next_sequence=after + 1, head=rows[0].hash)

    def _rows(self, statement: Select[Any]) -> list[Row]:
        with translated(self._place), self._engine.begin() as connection:
            return [
                Row(position=position, drill=drill, sequence=sequence, body=body, hash=entry_hash, link=entry_link)
                for position, drill, sequence, body, entry_hash, entry_link in connection.execute(statement)
            ]

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._writer.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(_LOCK, {"key": _LOCK_KEY})
            yield connection


_HEAD = select(HEAD.c.position, HEAD.c.link)
_ENDS = select(
    HEAD.c.position,
    HEAD.c.link,
    func.coalesce(select(func.max(ENTRIES.c.position)).scalar_subquery(), -1),
)
_last = (
    select(ENTRIES.c.sequence, ENTRIES.c.hash)
    .where(ENTRIES.c.drill == bindparam("of_drill"))
    .order_by(ENTRIES.c.sequence.desc())
    .limit(1)
    .subquery()
)
_ENDS_OF_DRILL = select(HEAD.c.position, HEAD.c.link, _last.c.sequence, _last.c.hash).outerjoin(_last, literal(True))
_INSERT = ENTRIES.insert()
_DRILLS = select(ENTRIES.c.drill).where(ENTRIES.c.sequence == text("0")).order_by(ENTRIES.c.position)
_LOCK = text("SELECT pg_advisory_xact_lock(:key)")


def _url(location: str | Path, password: str | None) -> URL:
    if isinstance(location, Path):
        return URL.create("sqlite", database=str(location))
    try:
        url = make_url(location)
    except ArgumentError as error:
        raise ConfigError("the journal's url is not a database url") from error
    if url.drivername not in {"sqlite", "postgresql+pg8000"}:
        raise ConfigError(
            f"the journal cannot be kept in {url.drivername}",
            hint="use a path, or postgresql+pg8000://user@host/database",
        )
    return url if password is None else url.set(password=password)


def _is_there(url: URL) -> bool:
    """Return whether there is something to open: a SQLite file with content, or a server to ask."""
    path = Path(url.database or "")
    return url.get_backend_name() != "sqlite" or (path.exists() and path.stat().st_size > 0)


def _engine(url: URL) -> Engine:
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
    engine = create_engine(url, pool_pre_ping=True, connect_args={"timeout": 3 * _WAIT_SECONDS})
    event.listen(engine, "connect", _prepare_postgresql)
    return engine


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
    cursor.close()
    connection.commit()
