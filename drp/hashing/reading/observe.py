"""Looks at a directory's entries: names, metadata, digests; the hot loop of everything that hashes trees.

Simple files, nearly all, go through a `core`; whatever is not that simple goes to `careful`.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Sequence
from contextlib import suppress

from drp.hashing.reading.careful import Careful
from drp.hashing.reading.core import Core, NativeCore, PureCore, load
from drp.hashing.reading.digest import Gate
from drp.hashing.reading.rows import Listing, Options, Rows
from drp.manifests.attributes import NONE_HERE

_CLOCK_GRAIN = 20_000_000
"""File systems stamp times with the tick of the kernel's coarse clock (1 to 10 ms)."""
_REALTIME_COARSE = 5
"""clock_gettime(2): the clock that file systems stamp times with; Python does not name it."""
_WINDOW = 128
"""Files that are open at once: they are closed together, by one system call."""
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
        """Make the buffers. Raises ``UsageError`` when the core that the options name is not installed."""
        self.options = options
        self.careful = Careful(options, gate)
        self._pure = PureCore(self.careful.digester)
        self.compiled = load(options.core)
        """The module of the compiled core, or None."""
        self._native = NativeCore(self.compiled, self.careful.digester, options) if self.compiled else None
        self.cold = False
        """Whether the last batch was not in memory."""

    def list(self, directory: int) -> Listing:
        """Return what an open directory holds. Raises ``OSError``."""
        found = self.compiled.entries(directory) if self.compiled else None
        return Listing(found[0], set(found[1]), found[2]) if found else list_directory(directory)

    def look(self, directory: int, names: Sequence[bytes], others: set[bytes]) -> Rows:
        """Return what the named entries of an open directory are; unreadable ones are rows with their errno."""
        rows = Rows(list(names))
        options = self.options
        blind = options.blind and not options.spare_cache  # else it would forget what others had read
        self.cold = options.ahead and not options.direct and (blind or self._is_cold(directory, names, others))
        if options.xattrs:  # what xattrs a file has is only known to the careful way
            self._look_carefully(directory, rows, others)
            return rows
        if self._native:
            self._native.ahead = options.window if self.cold else 0
            self._native.forget = self.cold and options.spare_cache
            self._look(self._native, directory, rows, range(len(names)), others)
            return rows
        pure, window = self._pure, options.window if self.cold else _WINDOW
        for start in range(0, len(names), window):
            batch = names[start : start + window]
            pure.opened = self._open_ahead(directory, batch, others, start) if self.cold else {}
            pure.unclosed = []
            try:
                self._look(pure, directory, rows, range(start, start + len(batch)), others)
            finally:
                pure.unclosed.extend(pure.opened.values())
                if self.cold and self.options.spare_cache:
                    self._forget(pure.unclosed)
                _close(pure.unclosed)
        return rows

    def _look(self, core: Core, directory: int, rows: Rows, span: range, others: set[bytes]) -> None:
        """Let a core look at what is simple, and look carefully at what is not."""
        careful = self.careful
        attributes = bool(self.options.attributes) and _keeps_attributes(directory)
        horizon = 0 if self.options.strict else time.clock_gettime_ns(_REALTIME_COARSE) - _CLOCK_GRAIN
        row, end = span.start, span.stop
        while row < end:
            row, descriptor, error = core.run(
                directory,
                rows,
                range(row, end),
                others,
                horizon=horizon,
                flags=careful.flags,
                attributes=attributes,
            )
            if row < end:
                name = rows.names[row]
                if error is not None:
                    careful.again(directory, name, row, rows, descriptor=descriptor, error=error)
                elif descriptor >= 0:
                    careful.regular(directory, name, row, rows, descriptor)
                else:
                    careful.other(directory, name, row, rows)
                row += 1

    def _look_carefully(self, directory: int, rows: Rows, others: set[bytes]) -> None:
        careful = self.careful
        for row, name in enumerate(rows.names):
            if name in others:
                careful.other(directory, name, row, rows)
                continue
            try:
                descriptor = os.open(name, careful.flags, dir_fd=directory)
            except OSError as error:
                careful.again(directory, name, row, rows, descriptor=-1, error=error)
            else:
                careful.regular(directory, name, row, rows, descriptor)

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


def _keeps_attributes(directory: int) -> bool:
    """Return whether the file system of an open directory has extended attributes."""
    try:
        os.listxattr(directory)
    except OSError as error:
        return error.errno not in NONE_HERE
    return True


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
