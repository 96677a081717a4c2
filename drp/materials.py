"""Digests of the files and programs that a recovery uses: with others than its plan declared, a drill does not go on.

A file is read again only when its inode, size or times changed, so that asking before every phase costs little.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

_UNUSED = {"__pycache__", ".git"}
_PIECE = 1 << 20
_PUT_BACK = " put back"
"""What a file held between two looks, and what used it then, nobody knows."""
Signature = tuple[int, int, int, int, int]
"""Device, inode, size, and the times of the last change of content and of anything."""


class FileDigests:
    """SHA-256 of files and trees, hex; remembered for as long as a file is the same one, unchanged."""

    def __init__(self) -> None:
        """Begin with nothing remembered."""
        self._files: dict[str, tuple[Signature, str]] = {}

    def file(self, path: Path) -> str:
        """Return the digest of a file's content; in words, why there is none.

        One that was written since it was read first, and holds the same again, has a word to its digest: for a while it
        may have been another.
        """
        try:
            seen = path.stat()
        except OSError as error:
            return os.strerror(error.errno or 0)
        return self._digest(str(path), seen) if stat.S_ISREG(seen.st_mode) else "no file"

    def below(self, root: Path) -> dict[str, str]:
        """Return the digest of every file below a folder, by its path from there."""
        return {name: self._digest(path, seen) for name, path, seen in files_below(str(root))}

    def tree(self, *roots: Path) -> str:
        """Return one digest of the files that the roots are, or that are below them, by their names."""
        digest = hashlib.sha256()
        for root in roots:
            found = self.below(root) if root.is_dir() else {"": self.file(root)}
            for name, known in found.items():
                digest.update(f"{known}  {root.name}/{name}\n".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def _digest(self, path: str, seen: os.stat_result) -> str:
        known = self._files.get(path)
        if known is not None and known[0] == _signature(seen):
            return known[1]
        try:
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb", buffering=0) as stream:
                signature = _signature(os.fstat(stream.fileno()))
                digest = hashlib.sha256()
                while piece := stream.read(_PIECE):
                    digest.update(piece)
        except OSError as error:
            return os.strerror(error.errno or 0)
        known_as = digest.hexdigest()
        if known is not None and known[1].startswith(known_as):
            written = _written(known[0]) != _written(signature)
            known_as = known_as + _PUT_BACK if written else known[1]
        self._files[path] = signature, known_as
        return known_as


def _written(signature: Signature) -> tuple[int, ...]:
    """Return what changes when a file is written or replaced, and not when it is linked, read or handed over."""
    device, inode, size, modified, _ = signature
    return device, inode, size, modified


def _signature(seen: os.stat_result) -> Signature:
    return seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns


def files_below(
    root: str, prefix: str = "", above: frozenset[tuple[int, int]] = frozenset()
) -> Iterator[tuple[str, str, os.stat_result]]:
    """Yield path from the root, path and status of every file that a program could read there, links followed.

    In the order of names, folder by folder. A folder that is not there or cannot be read has none.
    """
    try:
        with os.scandir(root) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.name in _UNUSED:
            continue
        try:
            seen = entry.stat()
        except OSError:
            continue  # a link to nowhere
        identity = (seen.st_dev, seen.st_ino)
        if stat.S_ISDIR(seen.st_mode) and identity not in above:  # a link may lead back up
            yield from files_below(entry.path, f"{prefix}{entry.name}/", above | {identity})
        elif stat.S_ISREG(seen.st_mode):
            yield f"{prefix}{entry.name}", entry.path, seen


def copy_used(source: Path, target: Path) -> None:
    """Copy a folder as a program would see it: the files that `files_below` names. Raises ``OSError``."""
    for name, path, _ in files_below(str(source)):
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, place)
