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
_V1 = ("memory", "pids", "cpu", "freezer")
_REMOVE_SECONDS = 3.0


class ControlGroup:
    """The groups of one sandbox; ``directories`` is empty where limits must be set by prlimit."""

    def __init__(self, sandbox: str, profile: SandboxProfile, memory_bytes: int, *, root: Path = ROOT) -> None:
        """Make the groups and set the limits; what cannot be made is left out and named in ``missing``."""
        self.directories: tuple[Path, ...] = ()
        self.limited: set[str] = set()
        if (root / "cgroup.controllers").exists():
            self._make_v2(sandbox, profile, memory_bytes, root)
        elif standing() == "root":
            self._make_v1(sandbox, profile, memory_bytes, root)

    @property
    def missing(self) -> tuple[str, ...]:
        """Return which of memory and process count no control group limits."""
        return tuple(sorted({"memory", "pids"} - self.limited))

    def _make_v1(self, sandbox: str, profile: SandboxProfile, memory_bytes: int, root: Path) -> None:
        quota = None if profile.cpus is None else int(profile.cpus * 100_000)
        limits: dict[str, dict[str, int | None]] = {
            "memory": {"memory.limit_in_bytes": memory_bytes},
            "pids": {"pids.max": profile.processes},
            "cpu": {"cpu.cfs_quota_us": quota},
            "freezer": {},
        }
        for controller in (*_V1, "unified"):
            if (root / controller).is_dir():
                self._make(root / controller / "drp" / sandbox, limits.get(controller, {}))

    def _make_v2(self, sandbox: str, profile: SandboxProfile, memory_bytes: int, root: Path) -> None:
        base = root if standing() == "root" else _own_parent(root)
        if base is None:
            return
        folder = base / "drp"
        with suppress(OSError):
            folder.mkdir(exist_ok=True)
            for each in (base, folder):
                for controller in ("memory", "pids", "cpu"):
                    _write(each / "cgroup.subtree_control", f"+{controller}")
        quota = "max" if profile.cpus is None else f"{int(profile.cpus * 100_000)} 100000"
        self._make(
            folder / sandbox,
            {"memory.max": memory_bytes, "memory.swap.max": 0, "pids.max": profile.processes, "cpu.max": quota},
        )
        if self.directories:
            self._give_up_unless_enterable()

    def _make(self, directory: Path, limits: Mapping[str, object]) -> None:
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError:
            return
        self.directories = (*self.directories, directory)
        for name, value in limits.items():
            if value is not None and _write(directory / name, str(value)):
                self.limited.add(name.partition(".")[0])

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
    """Return the memory that all sandboxes of this host use, volumes in memory with them; None: nobody tells."""
    own = _own_parent(root)
    places = [root / "memory" / "drp", root / "drp", *([own / "drp"] if own is not None else [])]
    files = [place / name for place in places for name in ("memory.usage_in_bytes", "memory.current")]
    for file in files:
        with suppress(OSError, ValueError):
            return int(file.read_text(encoding="ascii"))
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
