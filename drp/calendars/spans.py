"""What of a calendar closes the house."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Closed:
    """One event's span, the end exclusive, UTC."""

    begins: datetime
    ends: datetime


@dataclass(slots=True)
class Expanded:
    """What a calendar closes, by beginning."""

    closed: list[Closed] = field(default_factory=list)
    free: int = 0
    cancelled: int = 0
