"""Opens a manifest file, once, and believes nothing it has not checked.

Opening checks the footer, header, index and trailer against one another and takes the SHA-256 of the whole file (the
manifest's id). Whoever rewrites all of these makes another manifest, with another id: that is why the id is kept with
the recovery point. What was opened is handed on open: a name may lead to another file a moment later.
"""

from __future__ import annotations

import hashlib
import os
import stat
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

from drp.domain.manifest import ManifestSummary
from drp.domain.phrase import say
from drp.domain.strict_json import Malformed
from drp.errors import ManifestError
from drp.manifests import codec as packing
from drp.manifests import merkle
from drp.manifests.container import END_MAGIC, FOOTER, FRAME, INDEXED, MAGIC, PRELUDE, VERSION
from drp.manifests.frame import Frame
from drp.manifests.frame_check import require_claims
from drp.manifests.header_check import read_document, require_header, require_trailer, summary_of
from drp.manifests.reader import Manifest

_HEADER_LIMIT = 16 << 20
_READ = 1 << 20
_ANEW = "bring the manifest back from a copy, or make a new one with the next backup"


def open_manifest(path: Path) -> Manifest:
    """Return the manifest at ``path``, checked as far as that goes without unpacking every frame.

    Raises ``ManifestError`` when it is missing, truncated, edited, out of order, from a newer drp, or
    changes meanwhile.
    """
    try:
        with _opened(path) as stream:
            before = os.fstat(stream.fileno())
            header_text, index_offset, index, trailer_text = _borders(path, stream)
            header = _parse(path, header_text, require_header)
            trailer = _parse(path, trailer_text, require_trailer)
            packed, length = index
            records = packing.decompressor(header["codec"])(packed, length)
            frames = _frames(path, records, (PRELUDE.size + len(header_text), index_offset))
            _check(path, header, trailer, frames)
            stream.seek(0)
            identity = hashlib.sha256()
            while piece := stream.read(_READ):
                identity.update(piece)
            after = os.fstat(stream.fileno())
            if (before.st_size, before.st_ctime_ns) != (after.st_size, after.st_ctime_ns):
                raise ManifestError(
                    say("{path} was changed while it was read", path=path), hint="find out who writes there"
                )
            descriptor = os.dup(stream.fileno())
    except OSError as error:
        raise ManifestError(
            say("cannot read the manifest {path}: {strerror}", path=path, strerror=os.strerror(error.errno or 0))
        ) from error
    return Manifest(path, descriptor, header, trailer, frames, identity.hexdigest())


def _opened(path: Path) -> IO[bytes]:
    """Open a regular file, and never wait for what is none. Raises ``OSError``, ``ManifestError``."""
    stream = os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb")
    if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        stream.close()
        raise ManifestError(say("{path} is no file", path=path))
    return stream


@contextmanager
def at_hand(manifest: Path | Manifest) -> Iterator[Manifest]:
    """Yield a manifest, opening it by its name if it is not open yet; whoever opened it closes it."""
    if isinstance(manifest, Manifest):
        yield manifest
        return
    with open_manifest(manifest) as opened:
        yield opened


def read_summary(path: Path) -> ManifestSummary:
    """Return what the manifest at ``path`` says about itself. Raises ``ManifestError``."""
    with open_manifest(path) as manifest:
        return manifest.summary()


