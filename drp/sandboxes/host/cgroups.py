"""Limits of a sandbox by control groups: v2, v1, or both halves of a hybrid host; prlimit where none can be had.

The group's name carries the sandbox's id, so that an orphan is found without any file of ours. On hybrid hosts the
v2 half has no controllers, yet gives ``cgroup.kill``, which ends every process of a group at once.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from drp.command import run
from drp.domain.sandbox import SandboxProfile
from drp.errors import CommandFailed
from drp.sandboxes.host.identity import standing

ROOT = Path("/sys/fs/cgroup")
_V1 = ("memory", "pids", "cpu", "freezer", "blkio")
_NEEDED = ("memory", "pids", "cpu", "freezer")
_LIMITS = frozenset({"memory.limit_in_bytes", "memory.max", "pids.max", "cpu.cfs_quota_us", "cpu.max"})
"""Files that are limits by themselves: one of swap alone limits no memory."""
_REMOVE_SECONDS = 3.0


Ways = Mapping[str, tuple[tuple[str, tuple[tuple[str, str], ...]], ...]]
"""Cap → the ways to set it, best first: the controller it lies under (empty: the one tree), and files with lines."""
V2_CAPS: Ways = {
    "cpu_weight": (("", (("cpu.weight", "{value}"),)),),
    "io_weight": (("", (("io.weight", "default {value}"),)), ("", (("io.bfq.weight", "default {tenth}"),))),
    "io_bytes_per_second": (("", (("io.max", "{disk} rbps={value} wbps={value}"),)),),
}
V1_CAPS: Ways = {
    "cpu_weight": (("cpu", (("cpu.shares", "{shares}"),)),),
    "io_weight": (("blkio", (("blkio.weight", "{tenth}"),)), ("blkio", (("blkio.bfq.weight", "{tenth}"),))),
    "io_bytes_per_second": (),
}
"""See cgroups(7): a weight of 100 is 1,024 shares; weights of bfq and of v1's disks go from 10 to 1,000. v1 lets
everything pass that is written through the cache, so its throttle is no cap."""


def clamped(weight: int) -> int:
    """Return a weight where only 10 to 1,000 are known: 100 stays 100."""
    return min(1000, max(10, weight))


def disk_of(place: Path) -> str | None:
    """Return the whole disk that a folder is on as ``major:minor``; None: it is on none, or on several."""
    number = next(each for each in (place, *place.parents) if each.exists()).stat().st_dev
    try:
        device = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}").resolve(strict=True)
    except OSError:  # an overlay, a file system in memory, one over several disks
        return None
    if (device / "partition").exists():  # the kernel limits whole disks only
        device = device.parent
    return (device / "dev").read_text(encoding="ascii").strip()


class ControlGroup:
    """The groups of one sandbox; ``directories`` is empty where limits must be set by prlimit."""

    def __init__(
        self, sandbox: str, profile: SandboxProfile, memory_bytes: int, *, root: Path = ROOT, disk: str | None = None
    ) -> None:
        """Make the groups and set limits and caps; what cannot be made is left out, and named in what is missing.

        ``disk``: what volumes are on, as `disk_of` names it; None: nobody can tell.
        """
        self.directories: tuple[Path, ...] = ()
        self.limited: set[str] = set()
        self.capped: set[str] = set()
        self._asked, self._disk = profile, disk
        if (root / "cgroup.controllers").exists():
            self._make_v2(sandbox, profile, memory_bytes, root)
        elif standing() == "root":
            self._make_v1(sandbox, profile, memory_bytes, root)

    @property
    def missing(self) -> tuple[str, ...]:
        """Return which of memory and process count no control group limits."""
        return tuple(sorted({"memory", "pids"} - self.limited))

    @property
    def not_capped(self) -> tuple[str, ...]:
        """Return which of the profile's caps are not in force."""
        return tuple(name for name in self._asked.caps if name not in self.capped)

    def _make_v1(self, sandbox: str, profile: SandboxProfile, memory_bytes: int, root: Path) -> None:
        quota = None if profile.cpus is None else int(profile.cpus * 100_000)
        limits: dict[str, dict[str, int | None]] = {
            "memory": {
                "memory.limit_in_bytes": memory_bytes,
                "memory.memsw.limit_in_bytes": memory_bytes,  # no more with swap than without; not every kernel has it
                "memory.swappiness": 0,
            },
            "pids": {"pids.max": profile.processes},
            "cpu": {"cpu.cfs_quota_us": quota},
            "freezer": {},
        }
        of_disk = ["blkio"] if {"io_weight", "io_bytes_per_second"} & set(profile.caps) else []
        for controller in (*_NEEDED, *of_disk, "unified"):
            if (root / controller).is_dir():
                self._make(root / controller / "drp" / sandbox, limits.get(controller, {}))
        self._cap(sandbox, root, V1_CAPS)

    def _make_v2(self, sandbox: str, profile: SandboxProfile, memory_bytes: int, root: Path) -> None:
        base = root if standing() == "root" else _own_parent(root)
        if base is None:
            return
        folder = base / "drp"
        with suppress(OSError):
            folder.mkdir(exist_ok=True)
            for each in (base, folder):
                for controller in ("memory", "pids", "cpu", "io"):
                    _write(each / "cgroup.subtree_control", f"+{controller}")
        quota = "max" if profile.cpus is None else f"{int(profile.cpus * 100_000)} 100000"
        self._make(
            folder / sandbox,
            {"memory.max": memory_bytes, "memory.swap.max": 0, "pids.max": profile.processes, "cpu.max": quota},
        )
        if self.directories:
            self._give_up_unless_enterable()
        if self.directories:
            self._cap(sandbox, folder, V2_CAPS)

    def _make(self, directory: Path, limits: Mapping[str, object]) -> None:
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError:
            return
        self.directories = (*self.directories, directory)
        for name, value in limits.items():
            if value is not None and _write(directory / name, str(value)):
                self.limited |= {name.partition(".")[0]} if name in _LIMITS else set()

    def _cap(self, sandbox: str, place: Path, ways: Ways) -> None:
        """Set the caps that the profile asks for, each by the first way that the kernel takes whole."""
        for name in self._asked.caps:
            value = getattr(self._asked, name)
            for controller, lines in ways[name]:
                folder = place / controller / "drp" / sandbox if controller else place / sandbox
                if all(self._set(folder / file, text, value) for file, text in lines):
                    self.capped.add(name)
                    break

    def _set(self, path: Path, text: str, value: int) -> bool:
        if "{disk}" in text and self._disk is None:
            return False
        line = text.format(value=value, disk=self._disk, shares=max(2, value * 1024 // 100), tenth=clamped(value))
        return path.parent.is_dir() and _write(path, line)

    def launch_prefix(self) -> list[str]:
        """Return the start of an argv that enters the groups and then runs the rest; empty without groups."""
        if not self.directories:
            return []
        enter = 'echo $$ >"{0}/cgroup.procs" || {{ echo "cannot enter the control group {0}" >&2; exit 71; }}; '
        script = "".join(enter.format(directory) for directory in self.directories)
        return ["/bin/sh", "-c", script + 'exec "$@"', "drp-sandbox"]

    def _give_up_unless_enterable(self) -> None:
        """Try to enter: under v2 a group may be ours to make and yet not to enter, and then prlimit has to do."""
        try:
            run([*self.launch_prefix(), "/bin/true"], timeout_seconds=10)
        except CommandFailed:
            destroy(self.directories)
            self.directories, self.limited = (), set()


def _own_parent(root: Path) -> Path | None:
    """Return the parent of our own v2 group if it was delegated to us, else None."""
    for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
        if line.startswith("0::/"):
            parent = (root / line[4:]).parent
            return parent if os.access(parent / "cgroup.procs", os.W_OK) and parent != root.parent else None
    return None


def _write(path: Path, value: str) -> bool:
    try:
        path.write_text(value, encoding="ascii")
    except OSError:
        return False
    return True


def find(sandbox: str, *, root: Path = ROOT) -> tuple[Path, ...]:
    """Return the groups of a sandbox that exist now, on whatever kind of host."""
    own = _own_parent(root)
    places = [root / "drp", *(root / controller / "drp" for controller in (*_V1, "unified"))]
    if own is not None:
        places.append(own / "drp")
    return tuple(place / sandbox for place in places if (place / sandbox).is_dir())


def sandboxes(*, root: Path = ROOT) -> set[str]:
    """Return the ids of all sandboxes that have a group."""
    found: set[str] = set()
    own = _own_parent(root)
    for place in (root / "drp", *root.glob("*/drp"), *([own / "drp"] if own is not None else [])):
        with suppress(OSError):  # a plain user's is removed with its last sandbox
            found.update(each.name for each in place.iterdir() if each.is_dir())
    return found


def used_bytes(*, root: Path = ROOT) -> int | None:
    """Return the memory that all sandboxes of this host hold, volumes in memory with them; None: nobody tells.

    What is only cached of files is left out: whoever needs it can have it.
    """
    own = _own_parent(root)
    places = [root / "memory" / "drp", root / "drp", *([own / "drp"] if own is not None else [])]
    for place in places:
        with suppress(OSError, ValueError):
            lines = (place / "memory.stat").read_text(encoding="ascii").splitlines()
            counted = {name: int(value) for name, _, value in (line.partition(" ") for line in lines)}
            names = ("total_rss", "total_shmem") if "total_rss" in counted else ("anon", "shmem")
            return sum(counted.get(name, 0) for name in names)
    return None


def members(directories: tuple[Path, ...]) -> set[int]:
    """Return the processes in the groups."""
    found: set[int] = set()
    for directory in directories:
        with suppress(OSError):
            found.update(int(line) for line in (directory / "cgroup.procs").read_text(encoding="ascii").split())
    return found - {0}


def destroy(directories: tuple[Path, ...]) -> None:
    """Kill every process of the groups (all at once where the kernel can) and remove them; bounded in time."""
    for directory in directories:
        if (directory / "cgroup.kill").exists():
            _write(directory / "cgroup.kill", "1")
    deadline = time.monotonic() + _REMOVE_SECONDS
    for directory in directories:
        while directory.exists() and time.monotonic() < deadline:
            try:
                directory.rmdir()
            except OSError:
                for process in members((directory,)):
                    with suppress(ProcessLookupError, PermissionError):
                        os.kill(process, signal.SIGKILL)
                time.sleep(0.005)
