"""The tasks of making a manifest, and what came of them; what a killed worker held is done again.

A worker spools its groups a few megabytes at a time, so its death loses what it was at and what it had finished
since. Both are given to others. What is listed a second time must announce what it announced the first time: parts of
it may be hashed and spooled already, and a manifest of two moments would be no manifest.
"""

from __future__ import annotations

import errno
import hashlib
import heapq
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from drp.domain.manifest import show_path
from drp.domain.phrase import say
from drp.errors import ManifestError, StorageFull
from drp.hashing.workers.pool import Task
from drp.manifests import merkle
from drp.manifests.layout import FIXED, OWNER, Group, Key, Tag, encode

_SPREAD = 4 << 30
"""A file of this size is likely to outlast all others, and is spread over idle cores from its start."""
LOST = errno.EOWNERDEAD
"""What an entry is recorded with when two workers died at it; no file system answers with this number."""
_DEATHS_MOST = 100
_SCARCE = 16 << 20
Say = Callable[[str], None]
"""Called with a sentence when a worker was lost."""


def _silent(sentence: str) -> None:
    del sentence


@dataclass(slots=True)
class _Announced:
    """What the listing of one directory gave others to do."""

    directories: bytes = b""
    parts: set[tuple[bytes, bool, bytes, bytes]] = field(default_factory=set)
    """First name, whether it is the last part, and digests of names and others."""
    files: set[bytes] = field(default_factory=set)
    missing: set[tuple[bytes, bool, bytes, bytes]] = field(default_factory=set)
    """Parts that a second listing has not announced yet."""


@dataclass(slots=True)
class _Unspooled:
    """What one worker has done and not spooled yet."""

    tasks: list[Task] = field(default_factory=list)
    announced: dict[bytes, _Announced] = field(default_factory=dict)


