"""How a manifest lies on disk: groups of entries in columns, and nothing that opens a file.

A *group* is one directory, or one part of a very large one: its names (sorted, raw bytes, joined by NUL) and, in the
same order, mode+size+mtime, owner, digests of regular files, and rare *extras* (link targets, errors …). Directories
follow one another in the order of their paths compared component by component, so a tree walked depth first is
already sorted. Groups are packed into frames (see `writer`); all numbers are little endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from drp.errors import ManifestError

GROUP = struct.Struct("<IIIIIIIQ")
"""length, directory length, rows, flags, names length, digests length, errors, bytes of files."""
FIXED = struct.Struct("<IQq")
"""st_mode, st_size (0 for directories and devices), st_mtime_ns."""
OWNER = struct.Struct("<II")
"""st_uid, st_gid."""
_EXTRA = struct.Struct("<IBI")

FIRST, LAST, LINKED, PENDING = 1, 2, 4, 8
"""Flags: first part of its directory · last one · has hard links not yet resolved · waits for late digests."""
_ERRNO_SHIFT = 16
_NO_NAMES = frozenset((b"", b".", b".."))


class Tag(IntEnum):
    """What an extra says about a row."""

    TARGET = 1
    """Where a symbolic link points, raw."""
    LINK_TO = 2
    """The path of the first member of this entry's hard-link group."""
    DEVICE = 3
    """st_rdev, 8 bytes."""
    XATTRS = 4
    """BLAKE2b-256 over all extended attributes: of manifests that were made with ``--xattrs`` before drp named them."""
    ERROR = 5
    """The entry could not be read when the manifest was made: errno, 4 bytes."""
    SPARSE = 6
    """The file had holes."""
    UNSTABLE = 7
    """The file changed while it was read, twice; its digest is of the last reading."""
    ATTRIBUTES = 9
    """Extended attributes by name, see `attributes`; their classes are in the manifest's header."""
    INODE = 8
    """st_dev, st_ino, st_nlink of a hard link; never in a finished manifest."""


Key = tuple[bytes, bytes]
"""What groups are sorted by: the directory in component order, then the first name."""
Extras = dict[int, dict[int, bytes]]
"""Row number → tag → value."""


@dataclass(slots=True)
class Group:
    """One directory's entries, or one part of them; ``directory`` is relative to the root, the root itself is b''."""

    directory: bytes
    first: bool = True
    last: bool = True
    names: list[bytes] = field(default_factory=list)
    fixed: bytes = b""
    owners: bytes = b""
    digests: bytes = b""
    extras: Extras = field(default_factory=dict)
    errno: int = 0
    """Why the directory itself could not be listed; 0 when it could."""
    errors: int = 0
    size: int = 0
    linked: bool = False
    pending: bool = False

    def key(self) -> Key:
        """Return what groups are sorted by."""
        return sort_key(self.directory), self.names[0] if self.names else b""

    def path(self, name: bytes) -> bytes:
        """Return the path of an entry relative to the root of the tree."""
        return self.directory + b"/" + name if self.directory else name


def sort_key(directory: bytes) -> bytes:
    """Return a key whose byte order is the order of paths compared component by component."""
    return directory.replace(b"/", b"\0")


def encode_extras(extras: Extras) -> bytes:
    """Return the extras of a group, rows and tags ascending."""
    return b"".join(
        _EXTRA.pack(row, tag, len(value)) + value
        for row in sorted(extras)
        for tag, value in sorted(extras[row].items())
    )


def encode(group: Group) -> bytes:
    """Return a group as it is stored."""
    names, extras = b"\0".join(group.names), encode_extras(group.extras)
    length = GROUP.size + sum(
        map(len, (group.directory, names, group.fixed, group.owners, group.digests, extras)),
    )
    flags = (
        (FIRST if group.first else 0)
        | (LAST if group.last else 0)
        | (LINKED if group.linked else 0)
        | (PENDING if group.pending else 0)
        | group.errno << _ERRNO_SHIFT
    )
    head = GROUP.pack(
        length,
        len(group.directory),
        len(group.names),
        flags,
        len(names),
        len(group.digests),
        group.errors,
        group.size,
    )
    return b"".join((head, group.directory, names, group.fixed, group.owners, group.digests, extras))


