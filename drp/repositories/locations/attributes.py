"""What file systems of Linux say of a file or folder: attributes (chattr), snapshots, read-only mounts."""

from __future__ import annotations

import array
import fcntl
import os
import struct
from pathlib import Path

_GET_FLAGS = 0x80086601 if struct.calcsize("l") == 8 else 0x80046601
"""FS_IOC_GETFLAGS of linux/fs.h: the size of a long is in it."""
_IMMUTABLE, _APPEND_ONLY = 0x10, 0x20
"""FS_IMMUTABLE_FL and FS_APPEND_FL of linux/fs.h: what `chattr +i` and `chattr +a` set."""
_SUBVOLUME_FLAGS = 0x80089419
"""BTRFS_IOC_SUBVOL_GETFLAGS of linux/btrfs.h."""
_SUBVOLUME_INODE, _SUBVOLUME_READ_ONLY = 256, 2
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MOUNTS = Path("/proc/self/mountinfo")


def is_immutable(descriptor: int) -> bool:
    """Return whether a file or folder has the attribute ``i``: nobody changes, renames or deletes it."""
    return bool(_asked(descriptor, _GET_FLAGS) & _IMMUTABLE)


def is_append_only(descriptor: int) -> bool:
    """Return whether it has the attribute ``a``: a folder takes new names and gives none up; a file grows."""
    return bool(_asked(descriptor, _GET_FLAGS) & _APPEND_ONLY)


def is_mounted_read_only(descriptor: int) -> bool:
    """Return whether this machine may not write where it lies; others may."""
    return bool(os.fstatvfs(descriptor).f_flag & os.ST_RDONLY)


def in_read_only_snapshot(folder: Path, descriptor: int, mounts: str | None = None) -> bool:
    """Return whether a folder is, or lies in, a read-only subvolume of Btrfs or a snapshot of ZFS.

    ``mounts``: what `/proc/self/mountinfo` says (proc(5)), otherwise read. What cannot be looked at is none.
    """
    device = os.fstat(descriptor).st_dev
    if mounts is None:
        try:
            mounts = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            mounts = ""
    return _is_zfs_snapshot(device, mounts) or _in_read_only_subvolume(folder.resolve(), device)


def _is_zfs_snapshot(device: int, mounts: str) -> bool:
    """Return whether the mount of a device is ``zfs`` of ``pool/dataset@snapshot``: such a one is never written to."""
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        kinds = after.split(" ")
        if before.split(" ")[2:3] == [number] and kinds[:1] == ["zfs"] and "@" in "".join(kinds[1:2]):
            return True
    return False


def _in_read_only_subvolume(folder: Path, device: int) -> bool:
    """Return whether the subvolume that a folder lies in is read-only; each subvolume is a device of its own."""
    for place in (folder, *folder.parents):
        try:
            descriptor = os.open(place, _FOLDER)
        except OSError:
            return False
        try:
            facts = os.fstat(descriptor)
            if facts.st_dev != device:
                return False
            if facts.st_ino == _SUBVOLUME_INODE:
                return bool(_asked(descriptor, _SUBVOLUME_FLAGS) & _SUBVOLUME_READ_ONLY)
        finally:
            os.close(descriptor)
    return False


def _asked(descriptor: int, request: int) -> int:
    """Return the flags that an ioctl tells; 0 where the file system knows none."""
    flags = array.array("Q", [0])
    try:
        fcntl.ioctl(descriptor, request, flags, True)
    except OSError:
        return 0
    return flags[0]
