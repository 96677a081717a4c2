"""Reads no faster than it may. Whoever was slower than allowed gains nothing by it: no burst follows a pause."""

from __future__ import annotations

import time
from typing import Callable

LONGEST = 1.0
"""Seconds between two signs of life."""


class Pace:
    """So many bytes a second; zero: as fast as it goes."""

    def __init__(
        self,
        most: int,
        tick: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._most, self._tick, self._clock, self._sleep = most, tick, clock, sleep
        self._due = clock()

    def piece(self, wanted: int) -> int:
        """Return how much to read at once: no more than half a second may take."""
        return min(wanted, max(512, self._most // 2)) if self._most else wanted

    def took(self, size: int) -> None:
        """Wait as long as so many bytes may take."""
        if not self._most:
            return
        self._due = max(self._due, self._clock()) + size / self._most
        while True:
            left = self._due - self._clock()
            if left <= 0:
                return
            self._sleep(min(left, LONGEST))
            self._tick()
