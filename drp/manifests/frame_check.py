"""Whether frames and groups of a manifest are what its index and its trailer say of them.

A digest says that bytes are the ones that were written, not that they agree with one another: an index may claim files
that no frame has, and a frame may hold a directory's later part without its first, so that nobody would look at it.
"""

from __future__ import annotations

import stat
import struct
from collections import Counter
from collections.abc import Mapping

from drp.errors import ManifestError
from drp.manifests.attributes import parse
from drp.manifests.codec import RAW_LIMIT
from drp.manifests.frame import Frame
from drp.manifests.layout import (
    FIRST,
    FIXED,
    GROUP,
    LAST,
    OWNER,
    Group,
    Tag,
    decode,
    group_offsets,
    stored_last,
    stored_place,
)

_MODE, _SIZE = struct.Struct("<I16x"), struct.Struct("<4xQ8x")
"""One column of `FIXED` each: all of a large directory are looked at."""
_LARGEST_MODE = 0o177777
_ROW = FIXED.size + OWNER.size
_ERRNO_SHIFT, _LARGEST_ERRNO = 16, 4095
_KINDS = {stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFBLK, stat.S_IFCHR}
_LENGTHS: Mapping[int, int] = {Tag.DEVICE: 8, Tag.XATTRS: 32, Tag.ERROR: 4, Tag.SPARSE: 0, Tag.UNSTABLE: 0}
_PATHS = (Tag.TARGET, Tag.LINK_TO)


def require_claims(frame: Frame, digest_size: int) -> None:
    """Raise ``ManifestError`` when a frame cannot hold what the index says, whatever is in it."""
    if frame.raw > RAW_LIMIT:
        raise ManifestError("a frame of the manifest claims an absurd length")
    if frame.rows * _ROW > frame.raw or frame.files > frame.rows or frame.files * digest_size > frame.raw:
        raise ManifestError("the index of the manifest claims more entries than there is room for")


def require_frame(frame: Frame, raw: bytes, digest_size: int) -> None:
    """Raise ``ManifestError`` unless an unpacked frame is what the index says, and its directories are whole."""
    rows = files = size = 0
    inside, before = frame.directory if frame.continues else None, b""
    for offset in group_offsets(raw):
        _, _, count, flags, _, digests, _, group_size = GROUP.unpack_from(raw, offset)
        directory, name = stored_place(raw, offset)
        if offset == 0 and (flags, directory, name) != (frame.flags, frame.directory, frame.name):
            raise ManifestError("a frame of the manifest does not begin as the index says")
        if flags & 0xFFFF & ~(FIRST | LAST) or flags >> _ERRNO_SHIFT > _LARGEST_ERRNO:
            raise ManifestError("a group of the manifest has marks that none may have")
        if bool(flags & FIRST) is (inside is not None) or (inside is not None and directory != inside):
            raise ManifestError("a part of a directory in the manifest stands without the others")
        if not flags & FIRST and name <= before:
            raise ManifestError("the names in a directory of the manifest are out of order, or one is there twice")
        inside, before = (None, b"") if flags & LAST else (directory, stored_last(raw, offset))
        rows, files, size = rows + count, files + digests // digest_size, size + group_size
    follows = frame.goes_on or (None, b"")
    if inside != follows[0] or (inside is not None and follows[1] <= before):
        raise ManifestError("a part of a directory in the manifest stands without the others")
    if (rows, files, size) != (frame.rows, frame.files, frame.size):
        raise ManifestError("the totals of a frame of the manifest are not those of its groups")


def decode_whole(raw: bytes, offset: int, digest_size: int) -> Group:
    """Return a group of a finished manifest. Raises ``ManifestError`` when its rows cannot be of one."""
    group = decode(raw, offset)
    modes = [mode for (mode,) in _MODE.iter_unpack(group.fixed)]
    sizes = [size for (size,) in _SIZE.iter_unpack(group.fixed)]
    kinds = Counter(modes)
    others = {mode for mode in kinds if stat.S_IFMT(mode) != stat.S_IFREG}
    if (len(modes) - sum(kinds[mode] for mode in others)) * digest_size != len(group.digests):
        raise ManifestError("a group of the manifest has more or fewer digests than files")
    unknown = {mode for mode in kinds if mode > _LARGEST_MODE or stat.S_IFMT(mode) not in _KINDS}
    unread = {row for row, extras in group.extras.items() if Tag.ERROR in extras}
    explained = Counter(modes[row] for row in unread)
    if any(mode > _LARGEST_MODE or kinds[mode] > explained[mode] for mode in unknown):
        raise ManifestError("an entry of the manifest is of a kind that there is not")
    most = (
        sum(sizes) if not others else sum(size for mode, size in zip(modes, sizes, strict=True) if mode not in others)
    )
    least = most - sum(sizes[row] for row in unread if modes[row] not in others)
    if not least <= group.size <= most:  # what could not be read is counted where its size was known before
        raise ManifestError("a group of the manifest has more or fewer bytes than its files")
    for extras in group.extras.values():
        _require_extras(extras)
    wrong = sum(Tag.ERROR in extras or Tag.UNSTABLE in extras for extras in group.extras.values())
    if wrong != group.errors:
        raise ManifestError("a group of the manifest does not count its own errors")
    return group


def _require_extras(extras: Mapping[int, bytes]) -> None:
    for tag, value in extras.items():
        if tag == Tag.ATTRIBUTES:
            parse(value)
        elif tag in _PATHS:
            if not value or b"\0" in value:
                raise ManifestError("a link of the manifest leads to no path")
        elif _LENGTHS.get(tag, -1) != len(value):
            raise ManifestError("the extras of an entry of the manifest are not what they may be")
    if int.from_bytes(extras.get(Tag.ERROR, b"\1"), "little") not in range(1, _LARGEST_ERRNO + 1):
        raise ManifestError("an entry of the manifest has an error that there is not")