def _borders(path: Path, stream: IO[bytes]) -> tuple[bytes, int, tuple[bytes, int], bytes]:
    """Return header, packed index with its raw length, and trailer, after their common digest has been checked."""
    prelude = stream.read(PRELUDE.size)
    if len(prelude) < PRELUDE.size or prelude[:4] != MAGIC:
        raise ManifestError(say("{path} is not a manifest of drp, or is empty", path=path))
    _, version, _, header_length = PRELUDE.unpack(prelude)
    if version < 1:
        raise ManifestError(say("{path} has format {version}, which there never was", path=path, version=str(version)))
    if version > VERSION:
        raise ManifestError(
            say(
                "{path} has format {version}; this drp knows formats up to {VERSION}",
                path=path,
                version=str(version),
                VERSION=VERSION,
            ),
            hint="use a newer drp to read it",
        )
    size = stream.seek(0, os.SEEK_END)
    if size < PRELUDE.size + header_length + FOOTER.size or header_length > _HEADER_LIMIT:
        raise ManifestError(say("{path} is truncated", path=path))
    stream.seek(size - FOOTER.size)
    offset, packed_length, raw_length, trailer_length, seal, magic = FOOTER.unpack(stream.read(FOOTER.size))
    if magic != END_MAGIC or offset + packed_length + trailer_length + FOOTER.size != size:
        raise ManifestError(say("{path} is truncated, or something was added to it", path=path))
    stream.seek(PRELUDE.size)
    header = stream.read(header_length)
    stream.seek(offset)
    packed, trailer = stream.read(packed_length), stream.read(trailer_length)
    if hashlib.blake2b(header + packed + trailer, digest_size=32).digest() != seal:
        raise ManifestError(say("{path} was edited: header, index and trailer do not belong together", path=path))
    return header, offset, (packed, raw_length), trailer


def _parse(path: Path, text: bytes, require: Callable[[Mapping[str, Any]], None]) -> dict[str, Any]:
    try:
        document = read_document(text)
        require(document)
    except Malformed as error:
        raise ManifestError(say("malformed manifest: {path}: {error}", path=path, error=error), hint=_ANEW) from error
    return document


def _frames(path: Path, index: bytes, borders: tuple[int, int]) -> list[Frame]:
    """Return what the index says; ``borders``: from where to where frames lie, one behind the other."""
    frames, at = [], 0
    place, end = borders
    try:
        while at < len(index):
            offset, packed, raw, rows, files, size, flags, length, name_length, digest, top = INDEXED.unpack_from(
                index, at
            )
            at += INDEXED.size
            if (
                offset != place or (place := place + FRAME.size + packed) > end
            ):  # so no more of them than bytes are there
                raise ManifestError(say("{path}: frames are missing, repeated or out of place", path=path))
            directory, name = index[at : at + length], index[at + length : at + length + name_length]
            frames.append(Frame(offset, packed, raw, rows, files, size, flags, directory, name, digest, top))
            at += length + name_length
        if at != len(index):
            raise ManifestError(say("{path}: the index is cut short", path=path))
        if frames and place != end:
            raise ManifestError(say("{path}: frames are missing, repeated or out of place", path=path))
    except struct.error as error:
        raise ManifestError(say("{path}: the index is cut short", path=path)) from error
    following = [(frame.directory, frame.name) if frame.continues else None for frame in frames[1:]]
    return [frame._replace(goes_on=after) for frame, after in zip(frames, [*following, None], strict=True)]


def _check(path: Path, header: dict[str, Any], trailer: dict[str, Any], frames: list[Frame]) -> None:
    summary_of("", header, trailer)
    for frame in frames:
        require_claims(frame, 32 * len(header["algorithms"]))
    if any(left.key >= right.key for left, right in pairwise(frames)):
        raise ManifestError(say("{path}: entries are out of order", path=path))
    claims = (trailer.get("entries"), trailer.get("files"), trailer.get("total_bytes"), trailer.get("frames"))
    counted = (
        sum(frame.rows for frame in frames),
        sum(frame.files for frame in frames),
        sum(frame.size for frame in frames),
        len(frames),
    )
    if claims != counted:
        raise ManifestError(say("{path}: its totals are not those of its frames", path=path))
    if trailer.get("merkle_root") != merkle.root(merkle.tree([frame.top for frame in frames]), counted[0]):
        raise ManifestError(say("{path}: its Merkle root is not that of its frames", path=path))
    if counted[0] == 0:
        raise ManifestError(
            say("{path} lists nothing", path=path),
            hint="an empty manifest proves nothing: make it again at the right root",
        )
