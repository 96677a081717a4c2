"""What of a Journal is beside the chain, in memory: all signs of life are kept, and history is worked out anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, cast

from drp.codec import canonical, from_json, to_data
from drp.domain.events import Entry, Progressed, Sign
from drp.domain.ports import Clock
from drp.errors import Busy
from tests.simulators.history import MemoryHistory

if TYPE_CHECKING:
    from drp.domain.journal import Journal


HOST = "simulated"


class MemoryBeside:
    """Signs of life and history."""

    def __init__(self, clock: Clock) -> None:
        self.noted: list[Sign] = []
        self.held: set[str] = set()
        self.clock = clock
        self.history = MemoryHistory(cast("Journal", self))

    def note(self, drill: str, event: Progressed) -> Sign:
        sign = Sign(drill=drill, number=len(self.noted), stamp=self.clock.now(), event=event)
        self.noted.append(from_json(Sign, canonical(to_data(sign))))
        return self.noted[-1]

    def signs(self, drill: str) -> tuple[Sign, ...]:
        return tuple(sign for sign in self.noted if sign.drill == drill)

    def entries_of(self, drills: Iterable[str]) -> Iterator[tuple[str, Iterator[Entry]]]:
        for drill in dict.fromkeys(drills):
            yield drill, cast("Journal", self).entries(drill)

    def hold(self, drill: str) -> None:
        if drill in self.held:
            raise Busy(f"drill {drill} is running on {HOST}")
        self.held.add(drill)

    def release(self, drill: str) -> None:
        self.held.discard(drill)

    def require_held(self) -> None:
        """Nothing takes a drill away from who holds it in memory."""

    def holder(self, drill: str) -> str | None:
        return HOST if drill in self.held else None
