"""The objects of a repository in a directory, or on a medium that may be pulled at any time.

Names are looked up one part at a time from the directory itself, never through a symlink (open(2), O_NOFOLLOW); pipes,
sockets and devices are never opened.
"""

from __future__ import annotations

import errno
import mmap
import os
import re
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from drp.domain.phrase import Phrase, fact, say
from drp.domain.worm.objects import ObjectVersion
from drp.errors import AccessDenied, ObjectAbsent, RepositoryError, ShortBody, StorageBroken, Unreachable
from drp.repositories.locations.medium import Medium
from drp.repositories.locations.stored import PIECE, Odd

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_BUFFER = 1 << 20
_DEEPEST = 16
"""Folders below one another; no repository has as many."""
_BROKEN = {errno.EIO, errno.EUCLEAN, errno.EBADMSG, errno.EILSEQ}
"""What file systems answer for bytes that they cannot give back, or whose checksum is wrong."""
_FAR = re.compile(r"nfs\d?|cifs|smb\d?|9p|ceph|glusterfs|lustre|afs|fuse(?:\..*)?|fuseblk|virtiofs")
"""File systems that answer so too for what lies between them and their storage: then it says nothing about bytes."""
_MOUNTS = Path("/proc/self/mountinfo")
_NO_RIGHT = {errno.EACCES, errno.EPERM}
_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}
_AWAY = (".drp-medium", "lost+found")
"""What lies at the root of a medium and belongs to no repository."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class StoredDirectory:
    """Regular files below a directory, each an object under its path."""

    def __init__(self, name: str, path: Path, *, medium: Medium | None = None) -> None:
        """Take the repository's name, for messages, where it is, and the medium that must be there meanwhile."""
        self._name, self._path, self._medium = name, path, medium
        self._own = threading.local()

    def versions(self, folder: str = "") -> Iterator[ObjectVersion]:
        """Yield the regular files below a folder."""
        return (one for one in self.everything(folder) if isinstance(one, ObjectVersion))

    def everything(self, folder: str = "") -> Iterator[ObjectVersion | Odd]:
        """Yield every file, and all that is none. A medium that is pulled meanwhile raises ``MediaNeeded``."""
        self.require()
        waiting = [folder.strip("/")]
        while waiting:
            here = waiting.pop()
            for entry, seen in self._entries(here):
                if seen is None:
                    yield Odd(key=entry, why=fact("odd-unlisted", "a folder that cannot be listed"), unlisted=True)
                elif stat.S_ISDIR(seen.st_mode):
                    if entry not in _AWAY and entry.count("/") < _DEEPEST:
                        waiting.append(entry)
                    else:
                        yield Odd(key=entry, why=fact("odd-folder", "a folder that belongs to no repository"))
                elif stat.S_ISREG(seen.st_mode) and entry not in _AWAY:
                    yield _version(entry, seen)
                elif entry not in _AWAY:
                    yield Odd(key=entry, why=kind_of(seen.st_mode))
        self.require()

    def _entries(self, folder: str) -> Iterator[tuple[str, os.stat_result | None]]:
        """Yield what is in a folder, by its path; a folder that is closed to us yields itself, with nothing seen."""
        try:
            with self._folder(folder) as opened, os.scandir(opened) as entries:
                for entry in entries:
                    path = f"{folder}/{entry.name}" if folder else entry.name
                    try:
                        yield path, entry.stat(follow_symlinks=False)
                    except FileNotFoundError:  # removed since the folder was read, which retention may do
                        continue
        except OSError as error:
            self.require()
            if folder and error.errno in _NO_RIGHT:
                yield folder, None
            elif not (folder and error.errno in _ABSENT):
                raise self._error(error, folder) from error

    def read(self, key: str, version: str | None, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield the bytes of a file; a directory keeps no versions but the current one."""
        if version:
            raise ObjectAbsent(say("{object} of {repository}: no such version", object=key, repository=self._name))
        with self.opened(key) as (descriptor, size):
            left = size - offset if length is None else min(length, size - offset)
            wanted = left
            while left > 0:
                try:
                    piece = os.pread(descriptor, min(left, PIECE), offset)
                except OSError as error:
                    self.require()
                    raise self._error(error, key) from error
                if not piece:
                    self.require()
                    raise self.short(key, wanted - left, wanted)
                yield piece
                offset, left = offset + len(piece), left - len(piece)

    def views(self, key: str, version: str | None) -> Iterator[bytes | memoryview]:
        """Yield the bytes of a file out of one buffer of the thread's own: nothing is copied, nothing allocated."""
        if version:
            raise ObjectAbsent(say("{object} of {repository}: no such version", object=key, repository=self._name))
        buffer = self._buffer()
        with self.opened(key) as (descriptor, size):
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
            received = 0
            while received < size:
                try:
                    got = os.readv(descriptor, [buffer])
                except OSError as error:
                    self.require()
                    raise self._error(error, key) from error
                if not got:
                    self.require()
                    raise self.short(key, received, size)
                received += got
                yield buffer[:got]

    def _buffer(self) -> memoryview:
        buffer: memoryview | None = getattr(self._own, "buffer", None)
        if buffer is None:
            buffer = self._own.buffer = memoryview(mmap.mmap(-1, _BUFFER))
        return buffer

    @contextmanager
    def opened(self, key: str) -> Iterator[tuple[int, int]]:
        """Open a regular file for reading and yield its descriptor and size in bytes. Raises as `read` does."""
        folder, _, name = key.rpartition("/")
        try:
            with self._folder(folder) as parent:
                descriptor = os.open(name, _FILE, dir_fd=parent)
        except OSError as error:
            self.require()
            raise self._error(error, key) from error
        try:
            seen = os.fstat(descriptor)
            if not stat.S_ISREG(seen.st_mode):
                raise ObjectAbsent(
                    say(
                        "{object} of {repository} holds no object: {kind}",
                        object=key,
                        repository=self._name,
                        kind=kind_of(seen.st_mode),
                    )
                )
            yield descriptor, seen.st_size
        finally:
            os.close(descriptor)

    def require(self) -> None:
        """Return when the medium is there, or none is needed. Raises ``MediaNeeded``."""
        if self._medium is not None:
            self._medium.require()

    def short(self, key: str, received: int, wanted: int) -> ShortBody:
        """Return the error for a file that ended early."""
        return ShortBody(
            say(
                "{object} of {repository} ended after {received} of {wanted} bytes",
                object=key,
                repository=self._name,
                received=received,
                wanted=wanted,
            ),
            received=received,
        )

    @contextmanager
    def _folder(self, folder: str) -> Iterator[int]:
        """Open a folder of the repository, each part of its path as what it is there. Raises ``OSError``."""
        parts = [part for part in folder.split("/") if part]
        if any(part in {".", ".."} for part in parts):
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), folder)
        current = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in parts:
                below = os.open(part, _FOLDER, dir_fd=current)
                os.close(current)
                current = below
            yield current
        finally:
            os.close(current)

    def _error(self, error: OSError, key: str) -> RepositoryError:
        """Return the error of the family for what the system refused."""
        number, where = error.errno or 0, self._path / key
        message = say(
            "repository {name} cannot be read: {path}: {why}", name=self._name, path=where, why=os.strerror(number)
        )
        if number in _NO_RIGHT:
            return AccessDenied(message, hint="let the user that runs drp read it, and no more than read")
        if number in _ABSENT:
            return ObjectAbsent(message)
        if number in _BROKEN and not _FAR.fullmatch(file_system_of(self._path)):
            return StorageBroken(message)
        return Unreachable(message)


