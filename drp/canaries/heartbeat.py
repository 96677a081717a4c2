"""One heartbeat, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """An instant that the application is going to hold."""

    at: datetime
    """UTC, by this machine's clock."""
    nonce: str
    """Tells two heartbeats of one instant apart; 16 hex digits."""

    @property
    def text(self) -> str:
        """Return the instant as verifiers read it: ISO 8601 in UTC, to the microsecond."""
        return self.at.astimezone(UTC).isoformat(timespec="microseconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Where the heartbeat is now; read back, or acknowledged by the application."""

    place: str
    removed_from_the_future: int = 0
    """Heartbeats that a clock which ran ahead had left: drills would have refused them."""
