"""Reads objects through the parallel core and holds them against their names; what was read is durable every second."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from drp.domain.phrase import Phrase, fact, own_words
from drp.domain.phrase_form import written
from drp.domain.ports import Clock
from drp.domain.worm.scrub import MOST_NAMED
from drp.errors import DrpError, MediaNeeded, ObjectAbsent, ShortBody, StorageBroken
from drp.hashing.covered import Covered, Listed, Run
from drp.hashing.streams import StreamObject, StreamResult, verify_streams
from drp.repositories.locations.stored import StoredObjects

_DURABLE_SECONDS = 1.0
_BATCH = 5000
_SILENT = 20
"""So many objects in a row that could not be read, and the place is away."""


@dataclass(slots=True)
class Reading:
    """The reading of one scrub."""

    stored: StoredObjects
    covered: Covered
    run: Run
    clock: Clock
    connections: int
    cancelled: Callable[[], bool]
    tell: Callable[[int, int], None]
    """Is told objects and bytes, a few times a second."""
    unread: dict[str, Phrase] = field(default_factory=dict)
    """Objects that drp could not read, no more than a hundred, and why."""
    unread_total: int = 0
    vanished: int = 0
    """Objects that were removed between the listing and their turn."""
    mended: list[Listed] = field(default_factory=list)
    """Objects that were damaged before, and are what they are called now."""
    away: Phrase | None = None
    """Why nothing more can be read."""
    _again: list[Listed] = field(default_factory=list)
    _objects: int = 0
    _size: int = 0

    def read(self, objects: Iterator[Listed]) -> None:
        """Read objects until there are no more, the place goes away, or somebody asks to stop: ``Interrupted``."""
        self._read(objects, last=False)
        again, self._again = self._again, []
        if self.away is None:
            self._read(iter(again), last=True)

    def _read(self, objects: Iterator[Listed], *, last: bool) -> None:
        under_way: dict[str, Listed] = {}
        verified: list[tuple[Listed, datetime]] = []
        noted = time.monotonic()
        silent = 0

        def streams() -> Iterator[StreamObject]:
            for one in objects:
                name = f"{one.version} {one.key}"
                under_way[name] = one
                open_ = partial(self.stored.views, one.key, one.version)
                yield StreamObject(name, open_, {"sha256": one.sha256})

        results = verify_streams(streams(), connections=self.connections, cancelled=self.cancelled)
        try:
            with closing(results):
                for result in results:
                    one = under_way.pop(result.name)
                    if result.outcome == "same":
                        verified.append((one, self.clock.now().wall))
                        self._count(one, result.size)
                        silent = 0
                    else:
                        silent = silent + 1 if self._fail(one, result, last=last) else 0
                    if len(verified) >= _BATCH or time.monotonic() - noted >= _DURABLE_SECONDS:
                        self._note(verified)
                        noted = time.monotonic()
                    if silent >= _SILENT and self.away is None:
                        self.away = fact("silent-in-a-row", "{n} objects in a row could not be read", n=silent)
                    if self.away is not None:
                        return
        finally:
            self._note(verified)

    def _note(self, verified: list[tuple[Listed, datetime]]) -> None:
        self.covered.note(self.run, verified)
        verified.clear()
        self.tell(self._objects, self._size)

    def _count(self, one: Listed, size: int) -> None:
        self._objects += 1
        self._size += size
        if one.damaged is not None:
            self.mended.append(one)

    def _fail(self, one: Listed, result: StreamResult, *, last: bool) -> bool:
        """Judge an object that was not read, or is not what it is called; return whether the place may be away."""
        error = result.error
        if result.outcome == "changed":
            self._changed(one, result, last=last)
            return False
        if isinstance(error, ObjectAbsent):
            self.vanished += 1
            return False
        if isinstance(error, MediaNeeded):
            self.away = own_words(error.message)
            return True
        if isinstance(error, ShortBody | StorageBroken):
            if last:
                self._condemn(one, own_words(error.message), result.size)
            else:
                self._again.append(one)
            return False
        self.unread_total += 1
        if len(self.unread) < MOST_NAMED:
            why = own_words(error.message) if isinstance(error, DrpError) else fact("why", "{why}", why=result.why)
            self.unread[one.key] = why
        return True

    def _changed(self, one: Listed, result: StreamResult, *, last: bool) -> None:
        """Condemn an object, unless it became another one since it was listed: then it is read once more, as that."""
        now = None if one.version else self._as_it_is(one)
        if now is not None and (now.size, now.modified) != (one.size, one.modified) and not last:
            self._again.append(now)
            return
        held = fact(
            "digest-is-other",
            "its {size} bytes have the SHA-256 {digest}",
            size=result.size,
            digest=result.digests.get("sha256", ""),
        )
        self._condemn(one, held, result.size)

    def _as_it_is(self, one: Listed) -> Listed | None:
        folder = one.key.rpartition("/")[0]
        for each in self.stored.versions(folder):
            if each.key == one.key:
                return Listed(
                    one.key, each.version, one.part, one.sha256, each.size, each.modified.isoformat(), current=True
                )
        return None

    def _condemn(self, one: Listed, why: Phrase, size: int) -> None:
        self._objects += 1
        self._size += size
        self.covered.condemn(self.run, one, self.clock.now().wall, json.dumps(written(why)))


def within(objects: Iterable[Listed], room: Room) -> Iterator[Listed]:
    """Yield objects as long as there is room for them."""
    for one in objects:
        if not room.takes(one.size):
            return
        yield one


@dataclass(slots=True)
class Room:
    """A budget: bytes, seconds, both, or none."""

    size: int | None
    """Bytes; the first objects, ``least``, are read whatever their size."""
    until: float | None
    """Of the monotonic clock."""
    taken: int = 0
    objects: int = 0
    full: bool = False
    """Whether something had to be left."""
    least: int = 1

    @property
    def limited(self) -> bool:
        """Return whether there is a budget at all."""
        return self.size is not None or self.until is not None

    def half(self) -> Room:
        """Return a budget of half of what is left."""
        now = time.monotonic()
        return Room(
            size=max(0, self.size - self.taken) // 2 if self.size is not None else None,
            until=now + (self.until - now) / 2 if self.until is not None else None,
            least=0,
        )

    def takes(self, size: int) -> bool:
        """Take an object, or say that there is no room for it and for any more."""
        over = self.size is not None and self.objects >= self.least and self.taken + size > self.size
        if over or (self.until is not None and time.monotonic() >= self.until):
            self.full = True
        if not self.full:
            self.taken, self.objects = self.taken + size, self.objects + 1
        return not self.full
