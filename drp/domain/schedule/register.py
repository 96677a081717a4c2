"""The border to the register of the schedule: where slots, their ends and people's decisions are written down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Protocol

from drp.domain.schedule.events import RegisterEntry, RegisterEvent
from drp.domain.schedule.fold import ScheduleState


class Register(Protocol):
    """The append-only register of the schedule. Raises as the Journal port does."""

    def append(self, *events: RegisterEvent, head: str | None = None) -> tuple[RegisterEntry, ...]:
        """Make events durable, all of them or none, in their order.

        Raises ``Busy`` where another process was faster: the register is not at ``head`` any more, or a slot was
        expected, or has ended, already; ``UsageError`` for the end of a slot that was never expected.
        """
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

    def state_at(self) -> tuple[ScheduleState, str]:
        """Return the state with the head that it is of, of one reading."""
        ...

    def link_at(self, position: int) -> str | None:
        """Return the link of an entry, None if there is none: what a head that was named earlier is compared with."""
        ...

    def verify(self) -> int:
        """Return how many entries fit the chain. Raises ``Tampered``."""
        ...

    def beat(self, host: str, at: datetime) -> None:
        """Note beside the chain that a host looked at the schedule; raises nothing for want of room."""
        ...

    def beats(self) -> Mapping[str, datetime]:
        """Return when each host last looked at the schedule: shown, and no proof of anything."""
        ...
