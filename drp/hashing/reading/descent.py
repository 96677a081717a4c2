"""Opens directories below a root without ever following a symbolic link.

Every component is opened relative to its parent with O_NOFOLLOW, so that a restored tree cannot lead the reader out
of itself, and paths longer than PATH_MAX work. The chain of open parents is kept: the next directory of a sorted
walk usually costs one open.
"""

from __future__ import annotations

import errno
import os
import resource

FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_WANTED_DESCRIPTORS = 1 << 14
_RESERVED = 400
"""Descriptors left for files read ahead and everything else."""


def raise_descriptor_limit() -> int:
    """Raise the soft limit of open files as far as is useful and allowed; return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _WANTED_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return soft if soft != resource.RLIM_INFINITY else _WANTED_DESCRIPTORS


class Descent:
    """The chain of open directories of one worker."""

    def __init__(self, root: int, limit: int) -> None:
        """``root`` stays the caller's; at most ``limit`` descriptors are used, some of them reserved for files."""
        self._root = root
        self._names: list[bytes] = []
        self._open: list[int] = []
        self._loose: int | None = None
        self._depth = max(8, limit - _RESERVED)

    def open(self, directory: bytes) -> int:
        """Return a descriptor of a directory (path relative to the root); it stays the chain's.

        Raises ``OSError``: ENOTDIR or ELOOP when a component is no directory (any more).
        """
        self._drop_loose()
        parts = directory.split(b"/") if directory else []
        if b".." in parts or b"." in parts:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        common = 0
        for ours, theirs in zip(self._names, parts, strict=False):
            if ours != theirs:
                break
            common += 1
        while len(self._open) > common:
            os.close(self._open.pop())
            self._names.pop()
        current = self._open[-1] if self._open else self._root
        for part in parts[common:]:
            following = os.open(part, FLAGS, dir_fd=current)
            if len(self._open) < self._depth:
                self._open.append(following)
                self._names.append(part)
            else:
                self._drop_loose()
                self._loose = following
            current = following
        return current

    def _drop_loose(self) -> None:
        if self._loose is not None:
            os.close(self._loose)
            self._loose = None

    def close(self) -> None:
        """Close the whole chain, not the root."""
        self._drop_loose()
        while self._open:
            os.close(self._open.pop())
        self._names.clear()
