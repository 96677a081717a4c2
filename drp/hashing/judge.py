"""Compares what a directory should hold with what was seen of it, and words the deviations.

Whole columns are compared first, as bytes: a group that is as it should be costs a few comparisons. Directory times
are not judged (restoring into a directory changes them), nor are owners when the restore could not keep them.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Collection, Iterator
from typing import NamedTuple

from drp.domain.manifest import show_path
from drp.hashing.reading.rows import Rows
from drp.hashing.words import Told
from drp.manifests.attributes import class_of, parse
from drp.manifests.layout import FIXED, OWNER, Group, Tag
from drp.manifests.row import Row, group_rows, kind_of

_JUDGED_TAGS = (Tag.TARGET, Tag.DEVICE, Tag.XATTRS)


UNJUDGED = "~"
_NODES = {stat.S_IFSOCK, stat.S_IFBLK, stat.S_IFCHR}
"""What a backup tool does not restore, or no sandbox lets it make."""


class Found(NamedTuple):
    """A deviation, as workers hand it on: plain values that can be marshalled."""

    kind: str
    """A DeviationKind; or `UNJUDGED` and what cannot be judged here, which is no deviation."""
    path: bytes
    expected: Told = ()
    """One side of it, as a code and plain values: `drp.hashing.words`."""
    observed: Told = ()
    errno: int = 0


class Judge:
    """Knows what is judged, and how digests are called."""

    def __init__(
        self,
        algorithms: tuple[str, ...],
        uid_offset: int | None,
        *,
        times: bool = True,
        attributes: Collection[str] = (),
        sandboxed: bool = False,
    ) -> None:
        """``uid_offset``: what the restore added to every owner; None: owners are not judged.

        ``attributes``: classes that are compared; ``sandboxed``: sockets and devices cannot be there.
        """
        self._attributes, self._sandboxed = frozenset(attributes), sandboxed
        self.algorithms = algorithms
        self.digest_size = 32 * len(algorithms)
        self.uid_offset = uid_offset
        self._times = times
        self._owners: dict[bytes, bytes] = {}

    def as_it_should_be(self, expected: Group, rows: Rows) -> bool:
        """Return whether the columns are equal, which settles all their rows at once."""
        return (
            not rows.extras
            and not expected.extras
            and b"".join(rows.digests) == expected.digests
            and b"".join(rows.fixed) == expected.fixed
            and (self.uid_offset is None or self._expected_owners(expected.owners) == b"".join(rows.owners))
        )

    def deviations(self, expected: Group, rows: Rows) -> Iterator[Found]:
        """Yield the deviations of rows whose names are those of the group."""
        rows.unpack()
        late = {row for row, _ in rows.put_off}
        for number, (name, row) in enumerate(zip(expected.names, group_rows(expected, self.digest_size), strict=True)):
            mode, size, mtime = FIXED.unpack(rows.fixed[number])
            uid, gid = OWNER.unpack(rows.owners[number])
            seen = Row(mode, size, mtime, uid, gid, rows.digests[number], rows.extras.get(number, {}))
            yield from self.entry(expected.path(name), row, seen, digest_is_late=number in late)

    def entry(self, path: bytes, expected: Row, seen: Row, *, digest_is_late: bool = False) -> Iterator[Found]:
        """Yield the deviations of one entry."""
        if Tag.ERROR in expected.extras:
            number = int.from_bytes(expected.extras[Tag.ERROR], "little")
            yield Found("unreadable", path, ("unreadable-then", number))
            return
        if Tag.ERROR in seen.extras:
            number = int.from_bytes(seen.extras[Tag.ERROR], "little")
            if number == errno.ENOENT and seen.mode == 0:
                yield self.missing(path, expected.mode)
                return
            yield Found("unreadable", path, _kind(expected.mode), ("errno", number), number)
            if seen.mode == 0:
                return
            digest_is_late = True  # nothing can be said of its content
        if stat.S_IFMT(expected.mode) != stat.S_IFMT(seen.mode):
            yield Found("kind", path, _kind(expected.mode), _kind(seen.mode))
            return
        if Tag.UNSTABLE in seen.extras:
            yield Found("unstable", path, ("at-rest",), ("changed-twice",))
        elif (
            stat.S_ISREG(seen.mode)
            and not digest_is_late
            and (expected.digest != seen.digest or expected.size != seen.size)
        ):
            yield Found("changed", path, self.say_content(expected), self.say_content(seen))
        yield from self._metadata(path, expected, seen)

    def missing(self, path: bytes, mode: int) -> Found:
        """Return that an entry is not there: a departure, unless none of its kind can be here."""
        unmade = self._sandboxed and stat.S_IFMT(mode) in _NODES
        return Found(f"{UNJUDGED}node" if unmade else "missing", path, _kind(mode))

    def _unjudged(self, path: bytes, expected: Row) -> Iterator[Found]:
        kinds = {class_of(name) for name in parse(expected.extras.get(Tag.ATTRIBUTES, b""))}
        for kind in sorted(kind for kind in kinds if kind is not None and kind not in self._attributes):
            yield Found(UNJUDGED + kind, path)

    def _attribute_pairs(self, expected: Row, seen: Row) -> Iterator[tuple[Told, Told]]:
        left, right = (parse(row.extras.get(Tag.ATTRIBUTES, b"")) for row in (expected, seen))
        for name in sorted({*left, *right}):
            if class_of(name) in self._attributes and left.get(name) != right.get(name):
                shown = show_path(name)
                before, after = (("with" if name in side else "without", shown) for side in (left, right))
                yield (before, after) if before != after else (("as-recorded", shown), ("another", shown))

    def _metadata(self, path: bytes, expected: Row, seen: Row) -> Iterator[Found]:
        pairs: list[tuple[Told, Told]] = []
        if stat.S_IMODE(expected.mode) != stat.S_IMODE(seen.mode):
            pairs.append((("mode", f"{stat.S_IMODE(expected.mode):04o}"), ("mode", f"{stat.S_IMODE(seen.mode):04o}")))
        offset = self.uid_offset
        if offset is not None and (expected.uid + offset, expected.gid + offset) != (seen.uid, seen.gid):
            before, after = f"{expected.uid}:{expected.gid}", f"{seen.uid - offset}:{seen.gid - offset}"
            pairs.append((("owner", before), ("owner", after)))
        if self._times and stat.S_ISREG(expected.mode) and expected.mtime_ns != seen.mtime_ns:
            pairs.append((("mtime", str(expected.mtime_ns)), ("mtime", str(seen.mtime_ns))))
        for tag in _JUDGED_TAGS:
            left, right = expected.extras.get(tag, b""), seen.extras.get(tag, b"")
            if left != right:
                pairs.append((_say_extra(tag, left), _say_extra(tag, right)))
        if Tag.ATTRIBUTES in expected.extras or Tag.ATTRIBUTES in seen.extras:
            pairs.extend(self._attribute_pairs(expected, seen))
            yield from self._unjudged(path, expected)
        if pairs:
            was, now = zip(*pairs, strict=True)
            yield Found("metadata", path, ("all", was), ("all", now))

    def say_content(self, row: Row) -> Told:
        """Return size and digests of a file."""
        digests = (row.digest[at : at + 32].hex() for at in range(0, len(row.digest), 32))
        return ("content", row.size, tuple(zip(self.algorithms, digests, strict=False)))

    def _expected_owners(self, owners: bytes) -> bytes:
        if not self.uid_offset:
            return owners
        if owners not in self._owners:
            if len(self._owners) > 1024:
                self._owners.clear()
            offset = self.uid_offset
            self._owners[owners] = b"".join(
                OWNER.pack((uid + offset) & 0xFFFFFFFF, (gid + offset) & 0xFFFFFFFF)
                for uid, gid in OWNER.iter_unpack(owners)
            )
        return self._owners[owners]


def _kind(mode: int) -> Told:
    return ("kind", kind_of(mode))


def _say_extra(tag: Tag, value: bytes) -> Told:
    if tag == Tag.TARGET:
        return ("target", show_path(value))
    if tag == Tag.DEVICE:
        number = int.from_bytes(value, "little")
        return ("device", f"{os.major(number)}:{os.minor(number)}")
    return ("xattrs", value.hex()[:16])
