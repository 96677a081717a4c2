"""The journal in memory, which can die before or after any of its entries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from drp.codec import digest
from drp.domain.events import Entry, Event
from tests.simulators.beside import MemoryBeside
from tests.simulators.clock import SimClock
from tests.support.flattened import flattened


class Killed(BaseException):
    """The process died here."""


class SimJournal(MemoryBeside):
    """Memory journal with the chain, and a trap that kills before or after the Nth append."""

    def __init__(self, clock: SimClock) -> None:
        super().__init__(clock)
        self.stored, self.appends = {}, 0
        self.kill_at: tuple[int, str] | None = None

    def append(self, drill: str, *events: Event) -> tuple[Entry, ...]:
        self.appends += 1
        lost = [place for event in events for place in flattened(event)]
        assert not lost, "facts that the journal would flatten to sentences"
        if self.kill_at == (self.appends, "before"):
            raise Killed
        entries = self.stored.setdefault(drill, [])
        begun = len(entries)
        for event in events:
            previous = entries[-1].hash if entries else "0" * 64
            entry = Entry(
                drill=drill, sequence=len(entries), stamp=self.clock.now(), event=event, previous=previous, hash=""
            )
            entries.append(replace(entry, hash=digest(entry)))
        if self.kill_at == (self.appends, "after"):
            raise Killed
        return tuple(entries[begun:])

    def entries(self, drill: str, after: int = -1) -> Iterator[Entry]:
        return iter(self.stored.get(drill, [])[after + 1 :])

    def drills(self) -> tuple[str, ...]:
        return tuple(self.stored)

    def verify(self, *, whole: bool = True) -> int:
        return sum(map(len, self.stored.values()))
