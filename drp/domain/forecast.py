"""Whether a restore that is under way can come to its end: told early, and never from a short or lucky sample. Pure.

Nothing here judges the backup: what cannot come to its end on this host has shown nothing about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Hopeless = Literal["", "room", "time"]
"""Empty: it may come to its end · room: what is left does not fit · time: not even at twice the best rate seen."""

LEAST_BYTES = 256 << 20
"""Before so much was restored nothing is forecast."""
LEAST_SHARE = 0.05
"""Nor before this share of all was."""
LEAST_TIME_SHARE = 0.1
"""Nor, of time, before this share of the limit is over."""
SLACK = 0.9
"""What is left may turn out this much smaller than what came: holes, links."""
BEST_TIMES = 2.0
"""It may go on so many times as fast as it ever went."""
WINDOW_SECONDS = 30.0
"""A rate is measured over at least so long: bursts of a cache are no rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen of a restore at one moment."""

    elapsed_seconds: float
    done_bytes: int
    total_bytes: int
    used_bytes: int
    """Of its volumes, by what was restored."""
    free_bytes: int
    """Of its volumes."""


class Forecast:
    """What the progress of one restore says of its end."""

    def __init__(self, limit_seconds: float) -> None:
        """Take how long it may take."""
        self._limit = limit_seconds
        self._marks: list[tuple[float, int]] = [(0.0, 0)]
        self._best = 0.0

    @property
    def best_bytes_per_second(self) -> float:
        """Return the best rate over a window; 0: none is over yet."""
        return self._best

    def hopeless(self, seen: Seen) -> Hopeless:
        """Take in what was seen, and return why it cannot come to its end; empty: it may."""
        self._note(seen)
        left = seen.total_bytes - seen.done_bytes
        if left <= 0 or seen.done_bytes < max(LEAST_BYTES, LEAST_SHARE * seen.total_bytes):
            return ""
        density = min(1.0, seen.used_bytes / seen.done_bytes)
        if left * density * SLACK > seen.free_bytes:
            return "room"
        remaining = self._limit - seen.elapsed_seconds
        late = seen.elapsed_seconds >= LEAST_TIME_SHARE * self._limit and self._best > 0
        if late and left > BEST_TIMES * self._best * max(0.0, remaining):
            return "time"
        return ""

    def _note(self, seen: Seen) -> None:
        """Keep marks a window apart, and the best rate between two of them."""
        began, done = self._marks[-1]
        if seen.elapsed_seconds - began >= WINDOW_SECONDS:
            self._best = max(self._best, (seen.done_bytes - done) / (seen.elapsed_seconds - began))
            self._marks.append((seen.elapsed_seconds, seen.done_bytes))
            del self._marks[:-1]
