"""Where sealed evidence is deposited. A directory here: write-once, whole or absent, durable, named by its digest.

It keeps honest software from overwriting evidence; it does not stop an administrator of the machine.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from drp.atomic import storage_errors, sync_directory, write_atomically
from drp.domain.phrase import say
from drp.domain.ports import EvidenceSink, SinkReceipt
from drp.errors import EvidenceError, NotFound, NotReadable

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class DirectorySink:
    """The EvidenceSink port on a directory: ``<root>/<drill>/<name>``, read-only for everybody."""

    def __init__(self, root: Path) -> None:
        """Take the directory; it is made on first use."""
        self.root = root

    def put(self, drill: str, name: str, content: bytes) -> SinkReceipt:
        """Store content, durable when this returns.

        Putting the same bytes again gives the same receipt, so a drill that was killed between its deposit and the
        journal's word of it can be sealed again. Raises ``EvidenceError`` when other bytes are there already or a
        name is not a plain file name, ``StorageFull`` when there is no room.
        """
        path = self._path(drill, name)
        self._make_directory(path.parent)
        try:
            write_atomically(path, content, mode=0o440, exclusive=True)
        except FileExistsError:
            if path.is_symlink() or not path.is_file() or path.read_bytes() != content:
                raise EvidenceError(
                    say("{path} already holds other evidence, which is never overwritten", path=path),
                    hint="keep both: move the drill's folder aside as it is and find out who wrote it",
                ) from None
        return SinkReceipt(location=str(path), digest=hashlib.sha256(content).hexdigest())

    def get(self, drill: str, name: str) -> bytes:
        """Return what was stored. Raises ``NotFound``, ``NotReadable``."""
        path = self._path(drill, name)
        try:
            with _readable(path):
                return _content(path)
        except FileNotFoundError:
            raise NotFound(
                say("there is no {name} of drill {drill} in {root}", name=name, drill=drill, root=self.root),
                hint="list what exists with `drp evidence list`",
            ) from None

    def drills(self) -> tuple[str, ...]:
        """Return the ids of the drills that have evidence here, in name order. Raises ``NotReadable``."""
        return tuple(sorted(path.name for path in _listed(self.root) if _NAME.fullmatch(path.name)))

    def names(self, drill: str) -> tuple[str, ...]:
        """Return what is stored of a drill. Raises ``NotReadable``."""
        return tuple(sorted(path.name for path in _listed(self._path(drill, "any").parent)))

    def _path(self, drill: str, name: str) -> Path:
        for part in (drill, name):
            if not _NAME.fullmatch(part):
                raise EvidenceError(
                    say("{part} cannot name evidence", part=repr(part[:80])),
                    hint="use letters, digits, dot, dash and underscore, at most 128",
                )
        return self.root / drill / name

    def _make_directory(self, folder: Path) -> None:
        with storage_errors(folder):
            for directory in (*reversed(folder.parents), folder):
                if not directory.is_dir():
                    directory.mkdir(mode=0o750, exist_ok=True)
                    sync_directory(directory.parent)
        if folder.is_symlink():
            raise EvidenceError(
                say("{folder} is a symbolic link: evidence is not written to where others send it", folder=folder),
                hint="move it aside as it is and find out who made it",
            )


def _content(path: Path) -> bytes:
    """Return what a regular file holds, and never wait for what is none. Raises ``OSError``."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError(errno.EINVAL, "is no file")
        return stream.read()


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise NotReadable(
            say("cannot read evidence in {path}: {why}", path=path, why=error.strerror),
            hint="run this as the user who holds the drills, or let this one read the directory",
        ) from error


def _listed(directory: Path) -> list[Path]:
    """Return what is in a directory; nothing where it is absent or no directory."""
    try:
        with _readable(directory):
            return list(directory.iterdir()) if directory.is_dir() else []
    except FileNotFoundError:
        return []


class Copies:
    """The EvidenceSink port on several sinks: evidence is deposited when every one of them holds it."""

    def __init__(self, sinks: Sequence[EvidenceSink]) -> None:
        """Take at least one sink; the first one's receipt is the one that counts."""
        assert sinks, "evidence needs a place"
        self._sinks = tuple(sinks)

    def put(self, drill: str, name: str, content: bytes) -> SinkReceipt:
        """Store content everywhere; what a sink raises comes through, and putting again is harmless."""
        first, *_ = [sink.put(drill, name, content) for sink in self._sinks]
        return first
