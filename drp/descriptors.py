"""The limit of open descriptors: raised for drp itself, and not for what it starts.

The soft limit is kept low for programs that use select(2), which breaks above 1,024, and for those that close or list
every possible descriptor; whoever knows to do without may raise it (setrlimit(2), RLIMIT_NOFILE).
"""

from __future__ import annotations

import functools
import os
import resource
from contextlib import suppress


@functools.cache
def limits_found() -> tuple[int, int]:
    """Return the soft and the hard limit that this process was started with, whatever was raised since."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)


def raise_limit() -> None:
    """Let this process open as many descriptors as it may."""
    _, hard = limits_found()
    with suppress(OSError, ValueError):  # then as many as before
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def as_found() -> list[str]:
    """Return the start of an argv that runs the rest with the limits that this process was started with."""
    soft, hard = limits_found()
    if resource.getrlimit(resource.RLIMIT_NOFILE) == (soft, hard):
        return []
    return ["prlimit", f"--nofile={soft}:{hard}", "--"]


def descriptors_left() -> int:
    """Return how many more descriptors this process may open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(0, soft - len(os.listdir("/proc/self/fd")))  # noqa: PTH208 - nothing but their number
