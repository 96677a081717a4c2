"""What protects a dated folder from being changed, as far as this machine can see.

A directory keeps no dates: nothing here is as good as a lock with a date that its service enforces. An attribute, or a
file system's snapshot, is lifted by whoever is root on the machine that keeps it: that is told as governance.
"""

from __future__ import annotations

import array
import fcntl
import os
import secrets
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from random import Random

from drp.domain.phrase import Phrase, say
from drp.domain.recovery_point import Immutability
from drp.errors import PointGone
from drp.repositories.naming import and_more

_MOST_ENTRIES = 100_000
_GET_FLAGS = 0x80086601 if struct.calcsize("l") == 8 else 0x80046601
"""FS_IOC_GETFLAGS of linux/fs.h: the size of a long is in it."""
_IMMUTABLE = 0x10
_SUBVOLUME_FLAGS = 0x80089419
"""BTRFS_IOC_SUBVOL_GETFLAGS of linux/btrfs.h."""
_SUBVOLUME_INODE, _SUBVOLUME_READ_ONLY = 256, 2
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ANY = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NAMED = 5
_UNPROTECTED = say("a directory: whoever may write to it may delete every recovery point")


def observe(folder: Path, identity: tuple[int, int], audited_files: int) -> Immutability:
    """Return what protects a folder: a snapshot of its file system, or the attribute of what is in it.

    When the folder itself is immutable, what is in it is looked at too, and above ``audited_files`` a sample of it,
    whose seed is told. Raises ``PointGone``, also when another folder than ``identity`` (device, inode) is there now.
    """
    try:
        descriptor = os.open(folder, _FOLDER)
    except OSError as error:
        raise PointGone(
            say("{folder} is gone, or cannot be read: {why}", folder=folder, why=os.strerror(error.errno or 0))
        ) from error
    try:
        facts = os.fstat(descriptor)
        if (facts.st_dev, facts.st_ino) != identity:
            raise PointGone(
                say("{folder} is another folder than it was when recovery points were listed", folder=folder)
            )
        remarks = _mount_remarks(descriptor)
        if _read_only_subvolume(descriptor):
            remarks = (*remarks, say("a read-only snapshot of its file system: root of its machine can delete it"))
            return Immutability(
                mode="governance",
                provenance="observed",
                objects_observed=1,
                objects_total=1,
                remarks=remarks,
            )
        if not _is_immutable(descriptor):
            return Immutability(mode="none", provenance="observed", remarks=(*remarks, _UNPROTECTED))
        return _looked_at(folder, audited_files, remarks)
    finally:
        os.close(descriptor)


def _mount_remarks(descriptor: int) -> tuple[Phrase, ...]:
    if not os.fstatvfs(descriptor).f_flag & os.ST_RDONLY:
        return ()
    return (say("mounted read-only here, which keeps nobody else from writing to it"),)


def _looked_at(folder: Path, audited_files: int, remarks: tuple[Phrase, ...]) -> Immutability:
    seed = secrets.token_hex(8)
    chosen, total = _sample(folder, audited_files, Random(seed))  # noqa: S311 - a reproducible draw, not a secret
    bare = [name for name in chosen if not _is_protected(folder / name)]
    if len(chosen) < total:
        sampled = say(
            "a sample of {looked_at} of {total} was looked at, drawn with the seed {seed}",
            looked_at=len(chosen),
            total=total,
            seed=seed,
        )
        remarks = (*remarks, sampled)
    if total >= _MOST_ENTRIES:
        remarks = (*remarks, say("more than the first {most} entries were not looked for", most=_MOST_ENTRIES))
    if bare:
        remarks = (*remarks, say("not immutable: {names}", names=and_more(list(map(ascii, bare)), _NAMED)))
    else:
        remarks = (*remarks, say("immutable by attribute, which root of its machine can take away"))
    return Immutability(
        mode="none" if bare else "governance",
        provenance="observed",
        objects_observed=len(chosen) + 1,
        objects_total=total + 1,
        remarks=remarks,
    )


def _sample(folder: Path, most: int, draw: Random) -> tuple[list[str], int]:
    """Return a sample of what is in a folder, and how much there is: each entry has the same chance (reservoir)."""
    chosen: list[str] = []
    total = 0
    for name in _below(folder):
        total += 1
        if len(chosen) < most:
            chosen.append(name)
        elif (place := draw.randrange(total)) < most:
            chosen[place] = name
        if total >= _MOST_ENTRIES:
            break
    return chosen, total


def _below(folder: Path) -> Iterator[str]:
    """Yield files and folders below, in an order that stays, links and special files apart: they have no attributes."""
    for place, folders, files in os.walk(folder):
        folders.sort()
        at = os.path.relpath(place, folder)
        for name in (*folders, *sorted(files)):
            path = os.path.normpath(f"{at}/{name}")
            if not stat.S_ISLNK(os.lstat(folder / path).st_mode):
                yield path


def _is_protected(path: Path) -> bool:
    try:
        descriptor = os.open(path, _ANY)
    except OSError:
        return False
    try:
        mode = os.fstat(descriptor).st_mode
        return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) or _is_immutable(descriptor)
    finally:
        os.close(descriptor)


def _is_immutable(descriptor: int) -> bool:
    return bool(_asked(descriptor, _GET_FLAGS) & _IMMUTABLE)


def _read_only_subvolume(descriptor: int) -> bool:
    if os.fstat(descriptor).st_ino != _SUBVOLUME_INODE:
        return False
    return bool(_asked(descriptor, _SUBVOLUME_FLAGS) & _SUBVOLUME_READ_ONLY)


def _asked(descriptor: int, request: int) -> int:
    """Return the flags that an ioctl tells; 0 where the file system knows none."""
    flags = array.array("Q", [0])
    try:
        fcntl.ioctl(descriptor, request, flags, True)
    except OSError:
        return 0
    return flags[0]