def file_system_of(place: Path, mounts: Path = _MOUNTS) -> str:
    """Return the type of the file system that a place is on, empty where nobody can tell (proc(5), mountinfo)."""
    try:
        device = place.stat().st_dev
        wanted = f"{os.major(device)}:{os.minor(device)}"
        for line in mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
            left, _, right = line.partition(" - ")
            if left.split(" ")[2:3] == [wanted]:
                return right.split(" ", 1)[0]
    except OSError:
        return ""
    return ""


def kind_of(mode: int) -> Phrase:
    """Return what something is that is no regular file."""
    if stat.S_ISLNK(mode):
        return fact("odd-symlink", "a symlink")
    if stat.S_ISFIFO(mode):
        return fact("odd-pipe", "a named pipe")
    if stat.S_ISSOCK(mode):
        return fact("odd-socket", "a socket")
    return fact("odd-folder-here", "a folder") if stat.S_ISDIR(mode) else fact("odd-device", "a device")


def _version(key: str, seen: os.stat_result) -> ObjectVersion:
    try:
        modified = datetime.fromtimestamp(seen.st_mtime, UTC)
    except (ValueError, OverflowError, OSError):  # outside the calendar, which says nothing about the bytes
        modified = _EPOCH
    return ObjectVersion(key=key, version="", size=seen.st_size, modified=modified, latest=True, marker=False)
