"""Whether what was written to a volume on disk is on its medium: what is hashed then is what the medium holds.

A write that only the page cache has seen can still fail, and the kernel tells that once to whoever held the volume
open meanwhile (syncfs(2), errseq): so a volume is held from before anything is restored into it.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from drp.domain.phrase import Phrase, count, quoted, say
from drp.errors import MediumFailed

_libc = ctypes.CDLL(None, use_errno=True)


class Medium:
    """The medium below one mounted volume."""

    def __init__(self, path: Path, image: Path | None) -> None:
        """Hold the volume open from now on; ``image``: the file that it is in, None: it is in memory."""
        self._path, self._image = path, image
        self._held = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC) if image is not None else -1

    def settle(self) -> None:
        """Write everything to the medium, and forget what is cached of it: who reads on reads the medium.

        Raises ``MediumFailed`` when the host's storage refused something since the volume was mounted.
        """
        if self._image is None:
            return
        if _libc.syncfs(self._held) != 0:
            raise self._failed(quoted(os.strerror(ctypes.get_errno())))
        try:
            image = os.open(self._image, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise self._failed(quoted(str(error))) from error
        try:
            os.fsync(image)
            _forget(self._held)
            os.posix_fadvise(image, 0, 0, os.POSIX_FADV_DONTNEED)
        except OSError as error:
            raise self._failed(quoted(str(error))) from error
        finally:
            os.close(image)
        self.check()

    def check(self) -> None:
        """Look whether the file system noted an error of its medium. Raises ``MediumFailed``."""
        noted = errors_noted(self._held) if self._image is not None else 0
        if noted:
            raise self._failed(count("the kernel noted {n} error", "the kernel noted {n} errors", noted))

    def close(self) -> None:
        """Let the volume go."""
        if self._held >= 0:
            os.close(self._held)
            self._held = -1

    def _failed(self, reason: Phrase) -> MediumFailed:
        folder = self._image.parent if self._image is not None else self._path
        return MediumFailed(
            say(
                "the storage of this host failed below a data volume in {folder}: {reason}",
                folder=folder,
                reason=reason,
            )
        )


def errors_noted(volume: Path | int) -> int:
    """Return how many errors ext4 noted of the file system at a path, or an open folder; 0 where nobody counts."""
    number = os.stat(volume).st_dev  # noqa: PTH116 - of an open folder as well
    with suppress(OSError, ValueError):
        name = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}").resolve(strict=True).name
        return int(Path(f"/sys/fs/ext4/{name}/errors_count").read_text(encoding="ascii"))
    return 0


def _forget(root: int) -> None:
    """Drop what is cached of every file below an open folder. What cannot be opened stays; raises OSError for EIO."""
    for descriptor in _files(root):
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def _files(root: int) -> Iterator[int]:
    """Yield a descriptor of every regular file of the same file system; no link is followed, the caller closes."""
    device = os.fstat(root).st_dev
    for _, below, names, folder in os.fwalk(".", dir_fd=root, follow_symlinks=False):
        if os.fstat(folder).st_dev != device:
            below.clear()
            continue
        for name in names:
            with suppress(OSError):
                status = os.stat(name, dir_fd=folder, follow_symlinks=False)
                if status.st_mode & 0o170000 == 0o100000:
                    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOATIME
                    yield os.open(name, flags, dir_fd=folder)
