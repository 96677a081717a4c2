"""The program that reads a repository's own documents: started by `session.py`, never by hand.

It holds the password and parses what a backup says, so it stands apart: it has no network and no more memory than it
needs, opens no file but its cache, and gets bytes of the repository from its starter alone, by name.
"""

from __future__ import annotations

import ctypes
import os
import resource
import socket
import sqlite3
import sys
import time
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from drp.domain.strict_json import Malformed, parse_object
from drp.repositories.restic.needs import wire
from drp.repositories.restic.needs.cache import Cache
from drp.repositories.restic.needs.crypto import Key, opened_by, unpacked
from drp.repositories.restic.needs.formats import LARGEST, read_index
from drp.repositories.restic.needs.walk import Unknown, Walker, Wish, batches, opened

_MEMORY = 1 << 30
_MOST_KEYS = 20
"""restic tries no more of them either."""
_MOST_PASSWORD = 64 << 10
_TOGETHER = 16 << 20
_BEAT_SECONDS = 1.0
_PURPOSE = b"drp-needs-1"
_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
_NO_NEW_PRIVILEGES, _NOT_DUMPABLE = 38, 4
STAGE_INDEX, STAGE_TREES, STAGE_CACHE = b"i", b"t", b"c"


def main() -> None:
    """Answer one starter: its socket, the password and the cache's folder are named by the arguments."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    _confine()
    password = os.pread(int(sys.argv[2]), _MOST_PASSWORD, 0)
    folder = Path(sys.argv[3]) if sys.argv[3] else None
    try:
        _Service(channel, password, folder).serve()
    except (wire.Cut, OSError) as error:
        if not isinstance(error, OSError) or isinstance(error, ConnectionError):
            return  # the starter is gone
        _fail(channel, wire.NO_ROOM)
    except sqlite3.Error as error:
        _fail(channel, wire.NO_MEMORY if error.sqlite_errorcode == sqlite3.SQLITE_NOMEM else wire.NO_ROOM)
    except MemoryError:
        _fail(channel, wire.NO_MEMORY)
    except Unknown as unknown:
        _fail(channel, unknown.reason, unknown.folder, unknown.name)


def _fail(channel: socket.socket, reason: bytes, folder: bytes = wire.BLOB, name: bytes = wire.NOTHING) -> None:
    wire.send(channel, wire.FAILED, wire.END.pack(wire.NOTHING, reason, folder, name))


def _confine() -> None:
    """Give up the network and most of the memory; a kernel that forbids the one does not keep us from the other."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    system = ctypes.CDLL(None)
    system.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    if system.unshare(_NEW_NETWORK):
        system.unshare(_NEW_USER | _NEW_NETWORK)
    system.prctl(_NOT_DUMPABLE, 0, 0, 0, 0)


@dataclass(slots=True)
class _Asked:
    """What the starter said at the beginning."""

    keys: list[bytes] = field(default_factory=list)
    index: dict[bytes, int] = field(default_factory=dict)
    points: list[bytes] = field(default_factory=list)


