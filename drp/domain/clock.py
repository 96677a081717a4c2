"""A reading of the clocks of one machine, and how long it was between two of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

CLOCKS_AGREE = timedelta(minutes=1)
"""Clocks of two machines that are no further apart count as the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """One instant: wall clock for people, monotonic clock for durations, boot id to know whether they compare."""

    wall: datetime
    """UTC."""
    monotonic_ns: int
    boot_id: str
    synchronised: bool = False
    """The kernel says that the wall clock follows a time server (adjtimex(2))."""


def elapsed_ms(start: Stamp, end: Stamp) -> tuple[int | None, bool]:
    """Return milliseconds between two stamps, and whether the monotonic clock gave them.

    None where the clock ran backwards: that measured nothing, and is never taken for no time at all.
    """
    if start.boot_id == end.boot_id:
        passed = (end.monotonic_ns - start.monotonic_ns) // 1_000_000
        return (passed if passed >= 0 else None), True
    passed = int((end.wall - start.wall).total_seconds() * 1000)
    return (passed if passed >= 0 else None), False


def waited_ms(start: Stamp, now: Stamp) -> int:
    """Return milliseconds that a process has waited: both stamps are its own, so its machine was not restarted."""
    passed, _ = elapsed_ms(start, now)
    return passed or 0
