"""Waiting for events. The limits are reached only where something is wrong, however slow or busy the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
PATIENCE = 120.0
"""Seconds after which an event will not come any more."""


def eventually(look: Callable[[], Found], seconds: float = PATIENCE) -> Found:
    """Return what ``look`` returns as soon as it is true, or in the end whatever it is.

    It looks for a fifth of the time at most: what is waited for needs the processor more than whoever waits.
    """
    deadline = time.monotonic() + seconds
    while True:
        begun = time.thread_time()
        if (found := look()) or time.monotonic() >= deadline:
            return found
        time.sleep(max(0.02, 4 * (time.thread_time() - begun)))
