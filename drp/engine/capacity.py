"""How many recoveries a machine carries at the same time: as many as it has processors, memory and descriptors for."""

from __future__ import annotations

from drp.descriptors import descriptors_left
from drp.domain.precheck import TOOLS_BYTES
from drp.machine import available_memory, cores

EACH_CORE = 2
"""A recovery waits half of its time: for a repository, for a server that starts."""
DESCRIPTORS = 64
"""At its most: sandbox, restore cell and runbook, open at once."""


def capacity() -> int:
    """Return how many recoveries may run at the same time here and now, at least one."""
    there, carried = available_memory(), cores() * EACH_CORE
    by_memory = carried if there is None else there // TOOLS_BYTES
    return max(1, min(carried, by_memory, descriptors_left() // DESCRIPTORS))
