"""What the program and its starter say to one another: frames of a letter, a length and bytes, on one socket.

No text travels, and nothing that needs a reader: object names are a letter and 32 bytes, reasons are one letter.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

LONGEST = 64 << 20
"""Bytes of one frame."""
ID = 32
"""Bytes of an object's name: its SHA-256."""
PART = 1 << 16
"""Names, of 32 bytes, that one frame of an answer carries at most."""

BEGIN, KEYS, INDEX, POINTS = b"b", b"k", b"i", b"p"
"""From the starter: begin; which keys, index files and snapshots there are."""
BYTES, ABSENT, LARGE = b"B", b"N", b"L"
"""From the starter: what was asked for, that it is not there, or that it is longer than a frame."""
READ, ALIVE, OPENED, PACKS, SOURCES, POINT, FAILED, DONE = b"R", b"A", b"O", b"P", b"S", b"E", b"F", b"D"
"""From the program: ask for bytes; how far it is; keys that the password opens; packs and index files of a point; the
end of a point; the end of all."""

_HEAD = struct.Struct("<cI")
LISTED = struct.Struct("<32sQ")
"""An index file, and its bytes."""
REQUEST = struct.Struct("<c32sQQ")
"""Folder, name, offset, length; length 0 is all of it."""
PROGRESS = struct.Struct("<cQQ")
"""Stage, how much is done, of how much."""
END = struct.Struct("<32scc32s")
"""Point, reason, and the object that is the reason; reason ``-`` is none."""

CONFIG, KEY, SNAPSHOT, INDEX_FILE, PACK, BLOB = b"c", b"k", b"s", b"i", b"d", b"t"
NO_REASON, IS_ABSENT, UNAUTHENTIC, OTHER_DIGEST, MALFORMED, UNINDEXED = b"-", b"a", b"u", b"o", b"m", b"n"
WRONG_PASSWORD, NO_ROOM, NO_MEMORY, TOO_LARGE = b"w", b"r", b"y", b"l"
NOTHING = bytes(ID)


@dataclass(frozen=True, slots=True)
class Frame:
    """One thing that was said."""

    kind: bytes
    content: bytes


class Cut(Exception):
    """The other side is gone, or says what nobody says."""


def send(channel: socket.socket, kind: bytes, content: bytes | bytearray | memoryview = b"") -> None:
    """Say one thing. Raises ``OSError``."""
    channel.sendall(_HEAD.pack(kind, len(content)))
    if content:
        channel.sendall(content)


def send_names(channel: socket.socket, kind: bytes, names: bytes | bytearray) -> None:
    """Say as many names as there are."""
    for start in range(0, len(names), PART * ID):
        send(channel, kind, memoryview(names)[start : start + PART * ID])


def receive(channel: socket.socket) -> Frame:
    """Return the next thing that is said. Raises ``Cut``, ``TimeoutError``, ``OSError``."""
    kind, length = _HEAD.unpack(_exactly(channel, _HEAD.size))
    if length > LONGEST:
        raise Cut
    return Frame(kind, _exactly(channel, length))


def _exactly(channel: socket.socket, length: int) -> bytes:
    content = bytearray(length)
    view, done = memoryview(content), 0
    while done < length:
        got = channel.recv_into(view[done:])
        if not got:
            raise Cut
        done += got
    return bytes(content)
