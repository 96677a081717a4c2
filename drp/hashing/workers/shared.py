"""A page of memory that the coordinator and its workers share: run, pause or stop, and live counters.

Progress costs the workers one store per batch and nothing per file; whoever shows it reads when it likes.
"""

from __future__ import annotations

import mmap
import os
import struct
import time

_SLOT = struct.Struct("<QQQ")
_SLOWEST = struct.Struct("<dQH")
_SLOT_SIZE = 512
_PATH_LIMIT = _SLOT_SIZE - _SLOT.size - _SLOWEST.size
WORKERS_LIMIT = 256
RUN, PAUSE, STOP = 0, 1, 2


class Stopped(Exception):
    """The coordinator asked the worker to stop."""


class SharedPage:
    """The page; the descriptor travels to workers."""

    def __init__(self, descriptor: int | None = None) -> None:
        """Make a page, or open the one behind a descriptor."""
        size = _SLOT_SIZE * (WORKERS_LIMIT + 1)
        if descriptor is None:
            descriptor = os.memfd_create("drp-hashing", os.MFD_CLOEXEC)
            os.ftruncate(descriptor, size)
        self.descriptor = descriptor
        self._page = mmap.mmap(descriptor, size)

    @property
    def state(self) -> int:
        """Return RUN, PAUSE or STOP."""
        return self._page[0]

    @state.setter
    def state(self, value: int) -> None:
        self._page[0] = value

    def count(self, worker: int, files: int, size: int, checked: int) -> None:
        """Store a worker's counters."""
        _SLOT.pack_into(self._page, _SLOT_SIZE * (worker + 1), files, size, checked)

    def totals(self) -> tuple[int, int, int]:
        """Return files, bytes and entries over all workers."""
        slots = [_SLOT.unpack_from(self._page, _SLOT_SIZE * (worker + 1)) for worker in range(WORKERS_LIMIT)]
        return sum(slot[0] for slot in slots), sum(slot[1] for slot in slots), sum(slot[2] for slot in slots)

    def note_slowest(self, worker: int, path: bytes, seconds: float, size: int) -> None:
        """Store the file that a worker read at the lowest rate; of a long path, the end."""
        shown = path[-_PATH_LIMIT:]
        at = _SLOT_SIZE * (worker + 1) + _SLOT.size
        self._page[at + _SLOWEST.size : at + _SLOWEST.size + len(shown)] = shown
        _SLOWEST.pack_into(self._page, at, seconds, size, len(shown))

    def slowest(self) -> tuple[bytes, float, int] | None:
        """Return path, seconds and bytes of the file that was read at the lowest rate so far."""
        worst: tuple[bytes, float, int] | None = None
        for worker in range(WORKERS_LIMIT):
            at = _SLOT_SIZE * (worker + 1) + _SLOT.size
            seconds, size, length = _SLOWEST.unpack_from(self._page, at)
            if length and (worst is None or size / seconds < worst[2] / worst[1]):
                start = at + _SLOWEST.size
                worst = (self._page[start : start + length], seconds, size)
        return worst

    def close(self) -> None:
        """Give memory and descriptor back."""
        self._page.close()
        os.close(self.descriptor)


class WorkerGate:
    """What a worker passes between batches and inside large files: caps, pause, stop, and its counters."""

    def __init__(self, page: SharedPage, worker: int, rate: float, parent: int) -> None:
        """``rate``: bytes a second this worker may read, 0 for no limit; ``parent``: whom not to outlive."""
        self._page, self._worker, self._rate, self._parent = page, worker, rate, parent
        self._files = self._size = self._checked = self._live = 0
        self._allowance = time.monotonic()
        self._lowest = float("inf")
        self.directory = b""
        """Where the worker is, for `slow`."""

    def __call__(self, size: int) -> None:
        """Account for bytes read inside a large file. Raises ``Stopped``."""
        self._live += size
        self._page.count(self._worker, self._files, self._size + self._live, self._checked)
        self._pass(size)

    def batch(self, files: int, size: int, checked: int) -> None:
        """Account for a finished batch, whose bytes may have been counted live. Raises ``Stopped``."""
        self._files += files
        self._size += size
        self._checked += checked
        cost, self._live = max(0, size - self._live), 0
        self._page.count(self._worker, self._files, self._size, self._checked)
        self._pass(cost)

    def slow(self, name: bytes, seconds: float, size: int) -> None:
        """Note the file if none was read at a lower rate."""
        if seconds > 0 and size / seconds < self._lowest:
            self._lowest = size / seconds
            path = self.directory + b"/" + name if self.directory else name
            self._page.note_slowest(self._worker, path, seconds, size)

    def _pass(self, size: int) -> None:
        if self._rate and size:
            now = time.monotonic()
            self._allowance = max(self._allowance, now - 1.0) + size / self._rate
            if self._allowance > now:
                self._wait(self._allowance - now)
        if self._page.state != RUN:
            self._wait(0.0)
        if os.getppid() != self._parent:
            raise Stopped

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while self._page.state == PAUSE or time.monotonic() < end:
            if self._page.state == STOP or os.getppid() != self._parent:
                raise Stopped
            time.sleep(min(0.1, max(0.001, end - time.monotonic())))
        if self._page.state == STOP:
            raise Stopped
