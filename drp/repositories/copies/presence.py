"""Whether a path is in a dated folder, without following a link on the way."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from drp.domain.phrase import NOTHING, Phrase, say
from drp.domain.repository import Location
from drp.domain.repository_port import absent, empty_folder, no_folder
from drp.errors import RepositoryError

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def folder_of(location: Location) -> Path:
    """Return where dated folders lie on this machine. Raises ``RepositoryError`` for a place that is no folder."""
    if location.folder is None:
        raise RepositoryError(say("dated folders lie in a directory or on a medium, and not elsewhere"))
    return location.folder


def is_there(folder: Path, below: str) -> bool:
    """Return whether there is a folder ``below``; links on the way do not count. What is closed to us counts.

    Raises ``OSError`` where nobody can tell.
    """
    at = os.open(folder, _FLAGS)
    try:
        for part in below.split("/"):
            try:
                deeper = os.open(part, _FLAGS, dir_fd=at)
            except PermissionError:  # the restore says it, with its name
                return True
            except (FileNotFoundError, NotADirectoryError):
                return False
            except OSError as error:
                if error.errno == errno.ELOOP:  # a link
                    return False
                raise
            os.close(at)
            at = deeper
        return True
    finally:
        os.close(at)


def folder_names(folder: Path) -> list[str]:
    """Return the names of the folders in a folder, sorted. Raises ``OSError``; a link is none."""
    at = os.open(folder, _FLAGS)
    try:
        with os.scandir(at) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    finally:
        os.close(at)


def lacking_at(folder: Path, below: str, shown: str) -> Phrase:
    """Return why nothing can be restored of a folder ``below``, which people call ``shown``; nothing: something can.

    No link on the way is followed. Raises ``OSError`` where nobody can tell.
    """
    at = os.open(folder, _FLAGS)
    try:
        names = [name for name in below.split("/") if name != "."]
        for count, name in enumerate(names, 1):
            said = "/".join(shown.split("/")[: count - len(names) or None])
            try:
                kind = os.stat(name, dir_fd=at, follow_symlinks=False).st_mode
            except FileNotFoundError:
                return absent(said)
            if not stat.S_ISDIR(kind):
                return no_folder(said, "symlink" if stat.S_ISLNK(kind) else "file")
            deeper = os.open(name, _FLAGS, dir_fd=at)
            os.close(at)
            at = deeper
        with os.scandir(at) as entries:
            return NOTHING if any(True for _ in entries) else empty_folder(shown)
    finally:
        os.close(at)


def size_below(folder: Path) -> int | None:
    """Return the bytes of all files below a folder; None: not all of it can be looked at."""
    total, denied = 0, list[OSError]()
    seen: set[tuple[int, int]] = set()
    for place, _, names in os.walk(folder, onerror=denied.append):
        for name in names:
            try:
                facts = (Path(place) / name).lstat()
            except OSError:
                return None
            if stat.S_ISREG(facts.st_mode) and (facts.st_dev, facts.st_ino) not in seen:
                total += facts.st_size
                if facts.st_nlink > 1:
                    seen.add((facts.st_dev, facts.st_ino))
    return None if denied else total
