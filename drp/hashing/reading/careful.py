"""The careful way to look at one entry: what is large, linked, sparse, recent, unreadable, or no regular file.

Nothing here raises ``OSError``: an entry that cannot be read becomes a row that says why.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import struct
import time
from contextlib import suppress

from drp.hashing.reading.digest import BUFFER, FileDigester, Gate
from drp.hashing.reading.rows import Options, Rows
from drp.manifests.attributes import look
from drp.manifests.layout import FIXED, OWNER, Tag

OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_ERRNO = struct.Struct("<i")
_DEVICE = struct.Struct("<Q")
_LINK_CACHE = 1 << 16
_TIMED = 1 << 20
"""Only files from this size on are timed: the small ones would say more about the clock."""
UNSEEN = FIXED.pack(0, 0, 0)
_NOBODY = OWNER.pack(0, 0)


class Careful:
    """Looks at single entries; owns the digester and the flags that files are opened with."""

    def __init__(self, options: Options, gate: Gate) -> None:
        """Make the buffers."""
        self.options, self._gate = options, gate
        self.digester = FileDigester(options.algorithms, gate, direct=options.direct)
        self.flags = OPEN | os.O_NOATIME | (os.O_DIRECT if options.direct else 0)
        self._seen_links: dict[tuple[int, int, int, int], bytes] = {}

    def again(self, directory: int, name: bytes, row: int, rows: Rows, *, descriptor: int, error: OSError) -> None:
        """Deal with an entry that raised on the fast way."""
        if descriptor >= 0:
            os.close(descriptor)
        elif error.errno == errno.EPERM and self.flags & os.O_NOATIME:  # only its owner and root may use it
            self.flags &= ~os.O_NOATIME
            try:
                descriptor = os.open(name, self.flags, dir_fd=directory)
            except OSError as second:
                self.unreadable(directory, name, row, rows, second)
            else:
                self.regular(directory, name, row, rows, descriptor)
            return
        self.unreadable(directory, name, row, rows, error)

    def regular(self, directory: int, name: bytes, row: int, rows: Rows, descriptor: int) -> None:
        """Look at what is open and expected to be a regular file; closes the descriptor."""
        try:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                self.other(directory, name, row, rows)
                return
            if before.st_size >= self.options.large and before.st_nlink == 1:
                rows.put_off.append((row, before.st_size))
                seen, digest, stable = before, self.digester.zero, True
            else:
                seen, digest, stable = self.read(descriptor, name, before)
            attributes = self._attributes(descriptor)
        except OSError as error:
            self.unreadable(directory, name, row, rows, error)
            return
        finally:
            os.close(descriptor)
        self._add(row, rows, seen, digest)
        if attributes:
            rows.extras.setdefault(row, {}).update(attributes)
        if not stable:
            rows.extras.setdefault(row, {})[Tag.UNSTABLE] = b""
            rows.errors += 1

    def read(
        self, descriptor: int, name: bytes, before: os.stat_result, *, spread: bool = False
    ) -> tuple[os.stat_result, bytes, bool]:
        """Return what an open regular file is, its digests, and whether it held still: tried twice.

        ``spread``: over idle cores.

        Raises ``OSError``.
        """
        link = (before.st_dev, before.st_ino, before.st_mtime_ns, before.st_ctime_ns)
        if before.st_nlink > 1 and link in self._seen_links:
            return before, self._seen_links[link], True
        started = time.monotonic()
        for _ in range(2):
            count, digest = self.digester.whole(descriptor, before.st_size, before.st_blocks, spread=spread)
            after = os.fstat(descriptor)
            if count == after.st_size and _same(before, after):
                if count >= _TIMED:
                    self._gate.slow(name, time.monotonic() - started, count)
                if after.st_nlink > 1 and len(self._seen_links) < _LINK_CACHE:
                    self._seen_links[link] = digest
                return after, digest, True
            before = after
        return before, digest, False

    def other(self, directory: int, name: bytes, row: int, rows: Rows) -> None:
        """Look, without opening it, at what is not a regular file."""
        try:
            seen = os.stat(name, dir_fd=directory, follow_symlinks=False)
            if stat.S_ISREG(seen.st_mode):  # it became one since it was listed, or the listing did not know
                self.regular(directory, name, row, rows, os.open(name, self.flags, dir_fd=directory))
                return
            extras: dict[int, bytes] = {}
            size = 0
            if stat.S_ISLNK(seen.st_mode):
                extras[Tag.TARGET] = os.readlink(name, dir_fd=directory)
                size = len(extras[Tag.TARGET])
            elif stat.S_ISBLK(seen.st_mode) or stat.S_ISCHR(seen.st_mode):
                extras[Tag.DEVICE] = _DEVICE.pack(seen.st_rdev)
            if not (self.options.xattrs and not stat.S_ISDIR(seen.st_mode)):  # they held those of directories alone
                extras.update(self._attributes(b"/proc/self/fd/%d/%s" % (directory, name)))
        except OSError as error:
            self.unreadable(directory, name, row, rows, error)
            return
        if extras:
            rows.extras[row] = extras
        if seen.st_nlink > 1 and not stat.S_ISDIR(seen.st_mode):
            rows.inodes[row] = (seen.st_dev, seen.st_ino, seen.st_nlink)
        rows.fixed.append(FIXED.pack(seen.st_mode, size, seen.st_mtime_ns))
        rows.owners.append(OWNER.pack(seen.st_uid, seen.st_gid))
        rows.digests.append(b"")

    def _attributes(self, where: int | bytes) -> dict[int, bytes]:
        """Return the extras that tell extended attributes, as the options ask for. Raises ``OSError``."""
        extras: dict[int, bytes] = {}
        if self.options.attributes and (kept := look(where, self.options.attributes, self.options.id_offset)):
            extras[Tag.ATTRIBUTES] = kept
        if self.options.xattrs and (digest := xattrs_digest(where)):
            extras[Tag.XATTRS] = digest
        return extras

    def unreadable(self, directory: int, name: bytes, row: int, rows: Rows, error: OSError) -> None:
        """Record why an entry could not be read, with as much as can be known of it."""
        seen: os.stat_result | None = None
        with suppress(OSError):
            seen = os.stat(name, dir_fd=directory, follow_symlinks=False)
        if seen is not None and error.errno == errno.ELOOP and not stat.S_ISREG(seen.st_mode):
            self.other(directory, name, row, rows)  # it became a symbolic link since it was listed
            return
        rows.extras.setdefault(row, {})[Tag.ERROR] = _ERRNO.pack(error.errno or errno.EIO)
        rows.errors += 1
        if seen is None:
            rows.fixed.append(UNSEEN)
            rows.owners.append(_NOBODY)
            rows.digests.append(b"")
            return
        rows.fixed.append(FIXED.pack(seen.st_mode, seen.st_size if stat.S_ISREG(seen.st_mode) else 0, seen.st_mtime_ns))
        rows.owners.append(OWNER.pack(seen.st_uid, seen.st_gid))
        rows.digests.append(self.digester.zero if stat.S_ISREG(seen.st_mode) else b"")

    def _add(self, row: int, rows: Rows, seen: os.stat_result, digest: bytes) -> None:
        rows.fixed.append(FIXED.pack(seen.st_mode, seen.st_size, seen.st_mtime_ns))
        rows.owners.append(OWNER.pack(seen.st_uid, seen.st_gid))
        rows.digests.append(digest)
        rows.size += seen.st_size
        rows.files += 1
        if seen.st_size >= BUFFER and seen.st_blocks * 512 < seen.st_size:
            rows.extras.setdefault(row, {})[Tag.SPARSE] = b""
        if seen.st_nlink > 1:
            rows.inodes[row] = (seen.st_dev, seen.st_ino, seen.st_nlink)


def _same(before: os.stat_result, after: os.stat_result) -> bool:
    return (
        before.st_size == after.st_size
        and before.st_mtime_ns == after.st_mtime_ns
        and before.st_ctime_ns == after.st_ctime_ns
    )


def xattrs_digest(where: int | bytes) -> bytes:
    """Return BLAKE2b-256 over the sorted extended attributes of an open file or a directory, b'' when it has none.

    Raises ``OSError``.
    """
    names = sorted(os.fsencode(name) for name in os.listxattr(where, follow_symlinks=isinstance(where, int)))
    if not names:
        return b""
    state = hashlib.blake2b(digest_size=32)
    for name in names:
        value = os.getxattr(where, name, follow_symlinks=isinstance(where, int))
        state.update(struct.pack("<II", len(name), len(value)) + name + value)
    return state.digest()
