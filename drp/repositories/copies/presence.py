"""Whether a path is in a dated folder, without following a link on the way."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from drp.domain.phrase import say
from drp.domain.repository import Location, S3Location
from drp.errors import RepositoryError

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def folder_of(location: Location) -> Path:
    """Return where dated folders lie on this machine. Raises ``RepositoryError`` for a bucket, which has none."""
    if isinstance(location, S3Location):
        raise RepositoryError(say("dated folders lie in a directory or on a medium, not in a bucket"))
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


def first_name(folder: Path, below: str) -> str | None:
    """Return a name of what is in the folder ``below``, None when nothing is. Raises ``OSError``; follows no link."""
    at = os.open(folder, _FLAGS)
    try:
        for part in below.split("/") if below != "." else ():
            deeper = os.open(part, _FLAGS, dir_fd=at)
            os.close(at)
            at = deeper
        with os.scandir(at) as entries:
            return next((entry.name for entry in entries), None)
    finally:
        os.close(at)
