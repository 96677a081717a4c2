"""Folders of the tests outside of pytest's own, which are closed to other users: gone afterwards, swept after a kill."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MEMORY = Path("/dev/shm")
DISK = Path("/var/tmp")
_NEW = ".drp-new-"


@contextmanager
def scratch(name: str, base: Path = DISK) -> Iterator[Path]:
    """Yield an empty folder ``base/name-…`` that every user may enter; remove those whose owners were killed."""
    _sweep(base, name)
    unnamed = Path(tempfile.mkdtemp(prefix=_NEW, dir=base))
    lock = os.open(unnamed, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    fcntl.flock(lock, fcntl.LOCK_EX)
    # named only once it is locked: nobody may sweep it in between
    folder = unnamed.rename(base / f"{name}-{unnamed.name.removeprefix(_NEW)}")
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def roomy(least_bytes: int) -> Path:
    """Return memory where there is as much room, else the disk."""
    return MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > least_bytes else DISK


def _sweep(base: Path, name: str) -> None:
    for left in base.glob(f"{name}-*"):
        with suppress(OSError):  # in use, or somebody else's
            descriptor = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(descriptor)
