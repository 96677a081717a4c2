"""The bytes of pinned versions: read once where most of an object is asked for, hashed meanwhile, kept for a while.

restic reads a pack in several ranges. Whatever is small enough is fetched whole, into a bounded memory, and ranges are
served from there as they arrive: only so is there a SHA-256 of what was read. What the store refuses, or has lost, is
remembered by key: the tool in the cell only says that something failed.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from drp.errors import AccessDenied, ObjectAbsent, RepositoryError, ShortBody, Unreachable
from drp.repositories.locations.stored import StoredObjects
from drp.repositories.pinned.layout import digest_in

WHOLE_BYTES = 40 << 20
"""Larger objects are passed through: restic's packs are of 16 MiB unless somebody asks for others."""
SHELF_BYTES = 192 << 20
"""So much of what was read last stays in memory."""
_PIECE = 1 << 20
_FETCHES = 6
_WORTH = 4
"""An object is read whole once this part of it (a fourth) was asked for."""
_SHORT_LIMIT = 3
_PAUSES = (0.1, 0.2, 0.4, 0.8, 1.6, 2.0)


class NotServed(Exception):
    """An object's bytes cannot be given: 404 it is gone, 403 the store refuses us, 503 it does not answer."""

    def __init__(self, status: int) -> None:
        """Take the status that restic is answered with."""
        super().__init__(str(status))
        self.status = status


@dataclass(frozen=True, slots=True)
class Entry:
    """The version of a key that is in the view, and how many bytes it has."""

    version: str
    size: int


@dataclass(slots=True)
class Readings:
    """What one client read."""

    asked: dict[str, int] = field(default_factory=dict)
    """Bytes by key."""
    failed: set[str] = field(default_factory=set)
    """Keys that could not be given."""


@dataclass(slots=True)
class Troubles:
    """What came between us and the store."""

    gone: set[str] = field(default_factory=set)
    altered: set[str] = field(default_factory=set)
    refused: str = ""
    silent: str = ""

    @property
    def told(self) -> dict[str, str]:
        """Return what ends a restore, as data."""
        return {"refused": self.refused, "silent": self.silent}


