"""Reads a manifest file: its summary, its frames at random, its entries in order; believes nothing it has not checked.

Opening checks the footer, header, index and trailer against one another and takes the SHA-256 of the whole file (the
manifest's id); each frame is checked against the index when it is unpacked. Whoever rewrites all of these makes
another manifest, with another id: that is why the id is kept with the recovery point.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import IO, Any, NamedTuple, Self

from drp.domain.manifest import ManifestSummary
from drp.errors import ManifestError
from drp.hashing import codec as packing
from drp.hashing import merkle
from drp.hashing.layout import FIRST, Group, Key, decode, group_offsets, sort_key
from drp.hashing.writer import END_MAGIC, FOOTER, FRAME, INDEXED, MAGIC, PRELUDE, VERSION

_HEADER_LIMIT = 16 << 20
_INDEX_LIMIT = 1 << 30
_READ = 1 << 20
ALGORITHMS = ("blake3", "sha256")


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
                application=header["application"],
                root=header["root"],
                host=header["host"],
                tool=header["tool"],
                algorithms=self.algorithms,
                started_at=datetime.fromisoformat(header["started_at"]),
                finished_at=datetime.fromisoformat(trailer["finished_at"]),
                entries=trailer["entries"],
                files=trailer["files"],
                total_bytes=trailer["total_bytes"],
                merkle_root=trailer["merkle_root"],
                errors=trailer["errors"],
                facts=header.get("facts", {}),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ManifestError(f"{self.path}: its header or trailer lacks what a manifest must say") from error


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


def open_manifest(path: Path) -> Manifest:
    """Return the manifest at ``path``, checked as far as that goes without unpacking every frame.

    Raises ``ManifestError`` when it is missing, truncated, edited, out of order or from a newer drp.
    """
    try:
        with path.open("rb") as stream:
            header_text, index_offset, index, trailer_text = _borders(path, stream)
            header, trailer = _parse(path, header_text), _parse(path, trailer_text)
            packed, length = index
            frames = _frames(path, packing.decompressor(str(header.get("codec")))(packed, length))
            start = PRELUDE.size + len(header_text)
            _check(path, header, trailer, frames, (start, index_offset))
            stream.seek(0)
            identity = hashlib.sha256()
            while piece := stream.read(_READ):
                identity.update(piece)
            descriptor = os.dup(stream.fileno())
    except OSError as error:
        raise ManifestError(f"cannot read the manifest {path}: {os.strerror(error.errno or 0)}") from error
    return Manifest(path, descriptor, header, trailer, frames, identity.hexdigest())


def read_summary(path: Path) -> ManifestSummary:
    """Return what the manifest at ``path`` says about itself. Raises ``ManifestError``."""
    with open_manifest(path) as manifest:
        return manifest.summary()


def _borders(path: Path, stream: IO[bytes]) -> tuple[bytes, int, tuple[bytes, int], bytes]:
    """Return header, packed index with its raw length, and trailer, after their common digest has been checked."""
    prelude = stream.read(PRELUDE.size)
    if len(prelude) < PRELUDE.size or prelude[:4] != MAGIC:
        raise ManifestError(f"{path} is not a manifest of drp, or is empty")
    _, version, _, header_length = PRELUDE.unpack(prelude)
    if version > VERSION:
        raise ManifestError(
            f"{path} has format {version}; this drp knows formats up to {VERSION}", hint="use a newer drp to read it"
        )
    size = stream.seek(0, os.SEEK_END)
    if size < PRELUDE.size + header_length + FOOTER.size or header_length > _HEADER_LIMIT:
        raise ManifestError(f"{path} is truncated")
    stream.seek(size - FOOTER.size)
    offset, packed_length, raw_length, trailer_length, seal, magic = FOOTER.unpack(stream.read(FOOTER.size))
    if magic != END_MAGIC or offset + packed_length + trailer_length + FOOTER.size != size or raw_length > _INDEX_LIMIT:
        raise ManifestError(f"{path} is truncated, or something was added to it")
    stream.seek(PRELUDE.size)
    header = stream.read(header_length)
    stream.seek(offset)
    packed, trailer = stream.read(packed_length), stream.read(trailer_length)
    if hashlib.blake2b(header + packed + trailer, digest_size=32).digest() != seal:
        raise ManifestError(f"{path} was edited: header, index and trailer do not belong together")
    return header, offset, (packed, raw_length), trailer


def _parse(path: Path, text: bytes) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ManifestError(f"{path}: header or trailer is not JSON") from error
    if not isinstance(document, dict):
        raise ManifestError(f"{path}: header or trailer is not an object")
    return document


def _frames(path: Path, index: bytes) -> list[Frame]:
    frames, at = [], 0
    try:
        while at < len(index):
            offset, packed, raw, rows, files, size, flags, length, name_length, digest, top = INDEXED.unpack_from(
                index, at
            )
            at += INDEXED.size
            directory, name = index[at : at + length], index[at + length : at + length + name_length]
            frames.append(Frame(offset, packed, raw, rows, files, size, flags, directory, name, digest, top))
            at += length + name_length
    except struct.error as error:
        raise ManifestError(f"{path}: the index is cut short") from error
    return frames


def _check(
    path: Path, header: dict[str, Any], trailer: dict[str, Any], frames: list[Frame], borders: tuple[int, int]
) -> None:
    algorithms = header.get("algorithms")
    if not isinstance(algorithms, list) or not algorithms or any(name not in ALGORITHMS for name in algorithms):
        raise ManifestError(f"{path}: made with algorithms that this drp does not know: {algorithms}")
    ends = [frame.offset + FRAME.size + frame.packed for frame in frames]
    starts = [frame.offset for frame in frames]
    if starts[1:] != ends[:-1] or (frames and (starts[0], ends[-1]) != borders):
        raise ManifestError(f"{path}: frames are missing, repeated or out of place")
    if any(left.key >= right.key for left, right in pairwise(frames)):
        raise ManifestError(f"{path}: entries are out of order")
    claims = (trailer.get("entries"), trailer.get("files"), trailer.get("total_bytes"), trailer.get("frames"))
    counted = (
        sum(frame.rows for frame in frames),
        sum(frame.files for frame in frames),
        sum(frame.size for frame in frames),
        len(frames),
    )
    if claims != counted:
        raise ManifestError(f"{path}: its totals are not those of its frames")
    if trailer.get("merkle_root") != merkle.root(merkle.tree([frame.top for frame in frames]), counted[0]):
        raise ManifestError(f"{path}: its Merkle root is not that of its frames")
    if counted[0] == 0:
        raise ManifestError(
            f"{path} lists nothing", hint="an empty manifest proves nothing: make it again at the right root"
        )
