"""Ends processes whole, and knows when they are gone; see proc(5), pid_namespaces(7) and pidfd_open(2).

Nothing here starts a program; `command.py` does.
"""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import suppress
from pathlib import Path

_ENDED = {"Z", "X", ""}


def is_ended(process: int) -> bool:
    """Return whether a process is gone, or a zombie that waits to be collected."""
    return _stat(process, 3) in _ENDED


def start_of(process: int) -> str:
    """Return when a process started, in clock ticks after boot; empty when it is gone."""
    return _stat(process, 22)


def _stat(process: int, field: int) -> str:
    """Return a field of stat by its number in proc(5), from the third on; the second may hold anything."""
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
        return text.rpartition(")")[2].split()[field - 3]
    except (OSError, IndexError):
        return ""


def kill_with_children(process: int, seconds: float = 10.0) -> int:
    """Kill a process and its children, and wait until they are gone; return how many are left after that time.

    A child that is the first of a pid namespace is gone when everything in it is (pid_namespaces(7)). Its parent's end
    comes earlier, so it is asked itself, by descriptor (pidfd_open(2)). The parent is held still meanwhile: no other
    child is born while we look.
    """
    deadline = time.monotonic() + seconds
    descriptors: dict[int, int] = {}
    try:
        _hold_by_descriptor(process, descriptors)
        _send(descriptors, signal.SIGSTOP)
        while _stat(process, 3) not in {"T", "t", *_ENDED} and time.monotonic() < deadline:
            time.sleep(0.001)
        for child in _children(process):
            _hold_by_descriptor(child, descriptors)
        _send(descriptors, signal.SIGKILL)
        return _left_after(set(descriptors.values()), deadline)
    finally:
        for descriptor in descriptors.values():
            os.close(descriptor)


def _hold_by_descriptor(process: int, descriptors: dict[int, int]) -> None:
    with suppress(ProcessLookupError):
        descriptors[process] = os.pidfd_open(process)


def _send(descriptors: dict[int, int], number: signal.Signals) -> None:
    for descriptor in descriptors.values():
        with suppress(ProcessLookupError, PermissionError):
            signal.pidfd_send_signal(descriptor, number)


def _left_after(waiting: set[int], deadline: float) -> int:
    """Wait until the processes behind the descriptors are gone; return how many are not at the deadline."""
    poll = select.poll()
    for descriptor in waiting:
        poll.register(descriptor, select.POLLIN)
    while waiting and (rest := deadline - time.monotonic()) > 0:
        for descriptor, _ in poll.poll(rest * 1000):
            poll.unregister(descriptor)
            waiting.discard(descriptor)
    return len(waiting)


def _children(process: int) -> set[int]:
    numbers = [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit()]
    return {number for number in numbers if _stat(number, 4) == str(process)}
