"""What this process has open: a sandbox that ends leaves none of it behind."""

from __future__ import annotations

import os

from drp.sandboxes.host.memory import unreadable_interpreter


def open_descriptors() -> set[str]:
    """Return the descriptors that are open now; the one that is kept for good from the first sandbox on is made first."""
    unreadable_interpreter()
    return {number for number in os.listdir("/proc/self/fd") if os.path.lexists(f"/proc/self/fd/{number}")}
