"""Looks at a directory's entries: names, metadata, digests; the hot loop of everything that hashes trees.

For a small regular file: open, readv, digest, fstat, close, and nothing else. The fstat *after* the read tells all at
once: what it is, whether the read was whole, and, by a ctime older than the start of the batch, that it did not
change meanwhile. Whatever is not that simple goes to `careful`.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Sequence
from contextlib import suppress

from drp.hashing.careful import Careful
from drp.hashing.digest import BUFFER, Gate
from drp.hashing.layout import FIXED, OWNER
from drp.hashing.rows import Listing, Options, Rows

_CLOCK_GRAIN = 20_000_000
"""File systems stamp times with the tick of the kernel's coarse clock (1 to 10 ms)."""
_REALTIME_COARSE = 5
"""clock_gettime(2): the clock that file systems stamp times with; Python does not name it."""
_REGULAR = stat.S_IFREG
_WINDOW = 128
"""Files that are open at once: they are closed together, by one system call."""
_AHEAD = 256
"""The same while reading ahead."""
_AHEAD_BYTES = 1 << 20


def list_directory(descriptor: int) -> Listing:
    """Return what a directory holds. Raises ``OSError``."""
    # The path through /proc gives names as bytes and cannot be led astray: the link is to the open directory.
    with os.scandir(b"/proc/self/fd/%d" % descriptor) as listed:
        entries = list(listed)
    names = [entry.name for entry in entries]
    rest = [entry for entry in entries if not entry.is_file(follow_symlinks=False)]
    others = {entry.name for entry in rest}
    directories = [entry.name for entry in rest if entry.is_dir(follow_symlinks=False)]
    names.sort()
    directories.sort()
    return Listing(names, others, directories)


class Observer:
    """Looks at entries on behalf of one worker."""

    def __init__(self, options: Options, gate: Gate) -> None:
        """Make the buffers."""
        self.options = options
        self.careful = Careful(options, gate)
        self._owners: dict[tuple[int, int], bytes] = {}
        self.cold = False
        """Whether the last batch was not in memory."""

    def look(self, directory: int, names: Sequence[bytes], others: set[bytes]) -> Rows:
        """Return what the named entries of an open directory are; unreadable ones are rows with their errno."""
        rows = Rows(list(names))
        self.cold = self.options.ahead and not self.options.direct and self._is_cold(directory, names, others)
        window = _AHEAD if self.cold else _WINDOW
        for start in range(0, len(names), window):
            batch = names[start : start + window]
            opened = self._open_ahead(directory, batch, others, start) if self.cold else {}
            unclosed: list[int] = []
            try:
                self._look(directory, rows, range(start, start + len(batch)), others, opened=opened, unclosed=unclosed)
            finally:
                unclosed.extend(opened.values())
                if self.cold and self.options.spare_cache:
                    self._forget(unclosed)
                _close(unclosed)
        return rows

    def _look(
        self,
        directory: int,
        rows: Rows,
        span: range,
        others: set[bytes],
        *,
        opened: dict[int, int],
        unclosed: list[int],
    ) -> None:
        careful, digester = self.careful, self.careful.digester
        horizon = 0 if self.options.strict else time.clock_gettime_ns(_REALTIME_COARSE) - _CLOCK_GRAIN
        simple = not self.options.xattrs
        open_, readv, fstat, close_later = os.open, os.readv, os.fstat, unclosed.append
        pack, owners, owner_of = FIXED.pack, self._owners, self._owner
        first, second = digester.makers[0], digester.makers[1] if len(digester.makers) > 1 else None
        buffer, flags = digester.buffer, careful.flags
        buffers = [buffer]
        add_fixed, add_owner, add_digest = rows.fixed.append, rows.owners.append, rows.digests.append
        total = files = 0
        for row, name in zip(span, rows.names[span.start : span.stop], strict=True):
            if name in others:
                careful.other(directory, name, row, rows)
                continue
            descriptor = -1
            try:
                descriptor = opened.pop(row) if row in opened else open_(name, flags, dir_fd=directory)
                got = readv(descriptor, buffers)
                if got < BUFFER:
                    piece = buffer[:got]
                    digest = first(piece).digest()
                    if second is not None:
                        digest += second(piece).digest()
                    seen = fstat(descriptor)
                    mode = seen.st_mode
                    if (
                        seen.st_size == got
                        and seen.st_ctime_ns < horizon
                        and seen.st_nlink == 1
                        and mode & 0xF000 == _REGULAR
                        and simple
                    ):
                        close_later(descriptor)
                        add_digest(digest)
                        add_fixed(pack(mode, got, seen.st_mtime_ns))
                        owner = seen.st_uid, seen.st_gid
                        add_owner(owners.get(owner) or owner_of(*owner))
                        total += got
                        files += 1
                        continue
            except OSError as error:
                careful.again(directory, name, row, rows, descriptor=descriptor, error=error)
                flags = careful.flags
            else:
                careful.regular(directory, name, row, rows, descriptor)
        rows.size += total
        rows.files += files

    def _owner(self, uid: int, gid: int) -> bytes:
        packed = self._owners[uid, gid] = OWNER.pack(uid, gid)
        return packed

    def _is_cold(self, directory: int, names: Sequence[bytes], others: set[bytes]) -> bool:
        """Return whether a file from the middle of the batch is absent from memory: asked of the kernel, not timed."""
        if len(names) < 2:
            return False
        name = names[len(names) // 2]
        if name in others:
            return False
        with suppress(OSError):
            descriptor = os.open(name, self.careful.flags, dir_fd=directory)
            try:
                os.preadv(descriptor, [self.careful.digester.buffer[:1]], 0, os.RWF_NOWAIT)
            except OSError as error:
                return error.errno == errno.EAGAIN
            finally:
                os.close(descriptor)
        return False

    def _open_ahead(self, directory: int, names: Sequence[bytes], others: set[bytes], start: int) -> dict[int, int]:
        """Open a batch and ask the kernel for all of it at once: the depth of the device's queue becomes the batch."""
        opened: dict[int, int] = {}
        flags, willneed = self.careful.flags, os.POSIX_FADV_WILLNEED
        for number, name in enumerate(names, start):
            if name in others:
                continue
            try:
                descriptor = os.open(name, flags, dir_fd=directory)
            except OSError:  # the reader will meet it again, and say so
                continue
            opened[number] = descriptor
            with suppress(OSError):
                os.posix_fadvise(descriptor, 0, _AHEAD_BYTES, willneed)
        return opened

    @staticmethod
    def _forget(descriptors: Sequence[int]) -> None:
        """Drop from memory what was read from the device just now."""
        for descriptor in descriptors:
            with suppress(OSError):
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def _close(descriptors: Sequence[int]) -> None:
    """Close descriptors, by one system call when they follow one another."""
    if not descriptors:
        return
    lowest, highest = min(descriptors), max(descriptors)
    if highest - lowest + 1 == len(descriptors):
        os.closerange(lowest, highest + 1)
    else:
        for descriptor in descriptors:
            os.close(descriptor)
