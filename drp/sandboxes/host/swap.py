"""Whether what is in memory can be written to a swap device, where it would outlast the sandbox and drp."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Literal

SWAPS = Path("/proc/swaps")
BLOCKS = Path("/sys/dev/block")
CGROUPS = Path("/sys/fs/cgroup")

Swap = Literal["none", "off", "limited", "possible", "unknown"]
"""As in `drp.domain.volume.VolumeMade`."""


def devices() -> tuple[Path, ...] | None:
    """Return what this host swaps to; None: nobody tells."""
    try:
        lines = SWAPS.read_text(encoding="utf-8").splitlines()[1:]
    except OSError:
        return None
    return tuple(Path(line.split()[0].encode().decode("unicode_escape")) for line in lines if line.strip())


def exposed() -> tuple[Path, ...]:
    """Return the swap devices whose content outlasts the power: neither encrypted nor in memory."""
    return tuple(each for each in devices() or () if not _passing(each))


def of(*, locked: bool) -> Swap:
    """Return what can be swapped of a volume; ``locked``: its own pages never are."""
    there = devices()
    if there is None:
        return "off" if locked else "unknown"
    if not there:
        return "none"
    if locked:
        return "off"
    return "limited" if limits() else "possible"


def limits() -> bool:
    """Return whether sandboxes' control groups can keep them out of swap."""
    v1 = CGROUPS / "memory"
    if (v1 / "memory.limit_in_bytes").exists():
        return (v1 / "memory.memsw.limit_in_bytes").exists()
    with suppress(OSError):
        return "memory" in (CGROUPS / "cgroup.controllers").read_text(encoding="ascii").split()
    return False


def _passing(device: Path) -> bool:
    """Return whether a device is a compressed disk in memory, or encrypted (by device mapper)."""
    try:
        found = device.stat()
    except OSError:
        return False
    number = found.st_rdev or found.st_dev  # of a file: what it is on
    block = (BLOCKS / f"{os.major(number)}:{os.minor(number)}").resolve()
    if block.name.startswith("zram"):
        return not (block / "backing_dev").exists() or _read(block / "backing_dev") == "none"
    return _read(block / "dm" / "uuid").startswith("CRYPT-")


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
