"""Waiting for events. The limits are reached only where something is wrong, however slow or busy the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
PATIENCE = 120.0
"""Seconds after which an event will not come any more."""


def eventually(look: Callable[[], Found], seconds: float = PATIENCE) -> Found:
    """Return what ``look`` returns as soon as it is true, or in the end whatever it is."""
    deadline = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found
