"""Verifies directories: their names first, then what the names stand for."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import Any

from drp.hashing.judge import Found, Judge
from drp.hashing.outcome import Outcome
from drp.hashing.reading.descent import Descent
from drp.hashing.reading.observe import Observer
from drp.hashing.reading.rows import Rows
from drp.hashing.workers.shared import WorkerGate
from drp.manifests.layout import FIXED, OWNER, Group, Tag
from drp.manifests.row import Row, group_rows, kind_of

Place = tuple[tuple[Any, ...], int]
"""A frame's fields and the offset of a group in it."""
_GONE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}


class DirectoryCheck:
    """Looks at the directories of a tree and judges them by groups of a manifest."""

    def __init__(self, descent: Descent, observer: Observer, judge: Judge, gate: WorkerGate) -> None:
        """Use one worker's means."""
        self._descent, self._observer, self._judge, self._gate = descent, observer, judge, gate

    def whole(self, group: Group, parts: list[Group], places: list[Place], outcome: Outcome) -> None:
        """List a directory, judge its names, and look at the first part of its entries; the rest is for everybody."""
        if group.errno:
            outcome.add(Found("unreadable", group.directory, ("unlisted-then", group.errno)))
        try:
            descriptor = self._descent.open(group.directory)
            listing = self._observer.list(descriptor)
        except OSError as error:
            self._lost(group.directory, parts, error, outcome)
            return
        if len(parts) == 1 and listing.names == group.names:
            self._look(descriptor, group, listing.others, outcome)
            return
        expected = {name for part in parts for name in part.names}
        extra = [name for name in listing.names if name not in expected]
        if extra and not group.errno:
            self._unexpected(descriptor, group, extra, set(listing.directories), outcome)
            descriptor = self._descent.open(group.directory)
        present = set(listing.names)
        for part, place in zip(parts, places, strict=True):
            names = [name for name in part.names if name in present]
            if part is group:
                self._subset(descriptor, part, names, listing.others, outcome)
            else:
                others = [name for name in names if name in listing.others]
                outcome.more.append(("part", *place, b"\0".join(names), b"\0".join(others)))

    def part(self, part: Group, names: list[bytes], others: set[bytes], outcome: Outcome) -> None:
        """Look at a later part of a huge directory, whose listing is given."""
        try:
            descriptor = self._descent.open(part.directory)
        except OSError as error:
            self._lost(part.directory, [part], error, outcome)
            return
        self._subset(descriptor, part, names, others, outcome)

    def sample(self, group: Group, names: list[bytes], outcome: Outcome) -> None:
        """Look at some files of a directory without listing it; each is asked what it is before it is opened."""
        sampled = self._only(group, names)
        try:
            descriptor = self._descent.open(group.directory)
        except OSError as error:
            self._lost(group.directory, [sampled], error, outcome)
            return
        self._look(descriptor, sampled, set(names), outcome, links=False)

    def _subset(self, descriptor: int, part: Group, names: list[bytes], others: set[bytes], outcome: Outcome) -> None:
        """Look at the entries that are there; the rest are missing."""
        if names != part.names:
            there = set(names)
            for name, row in zip(part.names, group_rows(part, self._judge.digest_size), strict=True):
                if name not in there:
                    outcome.add(self._judge.missing(part.path(name), row.mode))
                    outcome.link(part.path(name), row, None)
            part = self._only(part, names)
        self._look(descriptor, part, others, outcome)

    def _only(self, group: Group, names: list[bytes]) -> Group:
        """Return a group of some of its entries."""
        wanted = set(names)
        kept = Group(group.directory, group.first, group.last)
        fixed: list[bytes] = []
        owners: list[bytes] = []
        digests: list[bytes] = []
        for name, row in zip(group.names, group_rows(group, self._judge.digest_size), strict=True):
            if name in wanted:
                if row.extras:
                    kept.extras[len(fixed)] = row.extras
                kept.names.append(name)
                fixed.append(FIXED.pack(row.mode, row.size, row.mtime_ns))
                owners.append(OWNER.pack(row.uid, row.gid))
                digests.append(row.digest)
        kept.fixed, kept.owners, kept.digests = b"".join(fixed), b"".join(owners), b"".join(digests)
        return kept

    def _look(self, descriptor: int, part: Group, others: set[bytes], outcome: Outcome, *, links: bool = True) -> None:
        """Hash what is there and judge it."""
        self._gate.directory = part.directory
        rows = self._observer.look(descriptor, part.names, others)
        files = rows.files - len(rows.put_off)
        size = rows.size - sum(late for _, late in rows.put_off)
        outcome.files += files
        outcome.size += size
        self._gate.batch(files, size, len(part.names))
        linked = links and (rows.inodes or any(Tag.LINK_TO in extras for extras in part.extras.values()))
        if not linked and not rows.put_off and self._judge.as_it_should_be(part, rows):
            return
        for found in self._judge.deviations(part, rows):
            outcome.add(found)
        if linked or rows.put_off:
            self._later(part, rows, outcome, links=links)

    def _later(self, part: Group, rows: Rows, outcome: Outcome, *, links: bool) -> None:
        expected = group_rows(part, self._judge.digest_size)
        if links:
            for row, name in enumerate(part.names):
                outcome.link(part.path(name), expected[row], rows.inodes.get(row))
        for row, size in rows.put_off:
            if expected[row].mode & 0xF000 == 0x8000 and Tag.ERROR not in expected[row].extras:
                outcome.more.append(("file", part.directory, part.names[row], tuple(expected[row]), size))

    def large(self, directory: bytes, name: bytes, expected: Row, outcome: Outcome, *, spread: bool) -> None:
        """Hash and judge one large file, whose metadata were judged before; ``spread``: over idle cores."""
        careful = self._observer.careful
        self._gate.directory = directory
        path = directory + b"/" + name if directory else name
        try:
            descriptor = os.open(name, careful.flags, dir_fd=self._descent.open(directory))
            try:
                with suppress(OSError):
                    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
                seen, digest, stable = careful.read(descriptor, name, os.fstat(descriptor), spread=spread)
            finally:
                os.close(descriptor)
        except OSError as error:
            number = error.errno or errno.EIO
            outcome.add(Found("unreadable", path, ("kind", kind_of(expected.mode)), ("errno", number), number))
            self._gate.batch(0, 0, 0)
            return
        outcome.files, outcome.size = 1, seen.st_size
        self._gate.batch(1, seen.st_size, 0)
        if not stable:
            outcome.add(Found("unstable", path, ("at-rest",), ("changed-twice",)))
        elif digest != expected.digest or seen.st_size != expected.size:
            observed = expected._replace(size=seen.st_size, digest=digest)
            outcome.add(Found("changed", path, self._judge.say_content(expected), self._judge.say_content(observed)))

    def _lost(self, directory: bytes, parts: list[Group], error: OSError, outcome: Outcome) -> None:
        """A directory cannot be listed: all it should hold is missing, or cannot be judged."""
        gone = error.errno in _GONE
        number = error.errno or errno.EIO
        why = () if gone else ("errno", number)
        if not gone:
            outcome.add(Found("unreadable", directory, ("kind", "directory"), why, number))
        for part in parts:
            for name, row in zip(part.names, group_rows(part, self._judge.digest_size), strict=True):
                path = part.path(name)
                unreadable = Found("unreadable", path, ("kind", kind_of(row.mode)), why, number)
                outcome.add(self._judge.missing(path, row.mode) if gone else unreadable)
                outcome.link(part.path(name), row, None)

    def _unexpected(
        self, descriptor: int, group: Group, names: list[bytes], directories: set[bytes], outcome: Outcome
    ) -> None:
        """Count everything that should not be there, and what lies below it, without opening any file."""
        pending: list[bytes] = []
        for name in names:
            kind = "unknown"
            with suppress(OSError):
                kind = kind_of(os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode)
            outcome.add(Found("unexpected", group.path(name), (), ("kind", kind)))
            if name in directories:
                pending.append(group.path(name))
        pending.reverse()
        while pending:
            directory = pending.pop()
            try:
                listing = self._observer.list(self._descent.open(directory))
            except OSError as error:
                number = error.errno or errno.EIO
                outcome.add(Found("unreadable", directory, (), ("errno", number), number))
                continue
            for entry in listing.names:
                outcome.add(Found("unexpected", directory + b"/" + entry, (), ("below-unexpected",)))
            pending.extend(directory + b"/" + entry for entry in reversed(listing.directories))
            self._gate(0)
