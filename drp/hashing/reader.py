"""An open manifest: its summary, its frames at random, its entries in order; believes nothing it has not checked.

Each frame is checked against the index when it is unpacked; the index was checked when it was opened (`opening.py`).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

from drp.domain.manifest import ManifestSummary
from drp.errors import ManifestError
from drp.hashing import codec as packing
from drp.hashing import merkle
from drp.hashing.layout import FIRST, Group, Key, decode, group_offsets, sort_key
from drp.hashing.writer import FRAME

ALGORITHMS = ("blake3", "sha256")
_Kind = TypeVar("_Kind")


class Frame(NamedTuple):
    """Where a frame lies, what it holds, and the digest that it must have."""

    offset: int
    packed: int
    raw: int
    rows: int
    files: int
    size: int
    flags: int
    directory: bytes
    name: bytes
    digest: bytes
    top: bytes

    @property
    def key(self) -> Key:
        """Return the sort key of its first group."""
        return sort_key(self.directory), self.name

    @property
    def continues(self) -> bool:
        """Return whether it starts in the middle of a huge directory."""
        return not self.flags & FIRST


@dataclass(slots=True)
class Manifest:
    """An open manifest; ``close`` it, or use it as a context."""

    path: Path
    descriptor: int
    header: dict[str, Any]
    trailer: dict[str, Any]
    frames: list[Frame]
    id: str

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
        return packing.decompressor(str(self.header["codec"]))(self.packed(frame), frame.raw)

    def groups(self, frame: Frame) -> Iterator[Group]:
        """Yield a frame's groups, in order."""
        return split(self.raw(frame))

    def all_groups(self) -> Iterator[Group]:
        """Yield every group, in order. Raises ``ManifestError`` at the first that is out of order."""
        last: Key | None = None
        for frame in self.frames:
            for group in self.groups(frame):
                key = group.key()
                if last is not None and key <= last:
                    raise ManifestError(f"{self.path}: entries are out of order")
                last = key
                yield group

    def merkle_root(self) -> str:
        """Return the Merkle root recomputed from the entries."""
        tops, rows = [], 0
        for frame in self.frames:
            roots = []
            for group in self.groups(frame):
                rows += len(group.names)
                roots.append(merkle.tree(merkle.leaves(group, self.key, self.digest_size)))
            tops.append(merkle.tree(roots))
        return merkle.root(merkle.tree(tops), rows)

    def summary(self) -> ManifestSummary:
        """Return what the manifest says about itself."""
        header, trailer = self.header, self.trailer
        try:
            return ManifestSummary(
                id=self.id,
                application=_said(header, "application", str),
                root=_said(header, "root", str),
                host=_said(header, "host", str),
                tool=_said(header, "tool", str),
                algorithms=self.algorithms,
                started_at=_instant(header, "started_at"),
                finished_at=_instant(trailer, "finished_at"),
                entries=_said(trailer, "entries", int),
                files=_said(trailer, "files", int),
                total_bytes=_said(trailer, "total_bytes", int),
                merkle_root=_said(trailer, "merkle_root", str),
                errors=_said(trailer, "errors", int),
                facts=_said({"facts": {}, **header}, "facts", dict),
                recovery_point=_said({"recovery_point": "", **header}, "recovery_point", str),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ManifestError(
                f"{self.path}: its header or trailer lacks what a manifest must say ({error})",
                hint="bring the manifest back from a copy, or make a new one with the next backup",
            ) from error


def _said(document: dict[str, Any], name: str, kind: type[_Kind]) -> _Kind:
    """Return what a header or trailer says. Raises ``KeyError``, ``TypeError``, ``ValueError``."""
    value = document[name]
    if not isinstance(value, kind) or isinstance(value, bool):
        message = f"{name} is a {type(value).__name__}"
        raise TypeError(message)
    if isinstance(value, int) and value < 0:
        message = f"{name} is {value}"
        raise ValueError(message)
    return value


def _instant(document: dict[str, Any], name: str) -> datetime:
    moment = datetime.fromisoformat(_said(document, name, str))
    if moment.tzinfo is None:
        message = f"{name} has no time zone"
        raise ValueError(message)
    return moment


def split(raw: bytes) -> Iterator[Group]:
    """Yield the groups of an unpacked frame. Raises ``ManifestError``."""
    for offset in group_offsets(raw):
        yield decode(raw, offset)


def read_packed(descriptor: int, frame: Frame) -> bytes:
    """Return a frame as it is stored, checked against the index. Raises ``ManifestError``."""
    content = os.pread(descriptor, frame.packed, frame.offset + FRAME.size)
    if hashlib.blake2b(content, digest_size=32).digest() != frame.digest:
        raise ManifestError(f"the frame of the manifest at byte {frame.offset} is not what the index says")
    return content
