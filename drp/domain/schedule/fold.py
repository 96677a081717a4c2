"""The state of the schedule as a pure function of its register: what is open, what people decided, how slots ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from drp.domain.schedule.events import Paused, PolicySeen, RegisterEntry, SlotEnded, SlotExpected, SlotSkipped
from drp.domain.schedule.slot import Slot


@dataclass(slots=True)
class ScheduleState:
    """What the register says now; it does not grow with the years."""

    policies: dict[str, PolicySeen] = field(default_factory=dict)
    """Policies in force, by key."""
    since: dict[str, RegisterEntry] = field(default_factory=dict)
    """Policy → the entry from which on its slots count."""
    last: dict[str, Slot] = field(default_factory=dict)
    """Policy → the newest slot of cause ``cron`` that was expected; all before it were, too."""
    open: dict[str, SlotExpected] = field(default_factory=dict)
    """Slot id → expected and not ended."""
    ended: dict[str, tuple[SlotEnded, ...]] = field(default_factory=dict)
    """Policy → its newest ends, oldest first, no more than `KEPT`."""
    pauses: dict[str, Paused] = field(default_factory=dict)
    skipped: dict[str, SlotSkipped] = field(default_factory=dict)
    """Slot id → somebody's word, until it has come."""


KEPT = 30


def fold_register(entries: Iterable[RegisterEntry], state: ScheduleState | None = None) -> ScheduleState:
    """Return the state after the entries, from nothing or from an earlier one."""
    raise NotImplementedError(entries, state)
