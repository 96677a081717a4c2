"""A reading of the clocks of one machine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """One instant: wall clock for people, monotonic clock for durations, boot id to know whether they compare."""

    wall: datetime
    """UTC."""
    monotonic_ns: int
    boot_id: str


def elapsed_ms(start: Stamp, end: Stamp) -> tuple[int, bool]:
    """Return milliseconds between two stamps, never negative, and whether the monotonic clock gave them."""
    if start.boot_id == end.boot_id:
        return max(0, (end.monotonic_ns - start.monotonic_ns) // 1_000_000), True
    return max(0, int((end.wall - start.wall).total_seconds() * 1000)), False
