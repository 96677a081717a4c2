"""Digests of open files: the buffer they are read into, the algorithms, and the long way for what is not simple.

The simple case (a small file, one read) lives inline in `observe`, where every function call counts. Here: large
files, sparse files, files that change under the reader. Reading is by ``readv`` into one page-aligned buffer, never
by mmap: a media error or a truncation must be an errno, not a SIGBUS.
"""

from __future__ import annotations

import errno
import hashlib
import mmap
import os
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from drp.domain.phrase import say
from drp.errors import ManifestError

try:
    from blake3 import blake3
except ImportError:  # a host that has only Python: SHA-256 still works there
    blake3 = None  # type: ignore[assignment,misc]

BUFFER = 1 << 20
LARGE_BUFFER = 8 << 20
_ZEROS = memoryview(mmap.mmap(-1, BUFFER))
_SEQUENTIAL = os.POSIX_FADV_SEQUENTIAL


class Gate(Protocol):
    """What a reader passes: keeps to rate caps, waits while paused, raises when stopped; hears of slow files."""

    def __call__(self, size: int, /) -> None:
        """Account for bytes just read."""
        ...

    def slow(self, name: bytes, seconds: float, size: int) -> None:
        """Hear how long a large file took."""
        ...


def constructors(algorithms: Sequence[str]) -> list[Callable[..., Any]]:
    """Return one constructor for each algorithm. Raises ``ManifestError`` when one is not to be had here."""
    result: list[Callable[..., Any]] = []
    for name in algorithms:
        if name == "blake3" and blake3 is not None:
            result.append(blake3)
        elif name == "sha256":
            result.append(hashlib.sha256)
        else:
            raise ManifestError(
                say("this Python cannot compute {name}", name=name),
                hint="install the blake3 wheel, or use a manifest with sha256",
            )
    return result


class FileDigester:
    """Reads open files to their end and digests them; owns the buffers of one worker."""

    def __init__(self, algorithms: Sequence[str], gate: Gate, *, direct: bool = False) -> None:
        """``direct``: descriptors come with O_DIRECT, so holes are read like the rest."""
        self.makers = constructors(algorithms)
        self.gate = gate
        self.size = 32 * len(algorithms)
        self.zero = bytes(self.size)
        self.buffer = memoryview(mmap.mmap(-1, BUFFER))
        self._large: memoryview | None = None
        self._algorithms = tuple(algorithms)
        self._direct = direct

    def large_buffer(self) -> memoryview:
        """Return the buffer for large files, made when first needed."""
        if self._large is None:
            self._large = memoryview(mmap.mmap(-1, LARGE_BUFFER))
        return self._large

    def whole(self, descriptor: int, size: int, blocks: int, *, spread: bool = False) -> tuple[int, bytes]:
        """Return how many bytes a file holds from its start, and their digests; ``size`` and ``blocks`` as fstat said.

        Of a file that has grown meanwhile, a little more than ``size`` is read: the caller sees that it changed.

        ``spread``: let BLAKE3 use idle cores too, by its own tree mode; it costs a fifth more CPU.

        Raises ``OSError``, and whatever the gate raises.
        """
        hashers = self._hashers(threaded=spread)
        os.lseek(descriptor, 0, os.SEEK_SET)
        if blocks * 512 < size and not self._direct:
            count = self._sparse(descriptor, size, hashers)
        else:
            buffer = self.large_buffer() if spread else self.buffer
            # more than it held: a file that grows as fast as it is read has no end. Whole buffers, as O_DIRECT wants.
            count = self._read(descriptor, hashers, buffer, (size // BUFFER + 2) * BUFFER)
        return count, b"".join(hasher.digest() for hasher in hashers)

    def _hashers(self, *, threaded: bool) -> list[Any]:
        if not threaded:
            return [make() for make in self.makers]
        return [
            make(max_threads=make.AUTO) if name == "blake3" else make()  # type: ignore[attr-defined]
            for name, make in zip(self._algorithms, self.makers, strict=True)
        ]

    def _read(self, descriptor: int, hashers: list[Any], buffer: memoryview, limit: int) -> int:
        """Digest from the current position to the end, at most ``limit`` bytes."""
        count, buffers = 0, [buffer]
        while count < limit:
            if limit - count < len(buffer):
                buffers = [buffer[: limit - count]]
            got = os.readv(descriptor, buffers)
            if not got:
                break
            piece = buffer[:got]
            for hasher in hashers:
                hasher.update(piece)
            count += got
            self.gate(got)
        return count

    def _sparse(self, descriptor: int, size: int, hashers: list[Any]) -> int:
        """Digest a file with holes: holes are not read, they are known to be zeros (lseek(2), SEEK_DATA)."""
        position = 0
        while position < size:
            try:
                data = os.lseek(descriptor, position, os.SEEK_DATA)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                data = size
            data = min(data, size)
            self._zeros(data - position, hashers)
            if data >= size:
                return size
            hole = os.lseek(descriptor, data, os.SEEK_HOLE)
            os.lseek(descriptor, data, os.SEEK_SET)
            got = self._read(descriptor, hashers, self.buffer, hole - data)
            position = data + got
            if got < hole - data:
                return position
        return position

    def _zeros(self, length: int, hashers: list[Any]) -> None:
        while length > 0:
            piece = _ZEROS[:length]
            for hasher in hashers:
                hasher.update(piece)
            length -= len(piece)
            self.gate(0)
