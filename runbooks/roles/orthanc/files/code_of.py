"""Tell code that came with a backup from software that is installed where drills run, and name it by its digest.

It runs inside the sandbox on the bare Python of the machine that drills (3.9 or later), and knows nothing of drp.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from pathlib import Path

LARGEST = 1 << 30
CHUNK = 1 << 20
PARTS = ("sbin", "bin", "share/orthanc/plugins", "lib/orthanc/plugins", "plugins", ".")


class Place:
    """Where Orthanc's own parts are, and where the backup is."""

    def __init__(self, software: str, restored: str, kept: Path) -> None:
        self.roots = list(dict.fromkeys([software, "/usr", "/usr/local"]))
        self.restored, self.kept = os.path.realpath(restored), kept
        """Where a trusted plugin is laid, once its digest is that of the application's file."""

    def folders(self) -> list[Path]:
        """Return where parts of Orthanc may be."""
        return [Path(root, part) for root in self.roots for part in PARTS]

    def is_software(self, path: str) -> bool:
        """Return whether a file, wherever links lead, is installed here and not part of the backup.

        Images that the application's file declares may be anywhere: nothing inside can write to them.
        """
        real = os.path.realpath(path)
        if is_below(real, self.restored):
            return False
        return any(is_below(real, os.path.realpath(root)) for root in self.roots) or is_fixed(real)

    def candidates(self, path: str) -> list[str]:
        """Return where a plugin of that name is software."""
        here = [path, *(str(folder / os.path.basename(path)) for folder in self.folders())]
        return [each for each in here if self.is_software(each)]


def is_fixed(path: str) -> bool:
    """Return whether nobody here can write where a file lies: what was restored lies where it can be written."""
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def is_below(path: str, folder: str) -> bool:
    """Return whether a path without links is a folder or lies in it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def digest_of(path: str) -> str:
    """Return ``sha256:`` and the digest of a file of code; empty: there is none that could be loaded."""
    try:
        return read(path, None)
    except OSError:
        return ""


def fetched(path: str, into: Path, digest: str) -> str:
    """Return a copy of a file whose digest is that one. What is loaded is what was compared. Raises OSError."""
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    copy = into / os.path.basename(path)
    copy.unlink(missing_ok=True)
    if read(path, copy) != digest:
        copy.unlink()
        raise OSError(errno.EBUSY, "changed while it was copied", path)
    return str(copy)


def read(path: str, copy: Path | None) -> str:
    """Return the digest of a regular file, and copy it. Raises OSError: also for what is too large to be code."""
    handle = os.open(os.path.realpath(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    digest, left = hashlib.sha256(), LARGEST
    with os.fdopen(handle, "rb") as stream, contextlib.ExitStack() as stack:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "is no regular file", path)
        made = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        writer = None if copy is None else stack.enter_context(os.fdopen(os.open(copy, made, 0o500), "wb"))
        while chunk := stream.read(CHUNK):
            left -= len(chunk)
            if left < 0:
                raise OSError(errno.EFBIG, f"is longer than {LARGEST} bytes", path)
            digest.update(chunk)
            if writer is not None:
                writer.write(chunk)
    return f"sha256:{digest.hexdigest()}"
