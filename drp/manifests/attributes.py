"""Extended attributes, among them ACLs and capabilities: which of them a backup can lose, and what is kept of each.

Four classes are looked at. The rest is left out, because it says nothing about a backup: labels that the host gives
anew (``security.selinux``, ``security.SMACK64``), seals over one inode (``security.evm``, ``security.ima``), views
of a server's own lists (``system.nfs4_acl``, ``system.cifs_acl``), and what file systems keep there for themselves
(``trusted.overlay.*``, ``btrfs.*``, ``ceph.*``).

Kept is, for each attribute, its name and 128 bits of BLAKE2b over its value, so that what changed can be named.
"""

from __future__ import annotations

import errno
import hashlib
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from drp.errors import ManifestError

Class = Literal["user", "acl", "capability", "trusted"]
CLASSES: tuple[Class, ...] = ("user", "acl", "capability", "trusted")
_ACLS = (b"system.posix_acl_access", b"system.posix_acl_default")
_CAPABILITY = b"security.capability"
_LEFT_OUT = (b"user.overlay.", b"trusted.overlay.", b"trusted.SGI_ACL", b"trusted.glusterfs.", b"trusted.gfid")
NONE_HERE = {errno.ENOTSUP, errno.EOPNOTSUPP}
"""What a file system without extended attributes answers."""
_HEAD = struct.Struct("<H")
_DIGEST = 16
_ACL_VERSION, _ACL_ENTRY = struct.Struct("<I"), struct.Struct("<HHI")
_NAMED = {0x02, 0x08}
"""ACL_USER, ACL_GROUP: entries that name an id (acl(5))."""
_REVISION_2, _REVISION_3 = 0x02000000, 0x03000000
"""VFS_CAP_REVISION: the third also names the user namespace's root (capabilities(7))."""


def class_of(name: bytes) -> Class | None:
    """Return the class of an attribute; None: it is left out."""
    if name.startswith(_LEFT_OUT):
        return None
    if name.startswith(b"user."):
        return "user"
    if name in _ACLS:
        return "acl"
    if name == _CAPABILITY:
        return "capability"
    return "trusted" if name.startswith(b"trusted.") else None


def any_kept(names: Sequence[str]) -> bool:
    """Return whether one of the names that ``os.listxattr`` gave may be looked at."""
    return any(class_of(os.fsencode(name)) is not None for name in names)


def visible(root: int) -> tuple[Class, ...]:
    """Return the classes that this process can see below an open directory.

    None, where its file system keeps no attributes; ``trusted`` takes CAP_SYS_ADMIN outside of any user namespace.
    """
    try:
        os.listxattr(root)
    except OSError as error:
        if error.errno in NONE_HERE:
            return ()
    if os.geteuid() == 0 and _maps_everybody():
        return CLASSES
    return tuple(each for each in CLASSES if each != "trusted")


def _maps_everybody() -> bool:
    try:
        return Path("/proc/self/uid_map").read_text(encoding="ascii").split() == ["0", "0", "4294967295"]
    except OSError:
        return False


def settable(folder: int) -> frozenset[str]:
    """Return which of ``user`` and ``acl`` the file system of an open directory keeps, by trying on an unnamed file."""
    kept = set()
    try:
        file = os.open(b"/proc/self/fd/%d" % folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError:
        return frozenset()
    everybody = _ACL_VERSION.pack(2) + b"".join(_ACL_ENTRY.pack(tag, 7, 0xFFFFFFFF) for tag in (1, 4, 16, 32))
    try:
        for name, value, what in ((b"user.drp", b"1", "user"), (_ACLS[0], everybody, "acl")):
            try:
                os.setxattr(file, name, value)
            except OSError:
                continue
            kept.add(what)
    finally:
        os.close(file)
    return frozenset(kept)


def look(where: int | bytes, classes: Sequence[str], id_offset: int = 0) -> bytes:
    """Return the attributes of an open file, or of what a path names itself, as they are kept; b'' for none.

    ``id_offset``: what the restore added to every id, in ACLs too. Raises ``OSError``.
    """
    follow = isinstance(where, int)
    try:
        names = sorted(os.fsencode(name) for name in os.listxattr(where, follow_symlinks=follow))
    except OSError as error:
        if error.errno in NONE_HERE:
            return b""
        raise
    pieces = []
    for name in names:
        kind = class_of(name)
        if kind is None or kind not in classes:
            continue
        value = _canonical(kind, os.getxattr(where, name, follow_symlinks=follow), id_offset)
        pieces.append(_HEAD.pack(len(name)) + name + hashlib.blake2b(value, digest_size=_DIGEST).digest())
    return b"".join(pieces)


def _canonical(kind: Class, value: bytes, offset: int) -> bytes:
    """Return a value with the ids that it had before the restore moved them."""
    if kind == "acl" and offset and len(value) % _ACL_ENTRY.size == _ACL_VERSION.size:
        entries = [
            (tag, rights, (number - offset) & 0xFFFFFFFF if tag in _NAMED else number)
            for tag, rights, number in _ACL_ENTRY.iter_unpack(value[_ACL_VERSION.size :])
        ]
        return value[: _ACL_VERSION.size] + b"".join(_ACL_ENTRY.pack(*entry) for entry in entries)
    if kind == "capability" and len(value) == 24:
        magic, *_, root = struct.unpack("<6I", value)
        if magic & 0xFF000000 == _REVISION_3 and root == offset:  # set inside: the same as revision 2 outside
            return struct.pack("<I", magic & 0x00FFFFFF | _REVISION_2) + value[4:20]
    return value


def parse(kept: bytes) -> Mapping[bytes, bytes]:
    """Return name → digest of what `look` gave. Raises ``ManifestError`` when it cannot be that."""
    return dict(_pieces(kept))


def _pieces(kept: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(kept):
        if at + _HEAD.size > len(kept):
            raise ManifestError("the extended attributes of an entry of the manifest are cut short")
        (length,) = _HEAD.unpack_from(kept, at)
        at += _HEAD.size
        end = at + length + _DIGEST
        if end > len(kept) or length == 0:
            raise ManifestError("the extended attributes of an entry of the manifest are cut short")
        yield kept[at : at + length], kept[at + length : end]
        at = end
