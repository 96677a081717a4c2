"""Walks a folder without following a link, and tells whether it is the same at two moments."""

from __future__ import annotations

import hashlib
import os
import stat
from bisect import bisect_left
from typing import Container, Iterator, List, NamedTuple

from copy_words import Said

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
DEEPEST = 900


class Entry(NamedTuple):
    """One name in the tree; a folder comes twice, before what is in it and after."""

    path: bytes
    parent: int
    facts: os.stat_result
    folder: int
    left: bool


class Others:
    """Everything but some files and the folders that they are in."""

    def __init__(self, leave: Container[bytes], only: List[bytes]) -> None:
        self._leave, self._only = leave, set(only)
        for path in only:
            parts = path.split(b"/")
            self._only.update(b"/".join(parts[:depth]) for depth in range(1, len(parts)))

    def __contains__(self, path: object) -> bool:
        return path not in self._only or path in self._leave


def entries(folder: int, path: bytes, said: Said, leave: Container[bytes], depth: int = 0) -> Iterator[Entry]:
    """Yield what is in a folder, and below; folders that cannot be opened are named and passed over."""
    deeper = []
    try:
        with os.scandir(folder) as names:
            for each in names:
                name = os.fsencode(each.name)
                below = path + b"/" + name if path else name
                if below in leave:
                    continue
                try:
                    facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
                except OSError as error:
                    said.unread(below, error)
                    continue
                if stat.S_ISDIR(facts.st_mode):
                    deeper.append((name, below))
                else:
                    yield Entry(below, folder, facts, -1, False)
    except OSError as error:
        said.unread(path, error)
    for name, below in sorted(deeper):
        if depth >= DEEPEST:
            said.error(below, "more than {} folders deep".format(DEEPEST))
            continue
        try:
            opened = os.open(name, FOLDER, dir_fd=folder)
        except OSError as error:
            said.unread(below, error)
            continue
        try:
            facts = os.fstat(opened)
            yield Entry(below, folder, facts, opened, False)
            yield from entries(opened, below, said, leave, depth + 1)
            yield Entry(below, folder, facts, opened, True)
        finally:
            os.close(opened)


def held(facts: os.stat_result) -> int:
    """Return the bytes that a file holds, without its holes: what is to be written of it."""
    return min(facts.st_size, facts.st_blocks * 512)


class Survey:
    """What is there at one moment: how much, and what tells whether it is the same at another."""

    def __init__(self, folder: int, leave: Container[bytes]) -> None:
        self.files = self.size = self.sum = 0
        self.changes: List[int] = []
        linked: List[int] = []
        silent = Said(silent=True)  # what cannot be read is named when it is copied
        for entry in entries(folder, b"", silent, leave):
            if entry.left:
                continue
            facts = entry.facts
            self.sum += mark(entry.path, facts, [facts.st_mode, facts.st_uid, facts.st_gid, facts.st_ino])
            if stat.S_ISREG(facts.st_mode):
                self.files += 1
                self.size += held(facts)
                self.changes.append(mark(entry.path, facts, [facts.st_ctime_ns]))
            if entry.folder < 0 and facts.st_nlink > 1:
                linked.append(facts.st_ino)
        self.changes.sort()
        linked.sort()
        self.doubles = {one for place, one in enumerate(linked[1:]) if one == linked[place]}

    def knows(self, path: bytes, facts: os.stat_result) -> bool:
        """Return whether nothing at all was done to a file since, as its file system says."""
        wanted = mark(path, facts, [facts.st_ctime_ns])
        place = bisect_left(self.changes, wanted)
        return place < len(self.changes) and self.changes[place] == wanted


def mark(path: bytes, facts: os.stat_result, more: List[int]) -> int:
    # the size of a folder, and its links, change while nothing in it does
    size = 0 if stat.S_ISDIR(facts.st_mode) else facts.st_size
    said = repr((path, size, facts.st_mtime_ns, more)).encode()
    return int.from_bytes(hashlib.blake2b(said, digest_size=8).digest(), "big")