def decode(raw: bytes, offset: int = 0) -> Group:
    """Return the group that starts at ``offset``. Raises ``ManifestError`` when it cannot be one."""
    try:
        head = GROUP.unpack_from(raw, offset)
    except struct.error:
        raise ManifestError("a group of the manifest is cut short") from None
    length, directory_length, rows, flags, names_length, digests_length, errors, size = head
    end, at = offset + length, offset + GROUP.size
    columns = directory_length + names_length + rows * (FIXED.size + OWNER.size) + digests_length
    if end > len(raw) or at + columns > end:
        raise ManifestError("a group of the manifest is longer than the frame it is in")
    cuts = []
    for width in (directory_length, names_length, rows * FIXED.size, rows * OWNER.size, digests_length):
        cuts.append(raw[at : at + width])
        at += width
    directory, names, fixed, owners, digests = cuts
    group = Group(directory, bool(flags & FIRST), bool(flags & LAST), names.split(b"\0") if rows else [])
    group.fixed, group.owners, group.digests = fixed, owners, digests
    group.extras = decode_extras(raw, at, end, rows)
    group.errno, group.errors, group.size = flags >> _ERRNO_SHIFT, errors, size
    group.linked, group.pending = bool(flags & LINKED), bool(flags & PENDING)
    _check_names(group, rows, names)
    return group


def decode_extras(raw: bytes, at: int, end: int, rows: int) -> Extras:
    """Return the extras between two offsets. Raises ``ManifestError``."""
    extras: Extras = {}
    last = (-1, -1)
    while at < end:
        try:
            row, tag, length = _EXTRA.unpack_from(raw, at)
        except struct.error:
            raise ManifestError("the extras of a group of the manifest are cut short") from None
        at += _EXTRA.size
        if row >= rows or at + length > end or (row, tag) <= last:
            raise ManifestError("the extras of a group of the manifest do not fit it")
        last = (row, tag)
        extras.setdefault(row, {})[tag] = raw[at : at + length]
        at += length
    return extras


def _check_names(group: Group, rows: int, joined: bytes) -> None:
    """A manifest may come from an enemy: a name that leads elsewhere, or twice the same, is refused."""
    names, directory = group.names, group.directory
    unique = set(names)
    wrong = (
        len(names) != rows
        or len(unique) != rows
        or sorted(names) != names
        or not unique.isdisjoint(_NO_NAMES)
        or b"/" in joined
        or b"\0" in directory
        or (directory != b"" and not _NO_NAMES.isdisjoint(directory.split(b"/")))
    )
    if wrong:
        raise ManifestError("the names in a group of the manifest are not what a directory can hold, or out of order")


def group_length(raw: bytes, offset: int) -> int:
    """Return how many bytes the group at ``offset`` takes, without decoding it."""
    if len(raw) - offset < GROUP.size:
        raise ManifestError("a group of the manifest is cut short")
    length: int = GROUP.unpack_from(raw, offset)[0]
    if length < GROUP.size or offset + length > len(raw):
        raise ManifestError("a group of the manifest is cut short")
    return length


def stored_place(raw: bytes, offset: int = 0) -> Key:
    """Return the directory and the first name of the group at ``offset``, without decoding it."""
    head = GROUP.unpack_from(raw, offset)
    start = offset + GROUP.size
    names = start + head[1]
    end = raw.find(b"\0", names, names + head[4])
    return raw[start:names], raw[names : end if end >= 0 else names + head[4]]


def stored_last(raw: bytes, offset: int) -> bytes:
    """Return the last name of the group at ``offset``, without decoding it."""
    head = GROUP.unpack_from(raw, offset)
    start = offset + GROUP.size + head[1]
    names = raw[start : start + head[4]]
    return names.rpartition(b"\0")[2]


def stored_key(raw: bytes, offset: int = 0) -> Key:
    """Return the sort key of the group at ``offset``, without decoding it."""
    directory, name = stored_place(raw, offset)
    return sort_key(directory), name


def group_offsets(raw: bytes) -> Iterator[int]:
    """Yield where the groups of an unpacked frame start. Raises ``ManifestError`` when they are out of order."""
    offset, last = 0, None
    while offset < len(raw):
        length = group_length(raw, offset)
        key = stored_key(raw, offset)
        if last is not None and key <= last:
            raise ManifestError("entries of the manifest are out of order")
        last = key
        yield offset
        offset += length
