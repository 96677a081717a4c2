"""The Register port on the journal's database: a chain of its own, and a snapshot of its state beside it.

``link = SHA-256({hash of the body, position, previous link})``, as the journal's own. The snapshot is bound to the
chain by position and link, to its content by a digest, and to what folds it by `FORM`; one that does not fit is made
again from the entries. What came after it is read entry by entry, hash by hash, up to the head.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, func, select

from drp.codec import to_data
from drp.domain.phrase import say, several
from drp.domain.ports import Clock
from drp.domain.schedule.events import RegisterEntry, RegisterEvent
from drp.domain.schedule.fold import ScheduleState, fold_register
from drp.errors import Busy, DrpError, Tampered
from drp.journal.chain import GENESIS
from drp.journal.database import Database
from drp.journal.register_rows import (
    BATCH,
    Folded,
    forge,
    link_at,
    read,
    read_snapshot,
    require_new,
    row_of,
    rows_after,
    write_snapshot,
)
from drp.journal.register_tables import BEATS, ENTRIES, GUARDS, HEAD, SNAPSHOT, is_laid, lay

_LATE = 500
"""So many entries after the snapshot, and it is made again by whoever may write."""


class SqlRegister:
    """The append-only register of the schedule. Safe to use from several threads and several processes."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Take the journal's open database. Nothing is made until something is to be written down."""
        self._database, self._clock = database, clock
        self._lock = threading.Lock()
        self._known: Folded | None = None

    def append(self, *events: RegisterEvent, head: str | None = None) -> tuple[RegisterEntry, ...]:
        """Make events durable, all of them or none. Raises as the Register port says."""
        assert not self._database.reads_only, "who only reads adds nothing"
        with self._lock, self._database.translated(), self._database.writing() as connection:
            if not is_laid(connection):
                lay(connection, GENESIS)
            position, chained = self._ends(connection)
            if head is not None and head != f"{position}:{chained}":
                raise Busy(say("another process wrote into the register of the schedule meanwhile"), hint="try again")
            entries, rows = [], []
            require_new(connection, events)
            for event in events:
                position += 1
                body, entry_link, entry = forge(position, self._clock.now(), event, chained)
                chained = entry_link
                rows.append(row_of(position, event, body, entry_link))
                entries.append(entry)
            for row in rows:
                connection.execute(ENTRIES.insert(), row)  # a trigger takes the head along
        return tuple(entries)

    def entries(self, after: int = -1) -> Iterator[RegisterEntry]:
        """Yield entries in order, from the one after that position, each checked against the chain."""
        if not self._database.read(is_laid):
            return
        before = self._database.read(lambda connection: link_at(connection, after))
        if before is None:
            raise Tampered(say("register: entry {after} is missing", after=after))
        position, chained = after, before
        while rows := self._database.read(partial(rows_after, position=position)):
            for row in rows:
                yield read(row, position + 1, chained)
                position, chained = row.position, row.link
            if len(rows) < BATCH:
                return

    def state(self) -> ScheduleState:
        """Return the folded state, read in time that does not grow."""
        return self.state_at()[0]

    def state_at(self) -> tuple[ScheduleState, str]:
        """Return the state with the head that it is of, of one reading."""
        with self._lock:
            known, late = self._database.read(self._folded)
            self._known = known
            if late >= _LATE and not self._database.reads_only:
                with suppress(DrpError), self._database.translated(), self._database.writing() as connection:
                    write_snapshot(connection, known)
            return known.state.copy(), f"{known.position}:{known.link}"

    def head(self) -> str:
        """Return position and link of the last entry as ``position:link``."""
        position, chained = self._database.read(self._ends)
        return f"{position}:{chained}"

    def link_at(self, position: int) -> str | None:
        """Return the link of an entry, None if there is none: what an earlier head is compared with."""
        return self._database.read(lambda connection: link_at(connection, position) if is_laid(connection) else None)

    def verify(self) -> int:
        """Return how many entries fit the chain, and hold the snapshot against them. Raises ``Tampered``."""
        if not self._database.read(is_laid):
            return 0
        snapshot, (position, _) = self._database.read(
            lambda connection: (read_snapshot(connection), self._ends(connection))
        )
        folded, count = ScheduleState(), 0
        for entry in self.entries():
            fold_register((entry,), folded)
            count += 1
            if snapshot is not None and entry.position == snapshot.position:
                _require_same(self._database, snapshot, folded)
        if count <= position:
            raise Tampered(say("register: its end is missing after entry {count}", count=count - 1))
        return count

    def beat(self, host: str, at: datetime) -> None:
        """Note beside the chain that a host looked at the schedule; raises nothing for want of room."""
        with suppress(DrpError), self._database.translated(), self._database.writing() as connection:
            if not is_laid(connection):
                lay(connection, GENESIS)
            connection.execute(BEATS.delete().where(BEATS.c.host == host))
            connection.execute(BEATS.insert(), {"host": host, "at": at.isoformat()})

    def beats(self) -> Mapping[str, datetime]:
        """Return when each host last looked at the schedule; what cannot be read is passed over."""

        def find(connection: Connection) -> list[Any]:
            return list(connection.execute(select(BEATS.c.host, BEATS.c.at))) if is_laid(connection) else []

        found = {}
        for host, at in self._database.read(find):
            with suppress(ValueError):
                moment = datetime.fromisoformat(at)
                if moment.tzinfo is not None:
                    found[host] = moment
        return found

    def _ends(self, connection: Connection) -> tuple[int, str]:
        """Return the head; raises Tampered when guards, the head, or the entry that it names are gone."""
        if not is_laid(connection):
            return -1, GENESIS
        if missing := GUARDS.missing(connection):
            message = say(
                "register in {place}: its append-only guards were removed: {guards}",
                place=self._database.place,
                guards=several(missing),
            )
            raise Tampered(message)
        row = connection.execute(_HEAD).first()
        if row is None:
            raise Tampered(say("register in {place}: its head is gone", place=self._database.place))
        if row.highest != row.position or link_at(connection, row.position) != row.link:
            raise Tampered(
                say("register in {place}: its recorded head does not fit its last entry", place=self._database.place)
            )
        return row.position, row.link

    def _folded(self, connection: Connection) -> tuple[Folded, int]:
        """Return the state, and how many entries came after the snapshot."""
        position, chained = self._ends(connection)
        known, stored = self._known, None
        if known is not None and link_at(connection, known.position) == known.link:
            known = Folded(known.position, known.link, known.state.copy())
            stored = connection.execute(select(SNAPSHOT.c.position)).scalar() if position >= 0 else None
        else:
            known = (read_snapshot(connection) if position >= 0 else None) or Folded(-1, GENESIS, ScheduleState())
            stored = known.position
        while rows := (rows_after(connection, known.position) if known.position < position else []):
            for row in rows:
                entry = read(row, known.position + 1, known.link)
                fold_register((entry,), known.state)
                known.position, known.link = entry.position, entry.link
        if (known.position, known.link) != (position, chained):
            raise Tampered(
                say("register in {place}: its recorded head does not fit its last entry", place=self._database.place)
            )
        return known, position - (stored if stored is not None else -1)


def _require_same(database: Database, snapshot: Folded, folded: ScheduleState) -> None:
    """Raise Tampered for a snapshot that says something else than the entries; it is dropped by who may write."""
    if to_data(snapshot.state) == to_data(folded):
        return
    if not database.reads_only:
        with database.translated(), database.writing() as connection:
            connection.execute(SNAPSHOT.delete())
    raise Tampered(
        say("register: what was noted in short of the schedule does not follow from its entries"),
        hint="its entries are intact, and the notes are made again; find out who changed them",
    )


_HEAD = select(
    HEAD.c.position,
    HEAD.c.link,
    func.coalesce(select(func.max(ENTRIES.c.position)).scalar_subquery(), -1).label("highest"),
)