class _Service:
    def __init__(self, channel: socket.socket, password: bytes, folder: Path | None) -> None:
        self._channel, self._password, self._folder = channel, password, folder
        self._sizes: dict[bytes, int] = {}
        self._beat = 0.0
        self._stage = (STAGE_INDEX, 0, 0)

    def serve(self) -> None:
        asked = self._asked()
        self._sizes = asked.index
        key, names = self._keys(asked.keys)
        wire.send_names(self._channel, wire.OPENED, names)
        self._require_config(key)
        cache = Cache(self._folder, key.derived(_PURPOSE), self._alive)
        try:
            self._take_in(cache, key, asked.index)
            numbers = {number: identity for identity, number in cache.sources().items()}
            walker = Walker(cache, key, self._read, lambda done: self._tell(STAGE_TREES, done, 0))
            for point in asked.points:
                self._answer(cache, walker, point, numbers)
            self._tell(STAGE_CACHE, 0, 0)
            cache.save()
        finally:
            cache.close()
        wire.send(self._channel, wire.DONE)

    def _asked(self) -> _Asked:
        asked = _Asked()
        while (frame := wire.receive(self._channel)).kind != wire.BEGIN:
            if frame.kind == wire.INDEX:
                asked.index.update(wire.LISTED.iter_unpack(frame.content))
            else:
                names = [frame.content[at : at + wire.ID] for at in range(0, len(frame.content), wire.ID)]
                (asked.keys if frame.kind == wire.KEYS else asked.points).extend(names)
        return asked

    def _keys(self, names: Sequence[bytes]) -> tuple[Key, bytes]:
        """Return the repository's key, and all key files that the password opens. Raises ``Unknown``."""
        found, opening = None, bytearray()
        broken: bytes | None = None
        tried = names[:_MOST_KEYS]
        for name, content in zip(tried, self._read([Wish(wire.KEY, name) for name in tried]), strict=True):
            try:
                key = opened_by(self._password, content) if content is not None else None
            except Malformed:
                broken = name
                continue
            if key is not None:
                found = found or key
                opening += name
            self._alive()
        if found is None and broken is not None:
            raise Unknown(wire.MALFORMED, wire.KEY, broken)
        if found is None:
            raise Unknown(wire.WRONG_PASSWORD, wire.KEY, wire.NOTHING)
        return found, bytes(opening)

    def _require_config(self, key: Key) -> None:
        (content,) = self._read([Wish(wire.CONFIG, wire.NOTHING)])
        try:
            said = parse_object(unpacked(opened(key, content, wire.CONFIG, wire.NOTHING), LARGEST))
        except Malformed:
            raise Unknown(wire.MALFORMED, wire.CONFIG, wire.NOTHING) from None
        if said.get("version") not in {1, 2}:
            raise Unknown(wire.MALFORMED, wire.CONFIG, wire.NOTHING)

    def _take_in(self, cache: Cache, key: Key, listed: dict[bytes, int]) -> None:
        """Bring the cache to the index files that are there. Raises ``Unknown`` for one that cannot be read."""
        known = cache.sources()
        cache.forget(number for identity, number in known.items() if identity not in listed)
        new = sorted(listed.keys() - known.keys())
        contents = self._read([Wish(wire.INDEX_FILE, name) for name in new])
        for count, (name, content) in enumerate(zip(new, contents, strict=True)):
            self._tell(STAGE_INDEX, count, len(new))
            try:
                packs = list(read_index(unpacked(opened(key, content, wire.INDEX_FILE, name), LARGEST)))
            except Malformed:
                raise Unknown(wire.MALFORMED, wire.INDEX_FILE, name) from None
            cache.add(name, packs)
        if new:
            self._tell(STAGE_INDEX, len(new), len(new))
            cache.settle()
            cache.save()

    def _answer(self, cache: Cache, walker: Walker, point: bytes, numbers: dict[int, bytes]) -> None:
        try:
            packs, sources = walker.needs(point)
        except Unknown as unknown:
            ended = wire.END.pack(point, unknown.reason, unknown.folder, unknown.name)
        else:
            wire.send_names(self._channel, wire.PACKS, cache.pack_ids(packs))
            wire.send_names(self._channel, wire.SOURCES, _named(sources, numbers))
            ended = wire.END.pack(point, wire.NO_REASON, wire.BLOB, wire.NOTHING)
        wire.send(self._channel, wire.POINT, ended)

    def _read(self, wishes: Sequence[Wish]) -> Iterator[bytes | None]:
        for group in batches(wishes, _TOGETHER, self._size):
            asked = [wire.REQUEST.pack(each.folder, each.name, each.offset, each.length) for each in group]
            wire.send(self._channel, wire.READ, b"".join(asked))
            heard = [wire.receive(self._channel) for _ in group]  # all, before anything can be wrong with one
            for each, frame in zip(group, heard, strict=True):
                if frame.kind == wire.LARGE:
                    raise Unknown(wire.TOO_LARGE, each.folder, each.name)
                yield frame.content if frame.kind == wire.BYTES else None

    def _size(self, wish: Wish) -> int:
        return wish.length or self._sizes.get(wish.name, 64 << 10)

    def _tell(self, stage: bytes, done: int, total: int) -> None:
        self._stage = (stage, done, total)
        self._alive()

    def _alive(self) -> None:
        """Say how far it is, once a second at most."""
        if time.monotonic() - self._beat >= _BEAT_SECONDS:
            self._beat = time.monotonic()
            wire.send(self._channel, wire.ALIVE, wire.PROGRESS.pack(*self._stage))


def _named(numbers: array[int], names: dict[int, bytes]) -> bytes:
    return b"".join(sorted(names[number] for number in numbers))


if __name__ == "__main__":
    main()
