"""Makes what was on a volume on disk unreadable, once nothing has it mounted any more.

All of an image that was written is overwritten, where it lies; of an encrypted one what is no ciphertext. Zeros, once:
what a medium keeps below its block addresses (worn cells of a flash, remapped sectors) nobody here can look at.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from drp.command import run
from drp.domain.phrase import NOTHING, fact, joined, say
from drp.domain.volume import Erased, ErasedBy
from drp.errors import CommandFailed
from drp.sandboxes.host import encryption

_OURS = re.compile(r"drp-[0-9a-f]{12}(-[0-9]+)?\.image")
_CHUNK = bytes(1 << 20)
_ELSEWHERE = frozenset({"btrfs", "zfs", "bcachefs", "f2fs", "nilfs2", "nilfs"})
"""File systems that write what is overwritten to another place."""
_FAR = frozenset({"nfs", "nfs4", "cifs", "smb2", "smb3", "ceph", "fuseblk", "fuse", "9p", "v9fs", "virtiofs"})
"""File systems of which nobody here can say where they write."""


def elsewhere(place: Path) -> str:
    """Return the name of the file system of a place, where overwriting proves nothing; empty: it writes in place."""
    try:
        kind = run(["stat", "--file-system", "--format", "%T", str(place)], timeout_seconds=10).stdout.strip()
    except CommandFailed:
        return "unknown"
    return kind if kind in _ELSEWHERE | _FAR else ""


def erase(image: Path, *, by: ErasedBy, at: str = "", ciphertext: Sequence[tuple[int, int]] = ()) -> Erased:
    """Overwrite what was written to an image, and remove it; one that has gone is done.

    ``ciphertext``: begins and ends, sorted, of what needs no overwriting, for its key has gone. The image keeps its
    name until then, so that who comes after a crash finds it. Of what could not be done the reason is returned;
    nothing but an image that drp made is touched.
    """
    try:
        descriptor = os.open(image, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return Erased(at=at, erased_by=by, done=True)
    except OSError as error:
        return Erased(at=at, erased_by=by, done=False, left=joined([str(image), str(error.strerror)], ": "))
    try:
        found = os.fstat(descriptor)
        ours = stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_uid == os.geteuid()
        if not ours or not _OURS.fullmatch(image.name):
            return Erased(at=at, erased_by=by, done=False, left=say("{path}: it is no image that drp made", path=image))
        if encryption.shared(descriptor):
            left = say("{path}: a snapshot or a copy shares its blocks, which overwriting does not reach", path=image)
            return Erased(at=at, erased_by=by, done=False, left=left)
        plain = list(without(written(descriptor, found.st_size), ciphertext))
        overwritten = sum(_overwrite(descriptor, *extent) for extent in plain)
        os.fsync(descriptor)
        kind = elsewhere(image)
        image.unlink()
    except OSError as error:
        return Erased(at=at, erased_by=by, done=False, left=joined([str(image), str(error.strerror)], ": "))
    finally:
        os.close(descriptor)
    left = (
        fact("may-keep-what-overwritten", "{kind} may keep what was overwritten: nobody can look", kind=kind)
        if kind
        else NOTHING
    )
    return Erased(at=at, erased_by=by, done=True, overwritten_bytes=overwritten, left=left)


def written(descriptor: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield begin and end of every extent of a file that holds data. Raises OSError."""
    position = 0
    while position < size:
        try:
            begin = os.lseek(descriptor, position, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nothing but a hole follows
                return
            raise
        position = os.lseek(descriptor, begin, os.SEEK_HOLE)
        yield begin, position


def without(extents: Iterator[tuple[int, int]], kept: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield what of extents is not in others; both are sorted, and none of one touches another of it."""
    number = 0
    for begin, end in extents:
        while number < len(kept) and kept[number][1] <= begin:
            number += 1
        at, position = number, begin
        while at < len(kept) and kept[at][0] < end:
            if position < kept[at][0]:
                yield position, kept[at][0]
            position = max(position, kept[at][1])
            at += 1
        if position < end:
            yield position, end


def _overwrite(descriptor: int, begin: int, end: int) -> int:
    position = begin
    while position < end:
        position += os.pwrite(descriptor, _CHUNK[: end - position], position)
    return end - begin
