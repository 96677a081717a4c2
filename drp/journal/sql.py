"""The Journal port on a database: SQLite (one machine) or PostgreSQL (several), the same code.

One writer at a time: SQLite's write lock, PostgreSQL's advisory lock. An entry that `append` returned is on the disk:
WAL with ``synchronous=FULL``, ``synchronous_commit=on``. Readers never wait for a writer, nor a writer for them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Select, bindparam, func, inspect, literal, select, text
from sqlalchemy.exc import DBAPIError

from drp.domain.events import Entry, Event
from drp.domain.ports import Clock
from drp.errors import Busy, ConfigError, DrpError, Tampered
from drp.journal.chain import GENESIS, DrillChain, JournalChain, Row, broken, forge, link
from drp.journal.engines import NOWHERE, database_url, is_there, reading_engine, still_file, writing_engine
from drp.journal.failures import translated
from drp.journal.tables import ENTRIES, HEAD, SCHEMA_VERSION, lay, missing_guards

T = TypeVar("T")
_BATCH = 500
_READINGS = 5
"""So often a file that changes while it is read is read again."""
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
        self,
        location: str | Path,
        clock: Clock,
        *,
        password: str | None = None,
        absent: DrpError | None = None,
        reads_only: bool = False,
    ) -> None:
        """Open the journal, making it when there is none; ``absent`` is raised instead where there must be one.

        ``reads_only`` needs no right to write, and changes and makes nothing: an absent journal is an empty one.

        ``location`` is the path of a SQLite file or a URL (``postgresql+pg8000://user@host/database``). Raises
        ConfigError for a URL that is none or a journal from a newer drp, StorageFull when it cannot be opened,
        Busy when another drp holds it, Tampered when its guards or its end are gone, NotReadable with ``reads_only``.
        """
        url = database_url(location, password)
        self._clock = clock
        self._lock = threading.Lock()
        self._place = str(url.database) if url.get_backend_name() == "sqlite" else url.render_as_string()
        self._reads_only = reads_only
        with self._translated():
            if not is_there(url):
                if absent is not None:
                    raise absent
                url = NOWHERE if reads_only else url
            self._use(url)
            try:
                self._open(absent)
            except BaseException:
                self._engine.dispose()
                raise

    def append(self, drill: str, *events: Event) -> tuple[Entry, ...]:
        """Make events durable and return them in their places. Raises StorageFull, Busy; nothing is written then."""
        assert not self._reads_only, "who only reads adds nothing"
        entries = []
        with self._lock, self._translated(), self._writing() as connection:
            position, chained, last, previous = connection.execute(_ENDS_OF_DRILL, {"of_drill": drill}).one()
            sequence, previous = -1 if last is None else last, previous or GENESIS
            for event in events:
                position, sequence = position + 1, sequence + 1
                body, entry = forge(drill, sequence, self._clock.now(), event, previous)
                chained, previous = link(position, entry.hash, chained), entry.hash
                row = {"position": position, "drill": drill, "sequence": sequence, "body": body}
                connection.execute(
                    _INSERT, {**row, "hash": entry.hash, "link": chained}
                )  # a trigger takes the head along
                entries.append(entry)
        return tuple(entries)

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
        return self._read(lambda connection: tuple(connection.execute(_DRILLS).scalars()))

    def verify(self) -> int:
        """Return how many entries were checked, of all drills, to the end; raises Tampered naming the first misfit."""
        position, recorded, highest = self._read(self._sound_ends)
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
        position, recorded = self._read(lambda connection: connection.execute(_HEAD).one())
        return JournalHead(position=position, link=recorded)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def _use(self, url: URL) -> None:
        self._engine = reading_engine(url) if self._reads_only else writing_engine(url)
        self._writer = self._engine.execution_options(drp_writes=True)
        self._file = still_file(url) if self._reads_only else None

    def _translated(self) -> AbstractContextManager[None]:
        return translated(self._place, reads_only=self._reads_only)

    def _read(self, work: Callable[[Connection], T]) -> T:
        """Return what a short transaction reads; once more, where the file changed under one that holds no lock."""
        for _ in range(_READINGS):
            with self._translated():
                before = self._file() if self._file is not None else None
                try:
                    with self._engine.begin() as connection:
                        found = work(connection)
                except (DBAPIError, Tampered):
                    if self._file is None or before == self._file():
                        raise
                else:
                    if self._file is None or before == self._file():
                        return found
        raise Busy(f"journal {self._place} changes faster than it can be read")

    def _sound_ends(self, connection: Connection) -> tuple[int, str, int]:
        """Return the head's position and link, and the highest position, of a database without damage."""
        self._check_guards(connection)
        if connection.dialect.name == "sqlite":
            damage = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
            if damage != "ok":
                raise Tampered(f"journal {self._place} is damaged: {damage}")
        position, recorded, highest = connection.execute(_ENDS).one()
        return position, recorded, highest

    def _open(self, absent: DrpError | None) -> None:
        if not self._read(lambda connection: inspect(connection).has_table("drp_journal_head")):
            if absent is not None:
                raise absent
            if self._reads_only:
                self._engine.dispose()
                self._use(NOWHERE)
            self._lay()
        self._read(self._check_opened)

    def _check_opened(self, connection: Connection) -> None:
        version = connection.execute(select(HEAD.c.schema_version)).scalars().first()
        if version is not None and version > SCHEMA_VERSION:
            raise ConfigError(
                f"journal {self._place} was written by a newer drp (schema {version}; this one knows {SCHEMA_VERSION})",
                hint="use the newer drp; this one changes nothing in it",
            )
        self._check_guards(connection)
        position, recorded, highest = connection.execute(_ENDS).one()
        newest = connection.execute(select(ENTRIES.c.link).where(ENTRIES.c.position == position)).scalar_one_or_none()
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
        return self._read(
            lambda connection: [
                Row(position=position, drill=drill, sequence=sequence, body=body, hash=entry_hash, link=entry_link)
                for position, drill, sequence, body, entry_hash, entry_link in connection.execute(statement)
            ]
        )

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
