"""The Journal port on a database: SQLite (one machine) or PostgreSQL (several), the same code.

An entry that `append` returned is on the disk: WAL with ``synchronous=FULL``, ``synchronous_commit=on``.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, bindparam, inspect, literal, select, text

from drp.domain.events import DrillDeclared, Entry, Event, Progressed, Sign
from drp.domain.ports import Clock
from drp.errors import Busy, DrpError, StorageFull
from drp.journal import leases, progress
from drp.journal.chain import GENESIS, MISSING, DrillChain, Row, broken, declared_already, forge, link
from drp.journal.database import Database
from drp.journal.engines import Wrap
from drp.journal.history import SqlHistory
from drp.journal.marks import NOTHING
from drp.journal.opening import open_journal
from drp.journal.register import SqlRegister
from drp.journal.tables import ENTRIES, HEAD
from drp.journal.verification import last_mark, note_verified, verify_all, verify_since

_BATCH = 500
_DRILLS_AT_ONCE = 32


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
        absent: Callable[[], DrpError | None] = lambda: None,
        reads_only: bool = False,
        wrap: Wrap | None = None,
    ) -> None:
        """Open the journal, making it when there is none; what ``absent`` gives is raised where there must be one.

        ``reads_only`` needs no right to write, and changes and makes nothing: an absent journal is an empty one.

        ``location`` is the path of a SQLite file or a URL (``postgresql+pg8000://user@host/database``); ``wrap`` gives
        the TLS of a connection to a server (None: this machine's authorities vouch for one beyond it). Raises
        ConfigError for a URL that is none or a journal from a newer drp, StorageFull when it cannot be opened,
        Busy when another drp holds it, Tampered when its guards or its end are gone, NotReadable with ``reads_only``,
        ServerUnproven.
        """
        self._clock = clock
        self._lock = threading.Lock()
        self._database = Database(location, password, reads_only=reads_only, wrap=wrap)
        self._held: dict[str, leases.Lease] = {}
        self._history = SqlHistory(self._database, self.entries)
        self.register = SqlRegister(self._database, clock)
        """The register of the schedule, which lies in the same database."""
        open_journal(self._database, absent)

    def append(self, drill: str, *events: Event) -> tuple[Entry, ...]:
        """Make events durable and return them in their places. Raises StorageFull, Busy; nothing is written then.

        Busy also for a drill that another holds, and for a second declaration of one: two hosts may begin the drill of
        one slot at the same time. LeaseLost when it was held and is not any more.
        """
        assert not self._database.reads_only, "who only reads adds nothing"
        entries = []
        with self._lock, self._database.translated(), self._writing(drill) as connection:
            position, chained, last, previous = connection.execute(_ENDS_OF_DRILL, {"of_drill": drill}).one()
            sequence, previous = -1 if last is None else last, previous or GENESIS
            for event in events:
                position, sequence = position + 1, sequence + 1
                if sequence > 0 and isinstance(event, DrillDeclared):
                    raise declared_already(drill)
                body, entry = forge(drill, sequence, self._clock.now(), event, previous)
                chained, previous = link(position, entry.hash, chained), entry.hash
                row = {"position": position, "drill": drill, "sequence": sequence, "body": body}
                connection.execute(
                    _INSERT, {**row, "hash": entry.hash, "link": chained}
                )  # a trigger takes the head along
                entries.append(entry)
        return tuple(entries)

    def hold(self, drill: str) -> None:
        """Take a drill for this process alone. Raises Busy naming the host that has it, StorageFull."""
        with self._lock, self._database.translated():
            self._held[drill] = leases.take(self._database, drill)

    def release(self, drill: str) -> None:
        """Give a drill back, if it is held; raises nothing."""
        with self._lock:
            held = self._held.pop(drill, None)
            if held is not None:
                held.release()

    def require_held(self) -> None:
        """Raise LeaseLost when a drill that was taken is not ours any more."""
        with self._lock, self._database.translated():
            for held in self._held.values():
                held.require()

    def holder(self, drill: str) -> str | None:
        """Return the host on which a drill is held, empty where that is not told; None: nobody holds it."""
        with self._database.translated():
            return leases.holder(self._database, drill)

    @contextmanager
    def _writing(self, drill: str) -> Iterator[Connection]:
        """Give a transaction that adds to a drill: of who holds it, or of a moment in which nobody does."""
        if (held := self._held.get(drill)) is not None:
            with held.writing() as connection:
                yield connection
            return
        with self._database.writing() as connection:
            leases.require_free(self._database, connection, drill)
            yield connection

    def note(self, drill: str, event: Progressed) -> Sign:
        """Keep a sign of life beside the chain and return it; one for which there is no room is only returned."""
        sign = progress.as_read(Sign(drill=drill, number=-1, stamp=self._clock.now(), event=event))
        with suppress(DrpError), self._lock, self._database.translated(), self._database.writer.begin() as connection:
            return progress.keep(connection, sign)
        return sign

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

    def entries_of(self, drills: Iterable[str]) -> Iterator[tuple[str, Iterator[Entry]]]:
        """Yield each drill with its entries, as `entries` yields them, in any order: many drills by one statement."""
        left = deque(dict.fromkeys(drills))
        while left:
            some = [left.popleft() for _ in range(min(len(left), _DRILLS_AT_ONCE))]
            ordered = select(ENTRIES).where(ENTRIES.c.drill.in_(some)).order_by(ENTRIES.c.drill, ENTRIES.c.sequence)
            rows = self._rows(ordered.limit(_BATCH))
            found: dict[str, list[Row]] = {}
            for row in rows:
                found.setdefault(row.drill, []).append(row)
            # of the last there may be more, and of those without a row everything
            more = rows[-1].drill if len(rows) == _BATCH else None
            left.extend(drill for drill in some if more is not None and drill not in found)
            for drill in some:
                if more is None or drill in found:
                    yield drill, self._followed(drill, found.get(drill, []), to_the_end=drill != more)

    def _followed(self, drill: str, rows: Iterable[Row], *, to_the_end: bool) -> Iterator[Entry]:
        """Yield a drill's entries from its first rows on, each checked; unless they go to the end, read on."""
        chain, after = DrillChain(), -1
        for row in rows:
            yield chain.follow(row)
            after = row.sequence
        if not to_the_end:
            yield from self.entries(drill, after)

    def signs(self, drill: str) -> tuple[Sign, ...]:
        """Return the signs of life that are left of a drill, oldest first."""
        return self._database.read(
            lambda connection: (
                progress.signs(connection, drill) if inspect(connection).has_table(progress.SIGNS.name) else ()
            )
        )

    def drills(self) -> tuple[str, ...]:
        """Return the ids of all drills, oldest first."""
        return self._database.read(lambda connection: tuple(connection.execute(_DRILLS).scalars()))

    @property
    def history(self) -> SqlHistory:
        """Return what tells which drills to read."""
        return self._history

    def verify(self, *, whole: bool = True) -> int:
        """Return how many entries were checked; raises Tampered naming the first that does not fit the chain.

        Every entry is hashed; whether this version of drp understands it is seen when it is read. Unless ``whole``,
        only what came since the last time is looked at. Who may write notes how far the journal was verified, and
        brings up to date what `history` tells.
        """
        mark = NOTHING if whole else self._database.read(last_mark)
        if mark is NOTHING:
            checked, at = verify_all(self._database, self._rows), self._clock.now().wall
        else:
            checked, at = verify_since(self._database, self._rows, mark), None
        if not self._database.reads_only:
            with suppress(StorageFull, Busy):  # what only saves work waits for the next who verifies
                note_verified(self._database, mark.position + 1 + checked, at)
                self._history.catch_up()
        return checked

    def head(self) -> JournalHead:
        """Return where the journal ends."""
        position, recorded = self._database.read(lambda connection: connection.execute(_HEAD).one())
        return JournalHead(position=position, link=recorded)

    def close(self) -> None:
        """Give back what is held, and close every connection."""
        for drill in tuple(self._held):
            self.release(drill)
        self._database.close()

    def _chain_at(self, drill: str, after: int) -> DrillChain:
        if after < 0:
            return DrillChain()
        rows = self._rows(
            select(ENTRIES).where(ENTRIES.c.drill == drill, ENTRIES.c.sequence == after),
        )
        if not rows:
            if self._rows(select(ENTRIES).where(ENTRIES.c.drill == drill, ENTRIES.c.sequence > after).limit(1)):
                raise broken(drill, after, MISSING)
            return DrillChain(next_sequence=after + 1)
        return DrillChain(next_sequence=after + 1, head=rows[0].hash)

    def _rows(self, statement: Select[Any]) -> list[Row]:
        return self._database.read(
            lambda connection: [
                Row(position=position, drill=drill, sequence=sequence, body=body, hash=entry_hash, link=entry_link)
                for position, drill, sequence, body, entry_hash, entry_link in connection.execute(statement)
            ]
        )


_HEAD = select(HEAD.c.position, HEAD.c.link)
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
