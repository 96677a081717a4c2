"""Which ports of a sandbox's network are in use: the kernel's tables, opened in its namespace, read from outside."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress

_LISTENING, _UNCONNECTED = "0A", "07"
_MOST_BYTES = 4 << 20
_FRESH_SECONDS = 0.02


class SocketTables:
    """Open files /proc/net/{tcp,tcp6,udp,udp6} of one namespace; none are in use where none was opened."""

    def __init__(self, descriptors: Iterable[int] = ()) -> None:
        """Take the descriptors over, in that order."""
        self._descriptors = list(descriptors)
        self._waiting: frozenset[tuple[bytes, int]] = frozenset()
        self._stale_at = 0.0

    def close(self) -> None:
        """Close them; safe to call again."""
        while self._descriptors:
            os.close(self._descriptors.pop())

    def listening(self) -> frozenset[int]:
        """Return the ports that something listens on, TCP or UDP."""
        rows = (row for index in range(len(self._descriptors)) for row in self._rows(index))
        return frozenset(port for _, port, state in rows if state in {_LISTENING, _UNCONNECTED})

    def takes_datagrams(self, destination: bytes, port: int) -> bool:
        """Return whether a UDP socket waits for what is sent to the (packed) address."""
        if time.monotonic() > self._stale_at:  # a flood of datagrams must not become a flood of readings
            rows = (row for index in (2, 3) for row in self._rows(index))
            self._waiting = frozenset((address, bound) for address, bound, state in rows if state == _UNCONNECTED)
            self._stale_at = time.monotonic() + _FRESH_SECONDS
        mapped = bytes(10) + b"\xff\xff" + destination
        return any((address, port) in self._waiting for address in (bytes(4), bytes(16), destination, mapped))

    def _rows(self, index: int) -> Iterator[tuple[bytes, int, str]]:
        """Yield local address, port and state of each socket."""
        for line in self._text(index).splitlines()[1:]:
            with suppress(ValueError, IndexError):
                fields = line.split()
                address, _, port = fields[1].partition(":")
                raw = bytes.fromhex(address)
                words = struct.unpack(f"{len(raw) // 4}I", raw)  # printed word by word, as this machine reads them
                yield struct.pack(f">{len(words)}I", *words), int(port, 16), fields[3]

    def _text(self, index: int) -> str:
        if index >= len(self._descriptors):
            return ""
        content, position = bytearray(), 0
        while len(content) < _MOST_BYTES:
            part = os.pread(self._descriptors[index], 1 << 16, position)
            if not part:
                break
            content += part
            position += len(part)
        return content.decode("ascii", "replace")
