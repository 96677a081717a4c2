"""Copy one dated folder into the restored tree, with all that its file system keeps of it. Runs in the restore cell.

Standard library only, for the host's oldest Python. Nothing is written but below the target; no link is followed; what
could not be read is named. Every message is one line of JSON, names escaped: nobody's file name is a message.
"""

from __future__ import annotations

import argparse
import base64
import errno
import os
import stat
import sys
from contextlib import suppress
from typing import Any, Container, Iterator

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from copy_pace import Pace
from copy_walk import FOLDER, Entry, Others, Survey, entries, held
from copy_words import Said, Stop, say, shown

PIECE = 1 << 20
FULL = {errno.ENOSPC, errno.EDQUOT}
HARNESS = FULL | {errno.EXDEV, errno.EEXIST}
"""No room, links from one data volume to another, a volume where the backup has no folder: never the backup's."""


class Copy:
    """One folder on its way into the restored tree."""

    def __init__(self, source: int, top: bytes, said: Said, leave: Container[bytes], most: int = 0) -> None:
        self._pace = Pace(most, said.progress)
        self._source, self._said, self._leave, self._top = source, said, leave, top
        self._targets = [os.open(top, FOLDER)]
        self._first: dict[tuple[int, int], bytes] = {}
        self.before = Survey(source, leave)
        said.counts.update(total_files=self.before.files, total_bytes=self.before.size)

    def run(self) -> None:
        for entry in entries(self._source, b"", self._said, self._leave):
            if entry.left:
                self._attributes(entry.path, entry.facts, entry.folder, self._targets.pop())
            elif entry.folder >= 0:
                name = os.path.basename(entry.path)
                with suppress(FileExistsError):  # a folder that has a volume of its own, or leads there
                    os.mkdir(name, 0o700, dir_fd=self._targets[-1])
                self._targets.append(os.open(name, FOLDER, dir_fd=self._targets[-1]))
            else:
                self._other(entry)
        facts, target = os.fstat(self._source), os.dup(self._targets[0])
        self._attributes(b"", facts, self._source, target)

    def _other(self, entry: Entry) -> None:
        facts, name = entry.facts, os.path.basename(entry.path)
        key = (facts.st_dev, facts.st_ino)
        if facts.st_nlink > 1 and facts.st_ino in self.before.doubles:
            if key in self._first and self._link(self._first[key], name):
                self._said.progress(files=int(stat.S_ISREG(facts.st_mode)), size=held(facts))
                return
            self._first.setdefault(key, entry.path)
        try:
            if stat.S_ISREG(facts.st_mode):
                self._file(entry, name)
            elif stat.S_ISLNK(facts.st_mode):
                os.symlink(os.readlink(name, dir_fd=entry.parent), name, dir_fd=self._targets[-1])
                self._owner(entry.path, facts, name, self._targets[-1])
                times = (facts.st_atime_ns, facts.st_mtime_ns)
                os.utime(name, ns=times, dir_fd=self._targets[-1], follow_symlinks=False)
            else:
                self._special(entry, name)
        except OSError as error:
            if error.errno in HARNESS:
                raise
            self._said.unread(entry.path, error)

    def _link(self, first: bytes, name: bytes) -> bool:
        at = os.dup(self._targets[0])
        try:
            for part in first.split(b"/")[:-1]:
                deeper = os.open(part, FOLDER, dir_fd=at)
                os.close(at)
                at = deeper
            os.link(os.path.basename(first), name, src_dir_fd=at, dst_dir_fd=self._targets[-1], follow_symlinks=False)
        except OSError as error:
            if error.errno in HARNESS:
                raise
            return False
        finally:
            os.close(at)
        return True

    def _special(self, entry: Entry, name: bytes) -> None:
        """Make a pipe, a socket or a device; the last one no sandbox may."""
        try:
            os.mknod(name, entry.facts.st_mode, entry.facts.st_rdev, dir_fd=self._targets[-1])
        except OSError as error:
            if error.errno in FULL:
                raise
            self._said.refuse(entry.path, "a special file cannot be made", error)
            return
        self._owner(entry.path, entry.facts, name, self._targets[-1])
        os.chmod(name, stat.S_IMODE(entry.facts.st_mode), dir_fd=self._targets[-1])
        times = (entry.facts.st_atime_ns, entry.facts.st_mtime_ns)
        os.utime(name, ns=times, dir_fd=self._targets[-1], follow_symlinks=False)

    def _file(self, entry: Entry, name: bytes) -> None:
        source = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=entry.parent)
        try:
            facts = os.fstat(source)
            if not stat.S_ISREG(facts.st_mode):
                self._said.error(entry.path, "is no regular file any more", "changed")
                return
            target = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=self._targets[-1])
            try:
                self._content(source, target, facts.st_size)
            except OSError:
                os.close(target)
                raise
            self._said.progress(files=1)
            self._attributes(entry.path, facts, source, target)
        finally:
            os.close(source)

    def _content(self, source: int, target: int, size: int) -> None:
        """Copy what is data, and leave the holes; whoever reads must come to the end that the file has now."""
        for begin, end in stretches(source, size):
            os.lseek(source, begin, os.SEEK_SET)
            os.lseek(target, begin, os.SEEK_SET)
            at = begin
            while at < end:
                piece = os.read(source, self._pace.piece(min(PIECE, end - at)))
                if not piece:
                    break
                self._pace.took(len(piece))
                write_all(target, piece)
                at += len(piece)
                self._said.progress(size=len(piece))
        if os.fstat(target).st_size != size:
            os.ftruncate(target, size)

    def _owner(self, path: bytes, facts: os.stat_result, name: Any, at: Any = None) -> None:
        try:
            if at is None:
                os.chown(name, facts.st_uid, facts.st_gid)
            else:
                os.chown(name, facts.st_uid, facts.st_gid, dir_fd=at, follow_symlinks=False)
        except OSError as error:
            self._said.refuse(path, "its owner cannot be given", error)

    def _attributes(self, path: bytes, facts: os.stat_result, source: int, target: int) -> None:
        """Give a file or folder all that belongs to it, and close it; times come last."""
        try:
            self._owner(path, facts, target)
            os.fchmod(target, stat.S_IMODE(facts.st_mode))
            self._extended(path, source, target)
            os.utime(target, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        finally:
            os.close(target)

    def _extended(self, path: bytes, source: int, target: int) -> None:
        try:
            names = os.listxattr(source)
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:
                self._said.unread(path, error)
            return
        for name in names:
            try:
                value = os.getxattr(source, name)
            except OSError as error:
                self._said.error(path, "attribute {}: {}".format(name[:100], os.strerror(error.errno or 0)), "changed")
                continue
            try:
                os.setxattr(target, name, value)
            except OSError as error:
                self._said.refuse(path, "attribute {} cannot be given".format(name[:100]), error)

    def compare(self) -> None:
        """Find out whether the folder is still what it was: read again what somebody touched meanwhile.

        Links that come and go, as those of a rotation do, touch a file and leave it as it is.
        """
        after = Survey(self._source, self._leave)
        if after.sum != self.before.sum:
            raise Stop("changed", "it changed while it was read")
        if after.changes == self.before.changes:
            return
        for entry in entries(self._source, b"", Said(silent=True), self._leave):
            if stat.S_ISREG(entry.facts.st_mode) and not self.before.knows(entry.path, entry.facts):
                self._same(entry)

    def _same(self, entry: Entry) -> None:
        source = os.open(os.path.basename(entry.path), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=entry.parent)
        target = os.open(self._top + b"/" + entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            while True:
                piece = os.read(source, self._pace.piece(PIECE))
                self._pace.took(len(piece))
                if piece != os.read(target, len(piece) or PIECE):
                    raise Stop("changed", "{} changed while it was read".format(shown(entry.path)))
                if not piece:
                    return
        finally:
            os.close(source)
            os.close(target)


def stretches(source: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield where a file holds data; all of it where its file system does not say."""
    at = 0
    while at < size:
        try:
            begin = os.lseek(source, at, os.SEEK_DATA)
            end = min(size, os.lseek(source, begin, os.SEEK_HOLE))
        except OSError as error:
            if error.errno != errno.ENXIO:
                yield at, size
            return
        if begin < size:
            yield begin, end
        at = max(end, at + 1)


def write_all(target: int, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[os.write(target, view) :]


def opened(source: str, below: str, identity: str) -> int:
    """Return the folder to copy, being sure that it is the one that was chosen."""
    try:
        at = os.open(source, FOLDER)
        facts = os.fstat(at)
        if "{}:{}".format(facts.st_dev, facts.st_ino) != identity:
            raise Stop("gone", "another folder stands where the chosen one was")
        for part in below.split("/"):
            deeper = os.open(part, FOLDER, dir_fd=at)
            os.close(at)
            at = deeper
        return at
    except PermissionError as error:
        raise Stop("denied", "{}: {}".format(below, os.strerror(error.errno or 0))) from None
    except OSError as error:
        raise Stop("gone", "{}: {}".format(below, os.strerror(error.errno or 0))) from None


def carry_out(options: argparse.Namespace, said: Said) -> None:
    """Copy, and tell how it ends."""
    leave = frozenset(map(os.fsencode, options.leave))  # type: Container[bytes]
    if options.only:
        leave = Others(leave, [base64.b64decode(each, validate=True) for each in options.only])
    source = opened(options.source, options.below, options.identity)
    top = os.fsencode(os.path.normpath(options.target + "/" + options.root))
    try:
        os.makedirs(top, exist_ok=True)
        copy = Copy(source, top, said, leave, options.bytes_per_second)
        copy.run()
    except OSError as error:
        if error.errno in FULL:
            raise Stop("full", os.strerror(error.errno)) from None
        raise Stop("here", "{}: {}".format(error.filename, os.strerror(error.errno or 0))) from None
    try:
        copy.compare()
    except OSError as error:
        raise Stop("changed", "it could not be read again: {}".format(os.strerror(error.errno or 0))) from None


def main() -> int:
    parser = argparse.ArgumentParser()
    for name in ("source", "below", "identity", "target", "root"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--leave", action="append", default=[])
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--bytes-per-second", type=int, default=0)
    said = Said()
    sys.setrecursionlimit(10_000)  # a level of folders takes one of Python's
    try:
        carry_out(parser.parse_args(), said)
    except Stop as stop:
        said.errors += 1
        said.reason, said.why = said.reason or stop.reason, said.why or str(stop)
    counts = {"bytes_restored": said.counts["done_bytes"], "files_restored": said.counts["done_files"]}
    say("summary", errors=said.errors, cannot_be_made=said.refused, **counts)
    if said.errors:
        say("end", reason=said.reason or "unreadable", message=said.why or "not all was restored", errors=said.errors)
    return 1 if said.errors else 0


if __name__ == "__main__":
    sys.exit(main())
