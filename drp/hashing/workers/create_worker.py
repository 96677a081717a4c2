"""What a worker does while a manifest is made: lists directories, hashes their files, spools sorted groups.

Groups go into the worker's own spool file in sorted runs of a few megabytes; only counts, subdirectories, parts of
huge directories and large files travel through the coordinator.
"""

from __future__ import annotations

import errno
import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from drp.hashing.reading.careful import UNSEEN
from drp.hashing.reading.descent import Descent
from drp.hashing.reading.observe import Observer
from drp.hashing.reading.rows import Listing, Options, to_group
from drp.hashing.workers.shared import WorkerGate
from drp.hashing.workers.wire import Channel
from drp.manifests import merkle
from drp.manifests.layout import OWNER, Group, Key, Tag, encode

RUN_BYTES = 8 << 20
PART_LEAST, PART_MOST, _PART_MASK = 256, 1024, 255
"""A directory with more than PART_MOST entries is cut where a name's checksum says so: an added file moves one cut."""


class CreateWorker:
    """One worker's side of the making of a manifest."""

    def __init__(self, setup: dict[str, Any], gate: WorkerGate, channel: Channel) -> None:
        """Take the set-up that the coordinator sent."""
        self._gate, self._channel = gate, channel
        self._descent = Descent(setup["root"], setup["descriptors"])
        self._observer = Observer(Options(**setup["options"]), gate)
        self._key: bytes = setup["key"]
        self._spool: int = setup["spool"]
        self._offset = 0
        self._groups: list[tuple[Key, bytes]] = []
        self._held = 0

    def work(self, task: tuple[Any, ...]) -> None:
        """Do one task and tell the coordinator."""
        kind, number = task[0], task[1]
        result: tuple[Any, ...] = ()
        if kind == "directories":
            parent, names = task[2], task[3]
            for name in names:
                self._directory(number, parent + b"/" + name if parent else name)
        elif kind == "part":
            directory, last, listed, others = task[2:]
            listing = listed.split(b"\0"), set(others.split(b"\0"))
            self._part(number, directory, *listing, first=False, last=last)
        else:
            result = self._large(task[2], task[3], spread=task[5])
        self._channel.send(("done", number, self._observer.cold, *result))
        if self._held >= RUN_BYTES:
            self._flush()

    def end(self) -> None:
        """Spool what is held."""
        self._flush()

    def _directory(self, number: int, directory: bytes) -> None:
        try:
            listing = self._observer.list(self._descent.open(directory))
        except OSError as error:
            self._hold(Group(directory, errno=error.errno or errno.EIO), merkle.EMPTY)
            return
        if listing.directories:
            self._channel.send(("directories", number, directory, b"\0".join(listing.directories)))
        parts = list(_parts(listing))
        for part in parts[1:]:
            names, others = part
            last = part is parts[-1]
            self._channel.send(("part", number, directory, last, b"\0".join(names), b"\0".join(others)))
        names, others = parts[0]
        self._part(number, directory, names, set(others), first=True, last=len(parts) == 1)

    def _part(
        self, number: int, directory: bytes, names: list[bytes], others: set[bytes], *, first: bool, last: bool
    ) -> None:
        try:
            descriptor = self._descent.open(directory)
        except OSError as error:
            group = Group(directory, first, last, names, errors=len(names))
            group.fixed, group.owners = UNSEEN * len(names), bytes(OWNER.size * len(names))
            why = (error.errno or errno.EIO).to_bytes(4, "little")
            group.extras = {row: {Tag.ERROR: why} for row in range(len(names))}
            self._hold(group, merkle.tree(merkle.leaves(group, self._key, 0)))
            return
        self._gate.directory = directory
        rows = self._observer.look(descriptor, names, others)
        for row, size in rows.put_off:
            self._channel.send(("file", number, directory, names[row], size))
        compiled = self._observer.compiled
        self._hold(*to_group(rows, directory, self._key, first=first, last=last, compiled=compiled))
        late = sum(size for _, size in rows.put_off)
        self._gate.batch(rows.files - len(rows.put_off), rows.size - late, len(names))

    def _large(self, directory: bytes, name: bytes, *, spread: bool) -> tuple[Any, ...]:
        """Return path and outcome of a large file: errno, stability, digest, and what fstat said after the reading."""
        careful = self._observer.careful
        self._gate.directory = directory
        try:
            descriptor = os.open(name, careful.flags, dir_fd=self._descent.open(directory))
            try:
                with suppress(OSError):
                    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
                seen, digest, stable = careful.read(descriptor, name, os.fstat(descriptor), spread=spread)
            finally:
                os.close(descriptor)
        except OSError as error:
            self._gate.batch(1, 0, 0)
            return directory, name, error.errno or errno.EIO, False, b"", 0, 0, 0
        self._gate.batch(1, seen.st_size, 0)
        return directory, name, 0, stable, digest, seen.st_mode, seen.st_size, seen.st_mtime_ns

    def _hold(self, group: Group, root: bytes) -> None:
        stored = root + encode(group)
        self._groups.append((group.key(), stored))
        self._held += len(stored)

    def _flush(self) -> None:
        if not self._groups:
            return
        self._groups.sort()
        content = memoryview(b"".join(stored for _, stored in self._groups))
        written = 0
        while written < len(content):
            written += os.pwrite(self._spool, content[written:], self._offset + written)
        self._channel.send(("run", self._offset, len(content)))
        self._offset += len(content)
        self._groups, self._held = [], 0


def _parts(listing: Listing) -> Iterator[tuple[list[bytes], list[bytes]]]:
    """Yield the parts of a directory, one when it is small: names, and those among them that are no regular files."""
    names, others = listing.names, listing.others
    if len(names) <= PART_MOST:
        yield names, list(others)
        return
    start = 0
    for end, name in enumerate(names):
        length = end - start
        if length >= PART_MOST or (length >= PART_LEAST and zlib.crc32(name) & _PART_MASK == 0):
            part = names[start:end]
            yield part, [name for name in part if name in others]
            start = end
    part = names[start:]
    yield part, [name for name in part if name in others]
