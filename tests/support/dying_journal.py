"""The real journal in a process that dies: after an append, or inside one, where nothing of it may stay."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from drp.domain.clock import Stamp
from drp.domain.events import Entry, Event, FindingRaised, PhaseCompleted
from drp.domain.ports import Clock
from drp.journal import SqlJournal
from tests.simulators.dying import Killed


@dataclass
class Death:
    """When a process dies."""

    left: int
    """So many events, or findings, from now."""
    moment: Literal["inside", "after", "unsaid"]
    """inside: before the event is written, in the middle of its append · after: once its append is durable · unsaid:
    before a finding, where an older drp had written what it follows from already."""


class Mortal:
    """A clock that is asked for each event, and at which the process may die."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.death: Death | None = None

    def now(self) -> Stamp:
        if self.death is not None and self.death.moment != "unsaid":
            self.death.left -= 1
            if self.over and self.death.moment == "inside":
                raise Killed
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)

    @property
    def over(self) -> bool:
        return self.death is not None and self.death.left <= 0


class DyingJournal(SqlJournal):
    """A journal in a SQLite file, whose writer dies when its clock says so."""

    def __init__(self, path: Path, clock: Mortal, *, of_old: bool = False) -> None:
        self.mortal, self.of_old = clock, of_old
        super().__init__(path, clock)

    def append(self, drill: str, *events: Event) -> tuple[Entry, ...]:
        """Append at once, or as drp 0.1 did: one by one, and the findings of an output a second time."""
        if not self.of_old:
            return self._append(drill, events)
        told: list[Event] = []
        for event in events:
            told.append(event)
            if isinstance(event, PhaseCompleted):
                told += [FindingRaised(recovery=event.recovery, finding=one) for one in event.output.findings]
        return tuple(entry for event in told for entry in self._append(drill, (event,)))

    def _append(self, drill: str, events: tuple[Event, ...]) -> tuple[Entry, ...]:
        death = self.mortal.death
        if death is not None and death.moment == "unsaid" and isinstance(events[0], FindingRaised):
            death.left -= 1
        entries = super().append(drill, *events) if not self.mortal.over or death.moment != "unsaid" else ()
        if self.mortal.over:
            raise Killed
        return entries
