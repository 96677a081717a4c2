"""What kind of device holds a tree, and how deep its queue is filled: how many readers, how many files ahead.

Asked of the kernel: the mount of the open directory (fdinfo, mountinfo), then the block device below partitions,
device mapper, RAID and loop devices (sysfs). Virtual machines often call their disks rotational, so that word alone is
only doubt: the pool begins with one reader and adds others as soon as it is faster than any spindle.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from drp.domain.phrase import say
from drp.errors import UsageError

Kind = Literal["auto", "spinning", "ssd", "network", "memory", "unknown"]
"""network: NFS, SMB and their like, where waiting is latency."""
_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "9p", "afs", "lustre", "glusterfs", "beegfs", "gpfs"}
_NETWORK |= {"ocfs2", "gfs2", "orangefs", "virtiofs"}
_NETWORK |= {f"fuse.{name}" for name in ("sshfs", "glusterfs", "ceph", "cephfs", "rclone", "s3fs")}
_MEMORY = {"tmpfs", "ramfs", "devtmpfs", "hugetlbfs"}
_LEVELS = 8
"""How many block devices may lie below one another."""
_COLD_WORKERS = 8
_NETWORK_WORKERS = 16
_NETWORK_WINDOW = 64
"""Requests that an NFS client has under way at once (nfs(5), max_session_slots)."""
_PROBE_LEVELS, _PROBE_ENTRIES = 16, 64
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Depth(NamedTuple):
    """How many readers there are, and when there are more of them."""

    first: int
    """Workers to begin with."""
    most: int
    """Workers at most, while files are not in memory."""
    warm: int
    """Workers at most, while files are in memory."""
    cold: bool = False
    """Whether the tree was not in memory at the beginning."""
    doubtful: bool = False
    """More workers only once it was faster than a spindle can be."""
    blind: bool = False
    """Nobody can tell whether files are in memory: taken as if they were not."""
    strict: bool = False
    """Times are stamped by another host's clock."""
    window: int = 256
    """Files that are asked for at once, while they are not in memory."""


def _device_number(path: str) -> int:
    return Path(path).stat().st_dev


def _node_number(path: str) -> int:
    seen = Path(path).stat()
    return seen.st_rdev if stat.S_ISBLK(seen.st_mode) else 0


class System:
    """Where the kernel tells of mounts and devices."""

    def __init__(
        self,
        proc: Path = Path("/proc/self"),
        sys: Path = Path("/sys"),
        device_number: Callable[[str], int] = _device_number,
        node_number: Callable[[str], int] = _node_number,
    ) -> None:
        """``device_number``: a file → the device it is on; ``node_number``: a device node → its device, 0: none."""
        self.proc, self.sys = proc, sys
        self.device_number, self.node_number = device_number, node_number


def depth(descriptor: int, workers: int | None, kind: Kind = "auto", system: System | None = None) -> Depth:
    """Return how to read the tree at an open directory; ``workers``: exactly so many. Raises ``UsageError``."""
    if kind not in get_args(Kind):
        raise UsageError(
            say("unknown kind of device: {kind}", kind=kind), hint="say auto, spinning, ssd, network or memory"
        )
    found = kind_of(descriptor, system or System()) if kind == "auto" else kind
    cores = os.cpu_count() or 1
    if found == "network":
        first, most = (cores, max(_NETWORK_WORKERS, 2 * cores)) if workers is None else (workers, workers)
        return Depth(first, most, most, blind=True, strict=True, window=_NETWORK_WINDOW)
    if workers is not None:
        return Depth(workers, workers, workers)
    if found == "memory":
        return Depth(cores, cores, cores)
    most = max(_COLD_WORKERS, cores)
    if found == "spinning" and not in_memory(descriptor):
        if kind == "spinning":  # whoever says so knows
            return Depth(1, 1, 1, cold=True)
        return Depth(1, most, cores, cold=True, doubtful=True)
    return Depth(cores, most, cores, doubtful=found != "ssd")


def kind_of(descriptor: int, system: System) -> Kind:
    """Return what kind of device an open directory lies on; unknown when the kernel does not tell."""
    try:
        number, form, source = _mount(descriptor, system)
    except (OSError, ValueError, IndexError):
        return "unknown"
    if form in _NETWORK:
        return "network"
    if form in _MEMORY:
        return "memory"
    with suppress(OSError):  # btrfs and others have numbers that no device has
        if not (system.sys / "dev/block" / number).exists() and source.startswith("/"):
            node = system.node_number(source)
            number = f"{os.major(node)}:{os.minor(node)}" if node else number
    return _block(number, system, _LEVELS)


def _mount(descriptor: int, system: System) -> tuple[str, str, str]:
    """Return device number, file system and source of the mount that an open directory is in: proc(5)."""
    told = (system.proc / "fdinfo" / str(descriptor)).read_text(encoding="ascii")
    (wanted,) = [line.split()[1] for line in told.splitlines() if line.startswith("mnt_id:")]
    for line in (system.proc / "mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        fields = line.split(" ")
        if fields[0] == wanted:
            dash = fields.index("-", 6)
            return fields[2], fields[dash + 1], fields[dash + 2]
    raise ValueError(wanted)


def _block(number: str, system: System, levels: int) -> Kind:
    """Return the kind of a block device: that of what lies below it, spinning when any of it is."""
    folder = system.sys / "dev/block" / number
    if not levels or not folder.exists():
        return "unknown"
    folder = folder.resolve()
    if (folder / "partition").exists():
        folder = folder.parent
    if folder.name.startswith(("ram", "zram")):
        return "memory"
    with suppress(OSError):
        below = {_block((slave / "dev").read_text().strip(), system, levels - 1) for slave in _slaves(folder)}
        if below:
            return next((kind for kind in ("spinning", "network", "unknown", "ssd") if kind in below), "memory")
    with suppress(OSError):
        backing = (folder / "loop/backing_file").read_text(errors="surrogateescape").rstrip("\n")
        device = system.device_number(backing)
        return _block(f"{os.major(device)}:{os.minor(device)}", system, levels - 1)
    with suppress(OSError):
        return "spinning" if (folder / "queue/rotational").read_text().strip() == "1" else "ssd"
    return "unknown"


def _slaves(folder: Path) -> Iterator[Path]:
    return islice((folder / "slaves").iterdir(), 256)


def in_memory(descriptor: int) -> bool:
    """Return whether the first file that is found below an open directory is in memory; so is a tree without any."""
    current = os.dup(descriptor)
    try:
        for _ in range(_PROBE_LEVELS):
            directory = b""
            with os.scandir(b"/proc/self/fd/%d" % current) as listed:
                for entry in islice(listed, _PROBE_ENTRIES):
                    if entry.is_file(follow_symlinks=False):
                        return _is_in_memory(current, entry.name)
                    if not directory and entry.is_dir(follow_symlinks=False):
                        directory = entry.name
            if not directory:
                return True
            following = os.open(directory, _DIRECTORY, dir_fd=current)
            os.close(current)
            current = following
    except OSError:
        return True
    finally:
        os.close(current)
    return True


def _is_in_memory(directory: int, name: bytes) -> bool:
    descriptor = os.open(name, _FILE, dir_fd=directory)
    try:
        os.preadv(descriptor, [bytearray(1)], 0, os.RWF_NOWAIT)
    except OSError as error:
        return error.errno != errno.EAGAIN
    finally:
        os.close(descriptor)
    return True
