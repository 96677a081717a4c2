"""Looking at processes through /proc, and ending those we started."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from drp.command import Process
from drp.ending import is_ended, start_of


def finish(process: Process, seconds: float) -> None:
    """Wait for a process of ours to end; kill it when it does not."""
    deadline = time.monotonic() + seconds
    pause = 0.001
    while process.poll() is None:
        if time.monotonic() > deadline:
            process.kill()
            process.wait()
            return
        time.sleep(pause)
        pause = min(pause * 2, 0.02)


def namespace(process: int | str, kind: str) -> str:
    """Return the name of a process's namespace, such as ``pid:[4026531836]``; empty when it is gone or closed to us."""
    try:
        return str(Path(f"/proc/{process}/ns/{kind}").readlink())
    except OSError:
        return ""


def pid_namespace(first: int) -> str:
    """Return a name for the pid namespace of its first process that no later one has, such as ``pid:[4026532001]@77``.

    The kernel gives the number of a namespace that is gone to the next one: what follows is when the first process
    started, in clock ticks since boot (proc(5), field 22 of stat). Raises ``OSError`` when the process is gone.
    """
    return f"{Path(f'/proc/{first}/ns/pid').readlink()}@{start_of(first)}"


def in_pid_namespace(name: str) -> set[int]:
    """Return the living processes of a pid namespace, by number or by `pid_namespace`; never of our own.

    A namespace ends with its first process, so another first process means another namespace, whatever its number.
    """
    number, _, since = name.partition("@")
    found = in_namespace("pid", number)
    if since and any(_is_first(process) and start_of(process) not in {since, ""} for process in found):
        return set()
    return found


def _is_first(process: int) -> bool:
    """Return whether a process is number 1 of its pid namespace."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    numbers = next((line.split() for line in status.splitlines() if line.startswith("NSpid:")), [])
    return numbers[-1:] == ["1"]


def in_namespace(kind: str, name: str) -> set[int]:
    """Return the living processes of a namespace, none for an empty name; never of our own."""
    if not name or name == namespace("self", kind):
        return set()
    numbers = [each.name for each in Path("/proc").iterdir() if each.name.isdigit()]
    return {int(number) for number in numbers if namespace(number, kind) == name and not is_ended(int(number))}


def kill_all(processes: set[int], seconds: float = 3.0) -> int:
    """Kill processes and wait until they are gone; return how many are left."""
    deadline = time.monotonic() + seconds
    for process in processes:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(process, signal.SIGKILL)
    left = set(processes)
    while left and time.monotonic() < deadline:
        left = {process for process in left if not is_ended(process)}
        time.sleep(0.002 if left else 0)
    return len(left)
