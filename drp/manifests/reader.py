"""An open manifest: its summary, its frames at random, its entries in order; believes nothing it has not checked.

Each frame is checked against the index when it is unpacked; the index was checked when it was opened (`opening.py`).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from drp.domain.manifest import ManifestSummary
from drp.domain.phrase import say
from drp.errors import ManifestError
from drp.manifests import codec as packing
from drp.manifests.container import FRAME, FRAME_MAGIC
from drp.manifests.frame import Frame
from drp.manifests.frame_check import decode_whole, require_frame
from drp.manifests.header_check import summary_of
from drp.manifests.layout import Group, Key, group_offsets, stored_place
from drp.manifests.part import Part, Share, find_part, holds, rooted


@dataclass(slots=True)
class Manifest:
    """An open manifest; ``close`` it, or use it as a context."""

    path: Path
    descriptor: int
    header: dict[str, Any]
    trailer: dict[str, Any]
    frames: list[Frame]
    id: str
    part: Part | None = None
    """The folder that it speaks of alone, see `narrow`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the descriptor back."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    @property
    def algorithms(self) -> tuple[str, ...]:
        """Return the algorithms of its digests, in the order in which they stand."""
        return tuple(self.header["algorithms"])

    @property
    def digest_size(self) -> int:
        """Return how many bytes of digests a file has."""
        return 32 * len(self.header["algorithms"])

    @property
    def key(self) -> bytes:
        """Return the key that salts the leaves."""
        return bytes.fromhex(self.header["key"])

    def packed(self, frame: Frame) -> bytes:
        """Return a frame as it is stored, checked against the index."""
        return read_packed(self.descriptor, frame)

    def raw(self, frame: Frame) -> bytes:
        """Return a frame unpacked and checked."""
        raw = packing.decompressor(self.header["codec"])(self.packed(frame), frame.raw)
        require_frame(frame, raw, self.digest_size)
        return raw

    def groups(self, frame: Frame) -> Iterator[Group]:
        """Yield a frame's groups, in order."""
        raw = self.raw(frame)
        return (decode_whole(raw, offset, self.digest_size) for offset in group_offsets(raw))

    def narrow(self, below: bytes) -> None:
        """Speak of a folder of it alone from now on, by paths below that folder: `shares`, `own_groups`, `summary`.

        Without a path nothing changes.
        Raises ``NotFound`` when it has no such folder, ``ManifestError``.
        """
        if below:
            errors = bool(self.trailer["errors"])
            self.part = find_part(self.frames, self.raw, below, self.digest_size, errors=errors)

    @property
    def below(self) -> bytes:
        """Return the path of the folder that it speaks of; empty: of all."""
        return self.part.below if self.part is not None else b""

    def shares(self) -> tuple[Share, ...]:
        """Return the frames that have anything of what it speaks of."""
        if self.part is not None:
            return self.part.shares
        return tuple(Share(frame, frame.files) for frame in self.frames)

    def own_groups(self, frame: Frame) -> Iterator[Group]:
        """Yield those of a frame's groups that it speaks of, in order."""
        return own_groups(self.raw(frame), self.below, self.digest_size)

    def all_groups(self) -> Iterator[Group]:
        """Yield every group, in order. Raises ``ManifestError`` at the first that is out of order."""
        last: Key | None = None
        errors = 0
        for frame in self.frames:
            for group in self.groups(frame):
                key = group.key()
                if last is not None and key <= last:
                    raise ManifestError(say("{path}: entries are out of order", path=self.path))
                last = key
                errors += group.errors + bool(group.errno)
                yield group
        if errors != self.trailer["errors"]:
            raise ManifestError(say("{path}: its errors are not those of its entries", path=self.path))

    def summary(self) -> ManifestSummary:
        """Return what the manifest says about itself. Raises ``ManifestError``."""
        said = summary_of(self.id, self.header, self.trailer)
        return replace(said, part=self.part.counts) if self.part is not None else said


def own_groups(raw: bytes, below: bytes, digest_size: int) -> Iterator[Group]:
    """Yield the groups of an unpacked frame that are a folder's, by paths below it; ``below`` empty: all."""
    for offset in group_offsets(raw):
        if holds(below, stored_place(raw, offset)[0]):
            yield rooted(decode_whole(raw, offset, digest_size), below)


def read_packed(descriptor: int, frame: Frame) -> bytes:
    """Return a frame as it is stored, checked against the index. Raises ``ManifestError``."""
    content = os.pread(descriptor, FRAME.size + frame.packed, frame.offset)
    expected = FRAME.pack(FRAME_MAGIC, frame.packed, frame.raw, frame.rows)
    packed = content[FRAME.size :]
    if content[: FRAME.size] != expected or hashlib.blake2b(packed, digest_size=32).digest() != frame.digest:
        raise ManifestError(
            say("the frame of the manifest at byte {offset} is not what the index says", offset=frame.offset)
        )
    return packed
