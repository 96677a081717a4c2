"""A clock that only its readers move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from drp.domain.clock import Stamp

EPOCH = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


class SimClock:
    def __init__(self) -> None:
        self.elapsed = 0.0
        self.boot = "boot-1"
        self.behind = timedelta(0)

    def now(self) -> Stamp:
        self.elapsed += 0.25
        return Stamp(
            wall=EPOCH + timedelta(seconds=self.elapsed) - self.behind,
            monotonic_ns=int(self.elapsed * 1e9),
            boot_id=self.boot,
        )

    def sleep(self, seconds: float) -> None:
        self.elapsed += seconds
