"""Files that are whole or absent: write beside, fsync, rename, fsync the directory."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from drp.domain.phrase import say
from drp.errors import StorageFull

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_RIGHT = {errno.EROFS, errno.EACCES, errno.EPERM}
_HINT_RIGHT = "run drp as the user who may write there, or let this one"


@contextmanager
def storage_errors(path: Path | str) -> Iterator[None]:
    """Turn 'no space', 'read-only' and 'not permitted' on ``path`` into StorageFull; let other errors through."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM | _NO_RIGHT:
            hint = _HINT_RIGHT if error.errno in _NO_RIGHT else None
            raise StorageFull(
                say("cannot write {path}: {why}", path=path, why=os.strerror(error.errno or 0)), hint=hint
            ) from error
        raise


@contextmanager
def atomic_writer(
    path: Path, *, mode: int = 0o640, exclusive: bool = False, owner: tuple[int, int] | None = None
) -> Iterator[IO[bytes]]:
    """Yield a binary file that becomes ``path`` when the block ends well, and leaves nothing when it does not.

    ``exclusive``: raise FileExistsError instead of replacing; ``owner``: user and group it shall belong to. Raises
    StorageFull when there is no room.
    """
    with storage_errors(path):
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                yield stream
                stream.flush()
                if owner is not None:  # here, and not by its name, which may be another file's by then
                    os.fchown(stream.fileno(), *owner)
                os.fchmod(stream.fileno(), mode)
                os.fsync(stream.fileno())
            if exclusive:
                path.hardlink_to(temporary)
                temporary.unlink()
            else:
                temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_directory(path.parent)


def write_atomically(
    path: Path, content: bytes, *, mode: int = 0o640, exclusive: bool = False, owner: tuple[int, int] | None = None
) -> None:
    """Write ``content`` to ``path``, whole or not at all."""
    with atomic_writer(path, mode=mode, exclusive=exclusive, owner=owner) as stream:
        stream.write(content)


def make_folder(folder: Path) -> None:
    """Make a folder, and what is missing above it, closed to all but their owner and group, whatever the umask.

    What is there stays as it was set. Raises ``OSError``.
    """
    for missing in reversed([each for each in (folder, *folder.parents) if not each.exists()]):
        missing.mkdir(mode=0o750, exist_ok=True)


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