class PinnedObjects:
    """The objects of a view. Safe to use from several threads."""

    def __init__(self, source: StoredObjects, view: Mapping[str, Entry], *, patience_seconds: float) -> None:
        """Take what reads versions, the view, and how long a store may fail one object without any progress."""
        self.view, self._source, self._patience = view, source, patience_seconds
        self.troubles = Troubles()
        self.digests: dict[str, str] = {}
        self._shelf: OrderedDict[str, _Whole] = OrderedDict()
        self._lock = threading.Lock()
        self._fetching = threading.BoundedSemaphore(_FETCHES)

    def pieces(self, key: str, start: int, end: int, readings: Readings) -> Iterator[memoryview]:
        """Yield the bytes of a range. Raises `NotServed`, also after some were yielded."""
        with self._lock:
            readings.asked[key] = readings.asked.get(key, 0) + end - start
            whole = self._take(key, readings.asked[key])
        try:
            yield from whole.window(start, end) if whole is not None else self._through(key, start, end)
        except NotServed:
            with self._lock:
                readings.failed.add(key)
            raise
        except Exception as error:  # a fault of ours must not read as damage
            with self._lock:
                readings.failed.add(key)
                self._ours(error)
            raise NotServed(503) from error

    def settle(self) -> None:
        """Wait until what is on its way has come, or failed: only then are all digests known."""
        with self._lock:
            left = [each for each in self._shelf.values() if not each.done]
        for each in left:
            each.wait()

    def forget(self) -> None:
        """Let go of what is kept in memory: nobody restores now."""
        with self._lock:
            self._shelf = OrderedDict((key, each) for key, each in self._shelf.items() if not each.done)

    def _take(self, key: str, asked: int) -> _Whole | None:
        """Return the object from the shelf, or have it fetched, if it is worth it."""
        if (found := self._shelf.get(key)) is not None and not found.failed:
            self._shelf.move_to_end(key)
            return found
        size = self.view[key].size
        if size > WHOLE_BYTES or asked * _WORTH < size:
            return None
        total = size + sum(len(each.buffer) for each in self._shelf.values())
        for name in [name for name, each in self._shelf.items() if each.done]:
            if total <= SHELF_BYTES:
                break
            total -= len(self._shelf.pop(name).buffer)
        whole = self._shelf[key] = _Whole(size)
        threading.Thread(target=self._fetch, args=(key, whole), daemon=True).start()
        return whole

    def _fetch(self, key: str, whole: _Whole) -> None:
        total = hashlib.sha256()
        try:
            with self._fetching:
                for piece in self._read(key, 0, len(whole.buffer)):
                    whole.add(piece)
                    total.update(piece)
        except NotServed as error:
            whole.end(error.status)
            return
        except Exception as error:  # noqa: BLE001 - a fault of ours must not read as damage, nor be waited for
            with self._lock:
                self._ours(error)
            whole.end(503)
            return
        self._judge(key, total.hexdigest())
        whole.end(0)

    def _through(self, key: str, start: int, end: int) -> Iterator[memoryview]:
        """Yield a range without keeping it; where most of the object is asked for, all of it is read, and hashed."""
        size = self.view[key].size
        whole = (end - start) * _WORTH >= size * (_WORTH - 1) and key not in self.digests
        total = hashlib.sha256()
        position = 0 if whole else start
        for piece in self._read(key, position, size if whole else end):
            if whole:
                total.update(piece)
            wanted = piece[max(0, start - position) : max(0, end - position)]
            position += len(piece)
            if len(wanted):
                yield wanted
        if whole:
            self._judge(key, total.hexdigest())

    def _judge(self, key: str, digest: str) -> None:
        with self._lock:
            self.digests[key] = digest
            if digest_in(key) not in {"", digest}:
                self.troubles.altered.add(key)

    def _read(self, key: str, start: int, end: int) -> Iterator[memoryview]:
        """Yield the bytes of a version, asking again for what is missing: the same version has the same bytes."""
        version, position, attempt, shorts = self.view[key].version, start, 0, 0
        began = time.monotonic()
        while position < end:
            before = position
            try:
                for piece in self._source.read(key, version, offset=position, length=end - position):
                    position += len(piece)
                    if position > end:
                        raise self._lost(key, self.troubles.altered)
                    yield memoryview(piece)
                error: RepositoryError | None = None
            except ObjectAbsent:
                raise self._lost(key, self.troubles.gone) from None
            except AccessDenied as refusal:
                self.troubles.refused = self.troubles.refused or str(refusal.message)
                raise NotServed(403) from None
            except (ShortBody, Unreachable) as failure:
                error = failure
            except RepositoryError as failure:
                self.troubles.silent = self.troubles.silent or str(failure.message)
                raise NotServed(503) from None
            if position > before:
                began, attempt, shorts = time.monotonic(), 0, 0
            elif position < end:
                shorts += error is None or isinstance(error, ShortBody)
                if shorts >= _SHORT_LIMIT:
                    raise self._lost(key, self.troubles.altered)
                if error is not None and time.monotonic() - began > self._patience:
                    self.troubles.silent = self.troubles.silent or str(error.message)
                    raise NotServed(503)
                time.sleep(_PAUSES[min(attempt, len(_PAUSES) - 1)])
                attempt += 1

    def _ours(self, error: Exception) -> None:
        """Remember a fault of this program: it ends the restore as inconclusive, as a store's silence does."""
        self.troubles.silent = self.troubles.silent or f"drp could not serve it: {type(error).__name__}"

    def _lost(self, key: str, among: set[str]) -> NotServed:
        with self._lock:
            among.add(key)
        return NotServed(404)


class _Whole:
    """One object on its way into memory."""

    def __init__(self, size: int) -> None:
        self.buffer = bytearray(size)
        self._filled = 0
        self._status = -1
        """-1: on its way; 0: it is there; else why not."""
        self._changed = threading.Condition()

    @property
    def done(self) -> bool:
        return self._status >= 0

    @property
    def failed(self) -> bool:
        return self._status > 0

    def wait(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self.done)

    def add(self, piece: memoryview) -> None:
        end = self._filled + len(piece)
        self.buffer[self._filled : end] = piece
        with self._changed:
            self._filled = end
            self._changed.notify_all()

    def end(self, status: int) -> None:
        with self._changed:
            self._status = status
            self._changed.notify_all()

    def window(self, start: int, end: int) -> Iterator[memoryview]:
        """Yield a range as it arrives. Raises `NotServed` when the rest of it does not."""
        there = memoryview(self.buffer)
        while start < end:
            until = min(self._arrived(start), end)
            while start < until:
                stop = min(until, start + _PIECE)
                yield there[start:stop]
                start = stop

    def _arrived(self, after: int) -> int:
        """Return how many bytes there are, once there are more than ``after``. Raises `NotServed` when none come."""
        with self._changed:
            self._changed.wait_for(lambda: self._filled > after or self.done)
            if self._filled <= after:
                raise NotServed(self._status or 404)
            return self._filled
