"""The private folder of one run: in memory, for this user only, gone afterwards, swept when drp was killed."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

_PREFIX = "drp-runbook-"
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it, mode 0700
_FREE_BYTES = 16 << 20
_LONGEST_BASE = 70
"""The path of a socket ends at 107 bytes, and one is made in the folder."""


class PrivateFolder:
    """A folder with mode 0700 and a lock that the kernel releases when its owner dies."""

    def __init__(self, fallback: Path) -> None:
        """Make it in memory when there is room, otherwise below ``fallback``."""
        roomy = os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _FREE_BYTES
        base = _MEMORY if roomy else fallback
        if len(os.fsencode(base)) > _LONGEST_BASE:
            base = Path(tempfile.gettempdir())
        sweep(base)
        unnamed = Path(tempfile.mkdtemp(prefix=".drp-", dir=base))
        self._lock = os.open(unnamed, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        # Named only once it is locked: nobody may sweep it in between.
        self.path = unnamed.rename(base / f"{_PREFIX}{os.getpid()}-{unnamed.name.removeprefix('.drp-')}")

    def remove(self) -> None:
        """Remove it with all it holds; safe to call again."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.remove()


def sweep(base: Path) -> None:
    """Remove the folders whose owners are dead."""
    for folder in base.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # somebody else's, or in use
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                if os.fstat(descriptor).st_uid == os.geteuid():
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)
