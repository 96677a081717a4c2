"""A Journal in memory: the same chain, no disk. `fail_at` makes the n-th append (from 0) raise instead."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from drp.domain.events import DrillDeclared, Entry, Event
from drp.domain.ports import Clock
from drp.errors import DrpError
from drp.journal.chain import GENESIS, DrillChain, JournalChain, Row, declared_already, forge, link
from tests.simulators.beside import MemoryBeside


class MemoryJournal(MemoryBeside):
    """The Journal port in memory; `rows` may be damaged by a test."""

    def __init__(self, clock: Clock, *, fail_at: int | None = None, failure: DrpError | None = None) -> None:
        super().__init__(clock)
        self.rows: list[Row] = []
        self._lock = threading.Lock()
        self._appends = 0
        self._fail_at, self._failure = fail_at, failure

    def append(self, drill: str, *events: Event) -> tuple[Entry, ...]:
        with self._lock:
            number, self._appends = self._appends, self._appends + 1
            if self._failure is not None and number == self._fail_at:
                raise self._failure
            if any(row.drill == drill for row in self.rows) and any(isinstance(one, DrillDeclared) for one in events):
                raise declared_already(drill)
            return tuple(self._append(drill, event) for event in events)

    def _append(self, drill: str, event: Event) -> Entry:
        mine = [row for row in self.rows if row.drill == drill]
        previous = mine[-1].hash if mine else GENESIS
        body, entry = forge(drill, len(mine), self.clock.now(), event, previous)
        position = len(self.rows)
        chained = link(position, entry.hash, self.rows[-1].link if self.rows else GENESIS)
        self.rows.append(
            Row(position=position, drill=drill, sequence=len(mine), body=body, hash=entry.hash, link=chained)
        )
        return entry

    def entries(self, drill: str, after: int = -1) -> Iterator[Entry]:
        chain = DrillChain()
        for row in tuple(self.rows):
            if row.drill == drill:
                entry = chain.follow(row)
                if entry.sequence > after:
                    yield entry

    def drills(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row.drill for row in self.rows))

    def verify(self, *, whole: bool = True) -> int:
        chain = JournalChain()
        for row in self.rows:
            chain.pass_over(row)
        chain.end(len(self.rows) - 1, self.rows[-1].link if self.rows else GENESIS)
        return chain.next_position
