"""The rows of a manifest, entry by entry, and how their kinds and errors are called."""

from __future__ import annotations

import errno
import os
import stat
from typing import NamedTuple

from drp.domain.manifest import EntryKind
from drp.manifests.layout import FIXED, OWNER, Group

_KINDS: dict[int, EntryKind] = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFBLK: "block",
    stat.S_IFCHR: "character",
}


class Row(NamedTuple):
    """One entry of a manifest, or one as seen."""

    mode: int
    size: int
    mtime_ns: int
    uid: int
    gid: int
    digest: bytes
    extras: dict[int, bytes]


def kind_of(mode: int) -> str:
    """Return what kind of entry a st_mode says."""
    return _KINDS.get(stat.S_IFMT(mode), "unknown")


def group_rows(group: Group, digest_size: int) -> list[Row]:
    """Return the rows of a group."""
    rows, at = [], 0
    fixed, owners = FIXED.iter_unpack(group.fixed), OWNER.iter_unpack(group.owners)
    for number, ((mode, size, mtime), (uid, gid)) in enumerate(zip(fixed, owners, strict=True)):
        digest = b""
        if mode & 0xF000 == stat.S_IFREG:
            digest = group.digests[at : at + digest_size]
            at += digest_size
        rows.append(Row(mode, size, mtime, uid, gid, digest, group.extras.get(number, {})))
    return rows


def say_errno(number: int) -> str:
    """Return an errno in words, its name first."""
    return f"{errno.errorcode.get(number, number)}: {os.strerror(number)}"
