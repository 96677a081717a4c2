"""What this machine has to give, or the container around us where that is less: memory and processors.

A limit of a control group that we are in counts like the machine's own end (cgroups v2: ``memory.max``, ``cpu.max``;
v1: ``memory.limit_in_bytes``, ``cpu.cfs_quota_us``); so does one of any group above.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
_MEMORY = Path("/proc/meminfo")
_OWN = Path("/proc/self/cgroup")
_UNLIMITED = 1 << 60
"""v1 says a number of this size where it means none."""


def available_memory(*, root: Path = GROUPS, own: Path = _OWN, meminfo: Path = _MEMORY) -> int | None:
    """Return the bytes that can be had without swapping; None: nobody tells."""
    found = [*_machine_bytes(meminfo)]
    for folder in _groups("memory", root, own):
        limit = _number(folder / "memory.max") or _number(folder / "memory.limit_in_bytes")
        if limit is None or limit >= _UNLIMITED:
            continue
        used = _number(folder / "memory.current") or _number(folder / "memory.usage_in_bytes") or 0
        found.append(max(0, limit - max(0, used - _reclaimable(folder))))
    return min(found, default=None)


def cores(*, root: Path = GROUPS, own: Path = _OWN) -> int:
    """Return how many processors this process may use, at least one; parts of one count as one."""
    found = [len(os.sched_getaffinity(0))]
    for folder in _groups("cpu", root, own):
        quota, period = _quota(folder)
        if quota > 0 and period > 0:
            found.append(-(-quota // period))
    return max(1, min(found))


def _machine_bytes(meminfo: Path) -> Iterator[int]:
    with suppress(OSError, ValueError):
        for line in meminfo.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                yield int(line.split()[1]) * 1024


def _groups(controller: str, root: Path, own: Path) -> Iterator[Path]:
    """Yield the folders of our group and of those above it, of whichever hierarchy has the controller."""
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        base = root / controller if controllers else root
        folder = base / path.lstrip("/")
        yield from (each for each in (folder, *folder.parents) if each == base or base in each.parents)


def _reclaimable(folder: Path) -> int:
    """Return the bytes of a group that are cache of files, which the kernel takes back first."""
    try:
        lines = (folder / "memory.stat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    told = dict(line.split(" ", 1) for line in lines if " " in line)
    amounts = [told[name] for name in ("inactive_file", "total_inactive_file") if name in told]  # v1 tells both
    return max((int(amount) for amount in amounts if amount.isdigit()), default=0)


def _quota(folder: Path) -> tuple[int, int]:
    with suppress(OSError, ValueError):
        quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
        return (0 if quota == "max" else int(quota)), int(period)
    return _number(folder / "cpu.cfs_quota_us") or 0, _number(folder / "cpu.cfs_period_us") or 0


def _number(path: Path) -> int | None:
    try:
        text = path.read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.lstrip("-").isdigit() else None
