"""How many recoveries a machine carries at the same time: as many as it has processors, memory and descriptors for."""

from __future__ import annotations

import os
from pathlib import Path

from drp.descriptors import descriptors_left

EACH_CORE = 2
"""A recovery waits half of its time: for a repository, for a server that starts."""
MEMORY_BYTES = 512 << 20
"""What the tools of one recovery take; what is restored has limits of its own."""
DESCRIPTORS = 64
"""At its most: sandbox, restore cell and runbook, open at once."""
_MEMORY = Path("/proc/meminfo")


def capacity() -> int:
    """Return how many recoveries may run at the same time here and now, at least one."""
    return max(1, min(_cores() * EACH_CORE, _available_bytes() // MEMORY_BYTES, descriptors_left() // DESCRIPTORS))


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _available_bytes() -> int:
    """Return the memory that can be had without swapping; where nobody tells, no bound."""
    try:
        lines = _MEMORY.read_text(encoding="ascii").splitlines()
    except OSError:
        lines = []
    found = (int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    return next(found, MEMORY_BYTES * _cores() * EACH_CORE)
