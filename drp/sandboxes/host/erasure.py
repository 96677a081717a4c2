"""Makes what was on a volume on disk unreadable, once nothing has it mounted any more."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from drp.domain.volume import Erase, Erased, ErasedBy

_OURS = re.compile(r"drp-[0-9a-f]{12}(-[0-9]+)?\.image")
_CHUNK = bytes(1 << 20)


def way(asked: Erase) -> tuple[ErasedBy, str]:
    """Return how a new volume on disk is going to be erased, and the code for why."""
    return "overwrite", "asked" if asked == "overwrite" else "no-encryption"


def erase(image: Path, *, by: ErasedBy, at: str = "") -> Erased:
    """Overwrite whatever was written to an image, and remove it; one that has gone is done.

    It keeps its name until then, so that who comes after a crash finds it. Of what could not be done the reason is
    returned; nothing but an image that drp made is touched.
    """
    try:
        descriptor = os.open(image, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return Erased(at=at, erased_by=by, done=True)
    except OSError as error:
        return Erased(at=at, erased_by=by, done=False, left=f"{image}: {error.strerror}")
    try:
        found = os.fstat(descriptor)
        ours = stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_uid == os.geteuid()
        if not ours or not _OURS.fullmatch(image.name):
            return Erased(at=at, erased_by=by, done=False, left=f"{image}: it is no image that drp made")
        overwritten = sum(_overwrite(descriptor, *extent) for extent in _written(descriptor, found.st_size))
        os.fsync(descriptor)
        image.unlink()
    except OSError as error:
        return Erased(at=at, erased_by=by, done=False, left=f"{image}: {error.strerror}")
    finally:
        os.close(descriptor)
    return Erased(at=at, erased_by=by, done=True, overwritten_bytes=overwritten)


def _written(descriptor: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield begin and end of every extent that holds data. Raises OSError."""
    position = 0
    while position < size:
        try:
            begin = os.lseek(descriptor, position, os.SEEK_DATA)
        except OSError:  # ENXIO: nothing but a hole follows
            return
        position = os.lseek(descriptor, begin, os.SEEK_HOLE)
        yield begin, position


def _overwrite(descriptor: int, begin: int, end: int) -> int:
    position = begin
    while position < end:
        position += os.pwrite(descriptor, _CHUNK[: end - position], position)
    return end - begin
