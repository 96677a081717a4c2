"""What a worker does while a tree is verified: takes frames of the manifest, looks at their directories, and judges.

Everything it found travels in the message that ends the task, so that a task whose worker died can be given to
another without anything being counted twice.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from drp.errors import ManifestError
from drp.hashing import codec as packing
from drp.hashing.descent import Descent
from drp.hashing.judge import Found, Judge, Row, group_rows, kind_of, say_errno
from drp.hashing.layout import FIXED, GROUP, OWNER, Group, Tag, decode, group_offsets, stored_directory
from drp.hashing.observe import Observer, list_directory
from drp.hashing.reader import Frame, read_packed
from drp.hashing.rows import Options, Rows
from drp.hashing.shared import WorkerGate
from drp.hashing.wire import Channel

Link = tuple[bytes, bytes, int, int]
"""path, path of the first member of its group as the manifest says (its own when it says none), st_dev, st_ino."""

_KEPT_FRAMES = 4
_BUNDLE_COST = 16_000
"""Microseconds that a task should take at least, at 8 µs a file and 5 GB/s."""


class VerifyWorker:
    """One worker's side of a verification."""

    def __init__(self, setup: dict[str, Any], gate: WorkerGate, channel: Channel) -> None:
        """Take the set-up that the coordinator sent."""
        self._gate, self._channel = gate, channel
        options = Options(**setup["options"])
        self._descent = Descent(setup["root"], setup["descriptors"])
        self._observer = Observer(options, gate)
        self._judge = Judge(tuple(options.algorithms), setup["uid_offset"])
        self._manifest: int = setup["manifest"]
        self._limit: int = setup["limit"]
        self._unpacked: dict[int, bytes] = {}
        self._unpack = packing.decompressor(setup["codec"])
        self._reset()

    def _add(self, found: Found) -> None:
        """Count a deviation, and keep the first of each kind."""
        count = self._counts[found.kind] = self._counts.get(found.kind, 0) + 1
        if count <= self._limit:
            self._found.append(tuple(found))

    def _reset(self) -> None:
        self._counts: dict[str, int] = {}
        self._found: list[tuple[Any, ...]] = []
        self._links: list[Link] = []
        self._more: list[tuple[Any, ...]] = []
        self._files = self._size = 0

    def end(self) -> None:
        """Nothing is held between tasks."""

    def work(self, task: tuple[Any, ...]) -> None:
        """Do one task and tell the coordinator all that came of it."""
        self._reset()
        kind, number = task[0], task[1]
        try:
            self._do(kind, task)
        except ManifestError as error:
            self._channel.send(("damaged", error.message))
            return
        summary = (self._files, self._size, self._counts, self._found, self._links, self._more)
        self._channel.send(("done", number, self._observer.cold, *summary))

    def _do(self, kind: str, task: tuple[Any, ...]) -> None:
        if kind == "frame":
            self._frame(task[2], task[3])
        elif kind == "part":
            listed, others = task[4], task[5]
            self._part(task[2], task[3], listed.split(b"\0") if listed else [], set(others.split(b"\0")))
        else:
            self._large(task[2], task[3], task[4])

    def _raw(self, fields: tuple[Any, ...]) -> bytes:
        """Return an unpacked frame; the last ones are kept, since several tasks come from one."""
        frame = Frame(*fields)
        if frame.offset not in self._unpacked:
            if len(self._unpacked) >= _KEPT_FRAMES:
                self._unpacked.pop(next(iter(self._unpacked)))
            self._unpacked[frame.offset] = self._unpack(read_packed(self._manifest, frame), frame.raw)
        return self._unpacked[frame.offset]

    def _frame(self, frames: Sequence[tuple[Any, ...]], offsets: Sequence[int]) -> None:
        """Verify groups of the first frame; the other frames continue its last directory, if that is a huge one.

        Without offsets: all of them, or, when that is much, hand them back in bundles for everybody.
        """
        raw = self._raw(frames[0])
        if not offsets:
            bundles = list(_bundles(raw))
            if len(bundles) > 1:
                self._more.extend(("frame", frames, bundle) for bundle in bundles)
                return
            offsets = bundles[0] if bundles else []
        for offset in offsets:
            group = decode(raw, offset)
            parts, places = [group], [(frames[0], offset)]
            if not group.last:
                for fields in frames:
                    for place, part in self._continued(fields, group.directory):
                        parts.append(part)
                        places.append((fields, place))
            self._directory(group, parts, places)

    def _continued(self, fields: tuple[Any, ...], directory: bytes) -> Iterator[tuple[int, Group]]:
        """Yield the later parts of a huge directory that a frame holds."""
        raw = self._raw(fields)
        for offset in group_offsets(raw):
            name, part = stored_directory(raw, offset)
            if part and name == directory:
                yield offset, decode(raw, offset)

    def _directory(self, group: Group, parts: list[Group], places: list[tuple[tuple[Any, ...], int]]) -> None:
        """List a directory, judge its names, and look at the first part of its entries."""
        if group.errno:
            why = f"unknown: {say_errno(group.errno)} when the manifest was made"
            self._add(Found("unreadable", group.directory, why, ""))
        try:
            descriptor = self._descent.open(group.directory)
            listing = list_directory(descriptor)
        except OSError as error:
            self._lost(group.directory, parts, error)
            return
        if len(parts) == 1 and listing.names == group.names:
            self._look(descriptor, group, listing.others)
            return
        expected = {name for part in parts for name in part.names}
        extra = [name for name in listing.names if name not in expected]
        if extra and not group.errno:
            self._unexpected(descriptor, group, extra, listing.directories)
            descriptor = self._descent.open(group.directory)
        present = set(listing.names)
        for part, place in zip(parts, places, strict=True):
            names = [name for name in part.names if name in present]
            if part is group:
                self._subset(descriptor, part, names, listing.others)
            else:
                others = [name for name in names if name in listing.others]
                self._more.append(("part", *place, b"\0".join(names), b"\0".join(others)))

    def _part(self, fields: tuple[Any, ...], number: int, names: list[bytes], others: set[bytes]) -> None:
        part = decode(self._raw(fields), number)
        try:
            descriptor = self._descent.open(part.directory)
        except OSError as error:
            self._lost(part.directory, [part], error)
            return
        self._subset(descriptor, part, names, others)

    def _subset(self, descriptor: int, part: Group, names: list[bytes], others: set[bytes]) -> None:
        """Look at the entries that are there; the rest are missing."""
        if names == part.names:
            self._look(descriptor, part, others)
            return
        there = set(names)
        rows = group_rows(part, self._judge.digest_size)
        kept = Group(part.directory, part.part, part.last, names)
        fixed: list[bytes] = []
        owners: list[bytes] = []
        digests: list[bytes] = []
        for name, row in zip(part.names, rows, strict=True):
            if name not in there:
                self._add(Found("missing", part.path(name), kind_of(row.mode), ""))
                self._link(part.path(name), row, None)
                continue
            if row.extras:
                kept.extras[len(fixed)] = row.extras
            fixed.append(FIXED.pack(row.mode, row.size, row.mtime_ns))
            owners.append(OWNER.pack(row.uid, row.gid))
            digests.append(row.digest)
        kept.fixed, kept.owners, kept.digests = b"".join(fixed), b"".join(owners), b"".join(digests)
        self._look(descriptor, kept, others)

    def _look(self, descriptor: int, part: Group, others: set[bytes]) -> None:
        """Hash what is there and judge it."""
        rows = self._observer.look(descriptor, part.names, others)
        late = sum(size for _, size in rows.put_off)
        self._files += rows.files - len(rows.put_off)
        self._size += rows.size - late
        self._gate.batch(rows.files - len(rows.put_off), rows.size - late, len(part.names))
        links = rows.inodes or any(Tag.LINK_TO in extras for extras in part.extras.values())
        if not links and not rows.put_off and self._judge.as_it_should_be(part, rows):
            return
        for found in self._judge.deviations(part, rows):
            self._add(found)
        if links or rows.put_off:
            self._later(part, rows)

    def _later(self, part: Group, rows: Rows) -> None:
        expected = group_rows(part, self._judge.digest_size)
        for row, name in enumerate(part.names):
            self._link(part.path(name), expected[row], rows.inodes.get(row))
        for row, size in rows.put_off:
            if expected[row].mode & 0xF000 == 0x8000 and Tag.ERROR not in expected[row].extras:
                self._more.append(("file", part.directory, part.names[row], tuple(expected[row]), size))

    def _link(self, path: bytes, expected: Row, inode: tuple[int, int, int] | None) -> None:
        first = expected.extras.get(Tag.LINK_TO)
        if inode is not None:
            self._links.append((path, first or path, inode[0], inode[1]))
        elif first is not None:
            self._links.append((path, first, 0, 0))

    def _large(self, directory: bytes, name: bytes, fields: tuple[Any, ...]) -> None:
        """Hash and judge one large file, whose metadata were judged before."""
        expected, careful = Row(*fields), self._observer.careful
        path = directory + b"/" + name if directory else name
        try:
            descriptor = os.open(name, careful.flags, dir_fd=self._descent.open(directory))
            try:
                with suppress(OSError):
                    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
                seen, digest, stable = careful.read(descriptor, os.fstat(descriptor))
            finally:
                os.close(descriptor)
        except OSError as error:
            self._add(Found("unreadable", path, kind_of(expected.mode), say_errno(error.errno or errno.EIO)))
            self._gate.batch(0, 0, 0)
            return
        self._files, self._size = 1, seen.st_size
        self._gate.batch(1, seen.st_size, 0)
        if not stable:
            self._add(Found("unstable", path, "a file at rest", "changed while it was read, twice"))
        elif digest != expected.digest or seen.st_size != expected.size:
            observed = expected._replace(size=seen.st_size, digest=digest)
            self._add(Found("changed", path, self._judge.say_content(expected), self._judge.say_content(observed)))

    def _lost(self, directory: bytes, parts: list[Group], error: OSError) -> None:
        """A directory cannot be listed: all it should hold is missing, or cannot be judged."""
        gone = error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}
        if not gone:
            self._add(Found("unreadable", directory, "directory", say_errno(error.errno or errno.EIO)))
        for part in parts:
            for name, row in zip(part.names, group_rows(part, self._judge.digest_size), strict=True):
                why = "" if gone else say_errno(error.errno or errno.EIO)
                self._add(Found("missing" if gone else "unreadable", part.path(name), kind_of(row.mode), why))
                self._link(part.path(name), row, None)

    def _unexpected(self, descriptor: int, group: Group, names: list[bytes], directories: list[bytes]) -> None:
        """Count everything that should not be there, and what lies below it, without opening any file."""
        inner = set(directories)
        for name in names:
            path = group.path(name)
            with suppress(OSError):
                mode = os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode
                self._add(Found("unexpected", path, "", kind_of(mode)))
            pending = [path] if name in inner else []
            while pending:
                directory = pending.pop()
                try:
                    listing = list_directory(self._descent.open(directory))
                except OSError as error:
                    self._add(Found("unreadable", directory, "", say_errno(error.errno or errno.EIO)))
                    continue
                for entry in listing.names:
                    self._add(Found("unexpected", directory + b"/" + entry, "", "below an unexpected directory"))
                pending.extend(directory + b"/" + entry for entry in listing.directories)
                self._gate(0)


def _bundles(raw: bytes) -> Iterator[list[int]]:
    """Yield the offsets of a frame's groups, in bundles of similar cost, without the later parts of huge directories."""
    bundle: list[int] = []
    cost = 0
    for offset in group_offsets(raw):
        head = GROUP.unpack_from(raw, offset)
        if head[3]:
            continue
        bundle.append(offset)
        cost += head[2] * 8 + head[8] // 5000
        if cost >= _BUNDLE_COST:
            yield bundle
            bundle, cost = [], 0
    if bundle:
        yield bundle
