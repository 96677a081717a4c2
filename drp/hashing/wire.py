"""Messages between the coordinator and its workers: marshalled tuples over a stream socket, length first.

Both ends are the same program started together, so ``marshal`` is safe and fast; nothing from outside is read here.
"""

from __future__ import annotations

import marshal
import socket
from typing import Any

SMALL = 1 << 15
"""A message up to this size always fits into the empty buffer of a socket: sending it cannot block."""
_HEAD = 4


class Channel:
    """One end of a connection."""

    def __init__(self, connection: socket.socket) -> None:
        """Take the socket over."""
        self.connection = connection

    def fileno(self) -> int:
        """Return the descriptor, for poll."""
        return self.connection.fileno()

    def send(self, message: tuple[Any, ...]) -> int:
        """Send a message; return its size. Raises ``OSError`` when the other end is gone."""
        content = marshal.dumps(message)
        self.connection.sendall(len(content).to_bytes(_HEAD, "little") + content)
        return len(content)

    def receive(self) -> tuple[Any, ...] | None:
        """Return the next message, or None when the other end is gone."""
        head = self._exactly(_HEAD)
        content = self._exactly(int.from_bytes(head, "little")) if head else b""
        if not content:
            return None
        message: tuple[Any, ...] = marshal.loads(content)  # noqa: S302 - see the module docstring
        return message

    def _exactly(self, length: int) -> bytes:
        pieces = []
        while length:
            try:
                piece = self.connection.recv(min(length, 1 << 20), socket.MSG_WAITALL)
            except ConnectionResetError:
                return b""
            if not piece:
                return b""
            pieces.append(piece)
            length -= len(piece)
        return b"".join(pieces)

    def close(self) -> None:
        """Close this end."""
        self.connection.close()
