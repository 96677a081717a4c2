"""The border to the register of the schedule: where slots, their ends and people's decisions are written down."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from drp.domain.schedule.events import RegisterEntry, RegisterEvent
from drp.domain.schedule.fold import ScheduleState


class Register(Protocol):
    """The append-only register of the schedule. Raises as the Journal port does."""

    def append(self, *events: RegisterEvent) -> tuple[RegisterEntry, ...]:
        """Make events durable, all of them or none, in their order. Refuses a second end of one slot."""
        ...

    def entries(self, after: int = -1) -> Iterator[RegisterEntry]:
        """Yield entries in order, from the one after that position, each checked against the chain."""
        ...

    def state(self) -> ScheduleState:
        """Return the folded state, read in time that does not grow."""
        ...

    def head(self) -> str:
        """Return position and link of the last entry as ``position:link``; ``-1:`` and zeros when there is none."""
        ...

    def verify(self) -> int:
        """Return how many entries fit the chain. Raises ``Tampered``."""
        ...
