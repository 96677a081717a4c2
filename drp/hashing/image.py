"""The digest of a tree as software: what it would do, and not whose it is or when it was written.

BLAKE3 over, in the manifest's order, every entry below the root: a letter for its kind (``f`` file, ``x`` executable
file, ``d`` directory, ``l`` symbolic link), the length of its path and the path, then 32 bytes of BLAKE3 of a file's
content, or the length of a link's target and the target. A file is executable when its owner may execute it. Owners,
times, other modes, extended attributes and hard links are left out, so that a copy has the digest of its original.
"""

from __future__ import annotations

import stat
import struct
import tempfile
from pathlib import Path

from blake3 import blake3

from drp.domain.manifest import show_path
from drp.domain.phrase import say
from drp.domain.progress import Cancelled
from drp.errors import ManifestError
from drp.hashing.creation import Watch, create_manifest
from drp.hashing.reading.rows import Options
from drp.manifests.entries import Entry, entries
from drp.manifests.layout import Tag
from drp.manifests.opening import open_manifest
from drp.manifests.row import kind_of, say_errno

ALGORITHM = "blake3"
_HEADER = b"drp-tree-1\n"
_LENGTH = struct.Struct("<I")


def tree_digest(
    root: Path, *, workers: int | None = None, watch: Watch | None = None, cancelled: Cancelled = lambda: False
) -> str:
    """Return ``blake3:<hex>`` for the tree at ``root``, links not followed.

    Raises ``NotFound`` when there is no directory, ``ManifestError`` when part of it cannot be read, changes while it
    is read or is neither file, directory nor link, and ``Interrupted``.
    """
    whole = blake3(_HEADER)
    with tempfile.TemporaryDirectory(prefix="drp-tree-") as folder:
        made, options = Path(folder) / "tree", Options((ALGORITHM,), attributes=())
        create_manifest(
            root, made, application="image", workers=workers, watch=watch, cancelled=cancelled, options=options
        )
        with open_manifest(made) as manifest:
            for entry in entries(manifest):
                if entry.path:
                    whole.update(_said(root, entry))
    return f"{ALGORITHM}:{whole.hexdigest()}"


def _said(root: Path, entry: Entry) -> bytes:
    row, path = entry.row, entry.path
    if entry.errno:
        raise _undigestible(root, entry, say_errno(entry.errno))
    if Tag.UNSTABLE in row.extras:
        raise _undigestible(root, entry, "it changes while it is read")
    head = _LENGTH.pack(len(path)) + path
    if entry.is_file:
        return (b"x" if row.mode & stat.S_IXUSR else b"f") + head + row.digest
    if stat.S_ISDIR(row.mode):
        return b"d" + head
    if stat.S_ISLNK(row.mode):
        target = row.extras.get(Tag.TARGET, b"")
        return b"l" + head + _LENGTH.pack(len(target)) + target
    raise _undigestible(root, entry, say("it is a {kind_of}", kind_of=kind_of(row.mode)))


def _undigestible(root: Path, entry: Entry, why: str) -> ManifestError:
    return ManifestError(
        say(
            "{show_path} in {root} cannot be part of a digest: {why}",
            show_path=show_path(entry.path),
            root=root,
            why=why,
        ),
        hint="a software image holds files, directories and links that drp may read and nobody writes to",
    )
