"""Messages between the coordinator and its workers: marshalled tuples over a pair of pipes, length first.

Both ends are the same program started together, so ``marshal`` is safe and fast; nothing from outside is read here.
"""

from __future__ import annotations

import marshal
import os
from typing import Any

SMALL = 1 << 15
"""A message up to this size always fits into an empty pipe: sending it cannot block."""
_HEAD = 4


class Channel:
    """One end of a connection."""

    def __init__(self, reading: int, writing: int) -> None:
        """Take the descriptors over."""
        self.reading, self.writing = reading, writing

    def send(self, message: tuple[Any, ...]) -> None:
        """Send a message. Raises ``OSError`` when the other end is gone."""
        self.send_encoded(encoded(message))

    def send_encoded(self, content: bytes) -> None:
        """Send a message that was encoded before. Raises ``OSError`` when the other end is gone."""
        left = memoryview(content)
        while left:
            left = left[os.write(self.writing, left) :]

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
            piece = os.read(self.reading, min(length, 1 << 20))
            if not piece:
                return b""
            pieces.append(piece)
            length -= len(piece)
        return b"".join(pieces)

    def close(self) -> None:
        """Close this end."""
        os.close(self.reading)
        os.close(self.writing)


def encoded(message: tuple[Any, ...]) -> bytes:
    """Return a message as it travels."""
    content = marshal.dumps(message)
    return len(content).to_bytes(_HEAD, "little") + content


def connection() -> tuple[Channel, Channel]:
    """Return the two ends of a new connection."""
    first, second = os.pipe(), os.pipe()
    return Channel(first[0], second[1]), Channel(second[0], first[1])
