"""How one manifest differs from another: a merge of two sorted streams that unpacks only what is not the same.

Frames that are equal byte for byte are passed over as they lie; then groups, as bytes; only groups that differ are
decoded. Memory is a frame of each side, whatever their size.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from drp.domain.phrase import say
from drp.errors import UsageError
from drp.hashing.judge import UNJUDGED, Found, Judge
from drp.hashing.unjudged import held
from drp.manifests.container import FRAME
from drp.manifests.frame_check import decode_whole
from drp.manifests.layout import Key, Tag, group_offsets, stored_key
from drp.manifests.reader import Manifest
from drp.manifests.row import Row, group_rows, kind_of


@dataclass(slots=True)
class Side:
    """One manifest being read through: at the start of a frame, or inside one."""

    manifest: Manifest
    number: int = 0
    raw: bytes = b""
    offsets: list[int] = field(default_factory=list)
    """Of the groups still to come in the frame at hand, the last one first."""

    @property
    def at_border(self) -> bool:
        """Return whether the next group starts a frame."""
        return not self.offsets

    @property
    def ended(self) -> bool:
        """Return whether nothing is left."""
        return self.at_border and self.number >= len(self.manifest.frames)

    def key(self) -> Key | None:
        """Return the key of the next group, None at the end."""
        if not self.at_border:
            return stored_key(self.raw, self.offsets[-1])
        return None if self.ended else self.manifest.frames[self.number].key

    def packed(self) -> bytes:
        """Return the next frame as it lies on disk."""
        frame = self.manifest.frames[self.number]
        return os.pread(self.manifest.descriptor, frame.packed, frame.offset + FRAME.size)

    def stored(self) -> bytes:
        """Return the next group as stored."""
        self.enter()
        offset = self.offsets[-1]
        return self.raw[offset : offset + int.from_bytes(self.raw[offset : offset + 4], "little")]

    def enter(self) -> None:
        """Unpack the next frame, unless inside one."""
        if self.at_border:
            self.raw = self.manifest.raw(self.manifest.frames[self.number])
            self.offsets = list(group_offsets(self.raw))[::-1]
            self.number += 1

    def directory(self, key: bytes) -> Iterator[tuple[bytes, bytes, Row]]:
        """Yield path, name and row of all that is left of the directory with this sort key."""
        while (following := self.key()) is not None and following[0] == key:
            self.enter()
            group = decode_whole(self.raw, self.offsets.pop(), self.manifest.digest_size)
            for name, row in zip(group.names, group_rows(group, self.manifest.digest_size), strict=True):
                yield group.path(name), name, row


def differences(left: Manifest, right: Manifest) -> Iterator[Found]:
    """Yield what is only in the left manifest ("missing"), only in the right ("unexpected"), or not the same.

    Directory by directory in component order, and by name inside. Raises ``UsageError`` when their digests cannot be
    compared, ``ManifestError`` when one of them is damaged.
    """
    if left.algorithms != right.algorithms:
        raise UsageError(
            say(
                "the manifests have different digests: {algorithms} and {algorithms2}",
                algorithms="+".join(left.algorithms),
                algorithms2="+".join(right.algorithms),
            ),
            hint="make one of them again with the algorithms of the other",
        )
    judge = Judge(left.algorithms, 0, attributes=set(held(left)) & set(held(right)))
    ours, theirs = Side(left), Side(right)
    while not ours.ended or not theirs.ended:
        first, second = ours.key(), theirs.key()
        if first == second and ours.at_border and theirs.at_border and ours.packed() == theirs.packed():
            ours.number += 1
            theirs.number += 1
        elif first == second and ours.stored() == theirs.stored():
            ours.offsets.pop()
            theirs.offsets.pop()
        elif first is not None and second is not None and first[0] == second[0]:
            yield from _directory(judge, ours.directory(first[0]), theirs.directory(first[0]))
        elif second is None or (first is not None and first < second):
            assert first is not None
            for path, _, row in ours.directory(first[0]):
                yield Found("missing", path, ("kind", kind_of(row.mode)))
        else:
            for path, _, row in theirs.directory(second[0]):
                yield Found("unexpected", path, (), ("kind", kind_of(row.mode)))


def _directory(
    judge: Judge, left: Iterator[tuple[bytes, bytes, Row]], right: Iterator[tuple[bytes, bytes, Row]]
) -> Iterator[Found]:
    """Yield the differences of what is left of one directory on both sides."""
    ours, theirs = next(left, None), next(right, None)
    while ours is not None or theirs is not None:
        if theirs is None or (ours is not None and ours[1] < theirs[1]):
            assert ours is not None
            yield Found("missing", ours[0], ("kind", kind_of(ours[2].mode)))
            ours = next(left, None)
        elif ours is None or theirs[1] < ours[1]:
            yield Found("unexpected", theirs[0], (), ("kind", kind_of(theirs[2].mode)))
            theirs = next(right, None)
        else:
            if ours[2] != theirs[2]:
                yield from _entry(judge, ours[0], ours[2], theirs[2])
            ours, theirs = next(left, None), next(right, None)


def _entry(judge: Judge, path: bytes, ours: Row, theirs: Row) -> Iterator[Found]:
    yield from (found for found in judge.entry(path, ours, theirs) if not found.kind.startswith(UNJUDGED))
    before, after = ours.extras.get(Tag.LINK_TO, b""), theirs.extras.get(Tag.LINK_TO, b"")
    if before != after:
        yield Found("metadata", path, ("link", repr(before)), ("link", repr(after)))
