"""What looking at a directory gives, and the options of looking."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from drp.manifests import merkle
from drp.manifests.layout import Extras, Group, Tag, encode_extras

INODE = struct.Struct("<QQI")
"""st_dev, st_ino, st_nlink."""

DEFAULT_CORE = "auto"


@dataclass(slots=True)
class Options:
    """How to look."""

    algorithms: tuple[str, ...]
    attributes: tuple[str, ...] | None = None
    """Classes of extended attributes to look at (`attributes.CLASSES`); None: for a manifest, all that can be seen."""
    id_offset: int = 0
    """What the restore added to every id, in ACLs too."""
    xattrs: bool = False
    """Digest them all together, as manifests of earlier versions have it."""
    strict: bool = False
    """Compare fstat before and after every read: for file systems that stamp times by another host's clock."""
    ahead: bool = True
    """Ask for a batch of files before reading the first, when they turn out not to be in memory."""
    window: int = 256
    """How many files such a batch has."""
    blind: bool = False
    """Nobody can tell whether files are in memory: they are asked for ahead in any case."""
    spare_cache: bool = False
    """Drop from the page cache what was not in it before."""
    direct: bool = False
    """Read past the page cache (O_DIRECT), to prove the medium."""
    large: int = 64 << 20
    """Files of at least so many bytes are put off, so that they can be spread over workers."""
    core: str = field(default_factory=lambda: DEFAULT_CORE)
    """Which core looks at simple files: pure (Python), native (compiled), or auto: native where it is installed."""


@dataclass(slots=True)
class Rows:
    """What was seen of some entries of one directory, in the order of their names.

    The columns hold one piece for each row; several rows in one piece, as the compiled core gives them, until
    ``unpack`` is called.
    """

    names: list[bytes]
    fixed: list[bytes] = field(default_factory=list)
    owners: list[bytes] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    """Empty for what is not a regular file; zeros where it could not be read."""
    extras: Extras = field(default_factory=dict)
    put_off: list[tuple[int, int]] = field(default_factory=list)
    """Rows and sizes of large files whose digest is still to come."""
    inodes: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    """Row → st_dev, st_ino, st_nlink of entries with more than one link."""
    size: int = 0
    files: int = 0
    errors: int = 0
    packed: dict[int, int] = field(default_factory=dict)
    """Place in the columns → how many rows of regular files lie there in one piece."""

    def add_packed(self, count: int, fixed: bytes, owners: bytes, digests: bytes) -> None:
        """Add rows of regular files whose columns are joined."""
        if count:
            self.packed[len(self.fixed)] = count
            self.fixed.append(fixed)
            self.owners.append(owners)
            self.digests.append(digests)

    def unpack(self) -> None:
        """Cut the columns into one piece for each row."""
        if self.packed:
            for name in ("fixed", "owners", "digests"):
                setattr(self, name, [*self._cut(getattr(self, name))])
            self.packed = {}

    def _cut(self, column: list[bytes]) -> Iterator[bytes]:
        for place, piece in enumerate(column):
            width = len(piece) // self.packed.get(place, 1)
            yield from [piece[at : at + width] for at in range(0, len(piece), width)] if width else [piece]


@dataclass(slots=True)
class Listing:
    """A directory's names, sorted, and which of them are certainly not regular files."""

    names: list[bytes]
    others: set[bytes]
    directories: list[bytes]
    """Sorted too, and among the ``others``."""


def to_group(
    rows: Rows, directory: bytes, key: bytes, *, first: bool, last: bool, compiled: Any = None
) -> tuple[Group, bytes]:
    """Return rows as a group, and its Merkle node: empty while links or large files are still open.

    ``compiled``: the module of the compiled core, which is faster at nodes of regular files.
    """
    group = Group(directory, first, last, rows.names)
    group.fixed, group.owners, group.digests = b"".join(rows.fixed), b"".join(rows.owners), b"".join(rows.digests)
    group.extras, group.errors, group.size = rows.extras, rows.errors, rows.size
    for row, inode in rows.inodes.items():
        rows.extras.setdefault(row, {})[Tag.INODE] = INODE.pack(*inode)
    group.linked, group.pending = bool(rows.inodes), bool(rows.put_off)
    if group.linked or group.pending:
        return group, bytes(32)
    prefix = directory + b"/" if directory else b""
    drawn = merkle.salts(key, directory, rows.names[0] if rows.names else b"", len(rows.names))
    if compiled and 0 < len(rows.names) == rows.files and not rows.extras:
        return group, merkle.fast_tree(compiled, prefix, group, drawn)
    rows.unpack()
    texts = [*map(b"".join, zip(rows.fixed, rows.owners, rows.digests, strict=True))]
    for row, extras in rows.extras.items():
        texts[row] += encode_extras({0: extras})
    return group, merkle.tree(merkle.fast_leaves(prefix, rows.names, texts, drawn))
