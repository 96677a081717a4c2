"""The system clock: the one place that reads time."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

from drp.domain.clock import Stamp

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_NOT_SYNCHRONISED = 5
"""TIME_ERROR of adjtimex(2): the clock follows no time server, or has not for too long."""


class SystemClock:
    """The Clock port on this machine's clocks."""

    def __init__(self) -> None:
        """Read the boot id once: it cannot change while this process lives."""
        self._boot_id = _BOOT_ID.read_text(encoding="ascii").strip()

    def now(self) -> Stamp:
        """Return wall clock (UTC), boot id, and the monotonic clock that runs on while the machine sleeps."""
        return Stamp(
            wall=datetime.now(UTC),
            monotonic_ns=time.clock_gettime_ns(time.CLOCK_BOOTTIME),
            boot_id=self._boot_id,
            synchronised=is_synchronised(),
        )

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def is_synchronised() -> bool:
    """Return whether the kernel says that the wall clock follows a time server (adjtimex(2), changing nothing)."""
    import ctypes  # noqa: PLC0415 - most that ask for the time ask for nothing else

    question = ctypes.create_string_buffer(512)  # struct timex takes 208 bytes; zero modes read only
    state = int(ctypes.CDLL(None).adjtimex(question))
    return 0 <= state < _NOT_SYNCHRONISED


def boot_id() -> str:
    """Return the id of this boot of the machine."""
    return _BOOT_ID.read_text(encoding="ascii").strip()


def utc_now() -> datetime:
    """Return the wall clock in UTC, for labels and log lines; drills use the Clock port."""
    return datetime.now(UTC)
