"""Remembers which tasks of a verification are done, so that it can go on after ``kill -9``.

An append-only file: a header that names manifest, tree and options, then one record for each finished task with all
that came of it, each with its length and CRC-32. A torn last record is ignored. It is synchronised every two seconds:
at worst the work of two seconds is done again. The file is private to its owner, like everything it speaks of.
"""

from __future__ import annotations

import json
import marshal
import os
import stat
import sys
import time
import zlib
from pathlib import Path
from typing import Any

from drp.domain.phrase import say
from drp.errors import UsageError

_HEAD = 8
_SYNC_SECONDS = 2.0
_MAGIC = b"drp-checkpoint 1\n"


class Checkpoint:
    """The finished tasks of one verification."""

    def __init__(self, path: Path, about: dict[str, Any]) -> None:
        """Open or create the file; ``about`` is what the verification is about, and must be the same on going on.

        Raises ``UsageError`` when the file is about something else or is not private, ``OSError``.
        """
        self._path = path
        header = _MAGIC + json.dumps({**about, "python": sys.version}, sort_keys=True).encode() + b"\n"
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, 0o600)
        self.done: dict[str, Any] = {}
        try:
            self._read(header)
        except BaseException:
            os.close(self._descriptor)
            raise
        self._synced = time.monotonic()

    def _read(self, header: bytes) -> None:
        seen = os.fstat(self._descriptor)
        if not stat.S_ISREG(seen.st_mode) or seen.st_uid != os.geteuid() or seen.st_mode & 0o022:
            raise UsageError(
                say("the checkpoint {path} is not a private file of yours", path=self._path), hint="name another file"
            )
        content = os.pread(self._descriptor, seen.st_size, 0)
        if not content:
            os.pwrite(self._descriptor, header, 0)
            self._end = len(header)
            return
        if not content.startswith(header):
            raise UsageError(
                say("the checkpoint {path} is about another verification", path=self._path),
                hint="remove it, or name another file",
            )
        at = len(header)
        while (record := _record(content, at)) is not None:
            key, outcome = marshal.loads(record)  # noqa: S302 - a private file, see the module docstring
            self.done[key] = outcome
            at += _HEAD + len(record)
        os.ftruncate(self._descriptor, at)
        self._end = at

    def add(self, key: str, outcome: tuple[Any, ...]) -> None:
        """Remember a finished task and what came of it."""
        content = marshal.dumps((key, outcome))
        record = len(content).to_bytes(4, "little") + zlib.crc32(content).to_bytes(4, "little") + content
        os.pwrite(self._descriptor, record, self._end)
        self._end += len(record)
        if time.monotonic() - self._synced > _SYNC_SECONDS:
            os.fdatasync(self._descriptor)
            self._synced = time.monotonic()

    def close(self, *, finished: bool) -> None:
        """Close the file; remove it when there is nothing left to go on with."""
        os.close(self._descriptor)
        if finished:
            self._path.unlink(missing_ok=True)


def _record(content: bytes, at: int) -> bytes | None:
    """Return the record at an offset, None at the end or where it is torn."""
    head = content[at : at + _HEAD]
    if len(head) < _HEAD:
        return None
    record = content[at + _HEAD : at + _HEAD + int.from_bytes(head[:4], "little")]
    whole = len(record) == int.from_bytes(head[:4], "little") and zlib.crc32(record) == int.from_bytes(
        head[4:], "little"
    )
    return record if whole else None
