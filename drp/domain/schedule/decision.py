"""What is to become of a slot now. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from drp.domain.schedule.slot import Ending, Slot

Occasions = Callable[[str, str, datetime], Iterator[datetime]]
"""Cron expression, time zone, instant → the instants after it at which the expression fires, UTC (`drp/cron.py`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Start it, let it wait, or end it; and why."""

    slot: Slot
    action: Literal["start", "wait", "end"]
    reason: str
    """A code of `drp.domain.schedule.reasons`."""
    values: Mapping[str, str] = field(default_factory=dict)
    not_before: datetime | None = None
    """For ``wait``: when it is worth asking again; None: nobody knows."""
    ending: Ending | None = None
    """For ``end``."""
    start_by: datetime | None = None
    """When the slot is missed if it did not start: what `SlotExpected.start_by` says, or is to say."""
    new: bool = False
    """Whether the register does not know the slot yet: it is to be expected before anything becomes of it."""