@dataclass(slots=True)
class CreateJob:
    """Hands out large files first, then parts of directories, then directories; adds up runs and late digests."""

    setup: dict[str, Any]
    descriptors: tuple[int, ...]
    spools: list[IO[bytes]]
    folder: Path
    """Where spools are made: there must be room for the manifest anyway."""
    pending: list[tuple[bytes, list[bytes]]] = field(default_factory=list)
    parts: list[Task] = field(default_factory=list)
    large: list[tuple[int, bytes, bytes]] = field(default_factory=list)
    runs: list[tuple[int, int, int]] = field(default_factory=list)
    """Spool, offset and length of everything that is safe."""
    late: dict[tuple[bytes, bytes], Task] = field(default_factory=dict)
    lost: list[tuple[Key, bytes, bytes]] = field(default_factory=list)
    """Groups that stand for what two workers died at: key, group, Merkle node."""
    say: Say = _silent
    waiting: int = 0
    number: int = 0
    deaths: int = 0
    spool_of: dict[int, int] = field(default_factory=dict)
    unspooled: dict[int, _Unspooled] = field(default_factory=dict)
    again: dict[bytes, _Announced] = field(default_factory=dict)
    """What directories announced that may be listed a second time."""
    tried: set[tuple[Any, ...]] = field(default_factory=set)

    def spool(self, worker: int) -> int:
        """Return a spool for a worker that starts; files without names, which go with this process."""
        self.spool_of[worker] = len(self.spools)
        self.unspooled[worker] = _Unspooled()
        self.spools.append(tempfile.TemporaryFile(dir=self.folder))  # noqa: SIM115 - `close` closes it
        return self.spools[-1].fileno()

    def close(self) -> None:
        """Give the spools back."""
        for spool in self.spools:
            spool.close()

    def next(self) -> Task | None:
        """Return large files first, the largest before the others, then parts of directories, then directories."""
        self.number += 1
        if self.large:
            size, directory, name = heapq.heappop(self.large)
            alone = not self.large and not self.parts and not self.pending
            return ("file", self.number, directory, name, -size, alone or -size >= _SPREAD)
        if self.parts:
            return ("part", self.number, *self.parts.pop())
        if self.pending:
            directory, names = self.pending[-1]
            count = max(1, min(32, self.waiting // (4 * max(1, len(self.spools)))))
            batch = names[-count:][::-1]
            del names[-count:]
            if not names:
                self.pending.pop()
            self.waiting -= len(batch)
            return ("directories", self.number, directory, batch)
        return None

    def message(self, worker: int, message: Task) -> None:
        """Take what was found."""
        kind = message[0]
        if kind == "run":
            self.runs.append((self.spool_of[worker], message[1], message[2]))
            self.unspooled[worker] = _Unspooled()
            return
        known = self.again.get(message[2])
        if known is not None and self._known(known, message):
            return
        announced = self.unspooled[worker].announced.setdefault(message[2], _Announced())
        if kind == "directories":
            announced.directories = message[3]
            names = message[3].split(b"\0")
            names.reverse()
            self.waiting += len(names)
            self.pending.append((message[2], names))
        elif kind == "part":
            announced.parts.add(_part_mark(message))
            self.parts.append(message[2:])
        else:
            announced.files.add(message[3])
            heapq.heappush(self.large, (-message[4], message[2], message[3]))

    def done(self, worker: int, task: Task, message: Task) -> None:
        """Take the digest of a large file, or keep in mind what the worker has not spooled yet."""
        if task[0] == "file":
            self.late[message[3], message[4]] = message[5:]
            return
        self.unspooled[worker].tasks.append(task)
        if self.again and task[0] == "directories":
            for path in (_path(task[2], name) for name in task[3]):
                if path in self.again and self.again[path].missing:
                    raise _changed(path)

    def died(self, worker: int, tasks: list[Task], status: int) -> None:
        """Have all done again that is not spooled; what two workers died at is recorded as unreadable.

        Raises ``ManifestError`` when workers end by themselves or keep dying, ``StorageFull``.
        """
        if status >= 0:
            self._no_room()
            raise ManifestError(
                say("a hashing worker ended with {status}", status=str(status)),
                hint="its last words are above; run it again",
            )
        self.deaths += 1
        if self.deaths > _DEATHS_MOST:
            hint = "look for the kernel's out-of-memory messages, then run it again"
            raise ManifestError(
                say(
                    "{deaths} hashing workers were killed, the last by signal {status}",
                    deaths=self.deaths,
                    status=str(-status),
                ),
                hint=hint,
            )
        held = self.unspooled[worker]
        for directory, announced in held.announced.items():
            _join(self.again.setdefault(directory, _Announced()), announced)
        self.say(say("a hashing worker was killed by signal {signal}: what it held is done again", signal=str(-status)))
        for task in (*tasks[1:], *held.tasks):  # it did not die of these
            self._put_back(task)
        for mark, task in ((mark, task) for one in tasks[:1] for mark, task in _single(one)):  # next, to know soon
            if mark in self.tried:
                self._give_up(task)
            else:
                self.tried.add(mark)
                self._put_back(task)

    def _no_room(self) -> None:
        room = os.statvfs(self.folder)
        if room.f_bavail * room.f_frsize < _SCARCE:
            raise StorageFull(say("no room in {folder} for what hashing workers put aside", folder=self.folder))

    def _put_back(self, task: Task) -> None:
        if task[0] == "directories":
            for name in reversed(task[3]):  # one by one: of a batch, only one can be what kills
                known = self.again.get(_path(task[2], name))
                if known is not None:
                    known.missing = set(known.parts)
                self.pending.append((task[2], [name]))
                self.waiting += 1
        elif task[0] == "part":
            self.parts.append(task[2:])
        else:
            heapq.heappush(self.large, (-task[4], task[2], task[3]))

    def _give_up(self, task: Task) -> None:
        """Record as unreadable what two workers died at."""
        why = LOST.to_bytes(4, "little")
        if task[0] == "file":
            self.late[task[2], task[3]] = (LOST, False, b"", 0, 0, 0)
            path = _path(task[2], task[3])
        elif task[0] == "directories":
            path = _path(task[2], task[3][0])
            announced = self.again.get(path)
            group = Group(path, last=announced is None or not announced.parts, errno=LOST)
            self.lost.append((group.key(), encode(group), merkle.EMPTY))
        else:
            path, last, names = task[2], task[3], task[4].split(b"\0")
            group = Group(path, first=False, last=last, names=names, errors=len(names))
            group.fixed, group.owners = FIXED.pack(0, 0, 0) * len(names), bytes(OWNER.size * len(names))
            group.extras = {row: {Tag.ERROR: why} for row in range(len(names))}
            self.lost.append((group.key(), encode(group), merkle.tree(merkle.leaves(group, self.setup["key"], 0))))
        self.say(say("two hashing workers were killed at {path}: recorded as unreadable", path=show_path(path) or "/"))

    def _known(self, known: _Announced, message: Task) -> bool:
        """Return whether a directory that is listed again announces only what it did. Raises ``ManifestError``."""
        if message[0] == "file":
            return bytes(message[3]) in known.files
        if message[0] == "directories":
            repeated, changed = known.directories == bytes(message[3]), known.directories not in {b"", message[3]}
        else:
            mark = _part_mark(message)
            repeated = mark in known.parts
            changed = not repeated and any(mark[0] <= other[0] for other in known.parts)
            known.missing.discard(mark)
        if changed:
            raise _changed(message[2])
        return repeated


def _changed(directory: bytes) -> ManifestError:
    where = show_path(directory) or "at the root"
    return ManifestError(
        say("the directory {where} changed after a hashing worker was killed in it", where=where), hint="run it again"
    )


def _part_mark(message: Task) -> tuple[bytes, bool, bytes, bytes]:
    names, others = message[4], message[5]
    return names.partition(b"\0")[0], message[3], _digest(names), _digest(others)


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()


def _join(known: _Announced, more: _Announced) -> None:
    known.directories = more.directories or known.directories
    known.parts |= more.parts
    known.files |= more.files


def _single(task: Task) -> Iterator[tuple[tuple[Any, ...], Task]]:
    """Yield what a task consists of, each with what it is known by in every attempt."""
    if task[0] == "directories":
        for name in task[3]:
            yield ("directory", _path(task[2], name)), (*task[:3], [name])
    elif task[0] == "part":
        yield ("part", task[2], task[4].partition(b"\0")[0]), task
    else:
        yield ("file", task[2], task[3]), task


def _path(directory: bytes, name: bytes) -> bytes:
    return directory + b"/" + name if directory else name
