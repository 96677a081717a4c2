"""Events of one file of a MariaDB binary log, each with its checksum. Reads the format, judges no sequence.

It runs inside the sandbox on the bare Python of the machine that drills (3.9 or later), and knows nothing of drp.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from client import Failure, Limit

MAGIC = b"\xfebin"
FIRST = 4
"""Where the first event begins."""
QUERY, STOP, ROTATE, FORMAT, XID, XA_PREPARE = 2, 3, 4, 15, 16, 38
GTID, GTID_LIST, ENCRYPTED, QUERY_COMPRESSED = 162, 163, 164, 165
HEADER = struct.Struct("<IBIIIH")
IN_USE, ARTIFICIAL = 0x1, 0x20
CHECKSUM = 4
KEPT = 1 << 16
CHUNK = 1 << 20
WRAP = 1 << 32
"""Positions are written in 32 bits; a file may be longer."""


@dataclass
class Event:
    """One event: when, what, by whom, where, and as much of its content as anybody needs."""

    at: int
    kind: int
    server: int
    start: int
    end: int
    head: bytes
    """Its content after the header, cut after 64 KiB."""
    tail: bytes
    """The last bytes of its content."""


@dataclass
class Broken:
    """A file that ends in the middle of an event, and where the last whole one ends."""

    end: int


def events(stream: IO[bytes], name: str, size: int) -> Iterator[Event | Broken]:
    """Yield every event, then how the file breaks off if it does.

    Raises Failure for what is not as it was written, since rot must not look like the end of the log: a checksum that
    does not fit, and a length that contradicts the event's own idea of where it ends.
    """
    if stream.read(FIRST) != MAGIC:
        raise Failure("{name} is no binary log", name=name)
    position, sums = FIRST, False
    while position < size:
        header = stream.read(HEADER.size)
        if len(header) < HEADER.size:
            yield Broken(position)
            return
        if not any(header):  # as a power cut leaves it; a hole is not an end
            if any(any(chunk) for chunk in iter(lambda: stream.read(CHUNK), b"")):
                raise Failure("{name} is damaged at {position}: it has a hole", name=name, position=position)
            yield Broken(position)
            return
        at, kind, server, length, said, flags = HEADER.unpack(header)
        end = position + length
        fits = said == end % WRAP or (said == 0 and flags & ARTIFICIAL)
        if length < HEADER.size + (CHECKSUM if sums else 0) or not fits:
            raise Failure("{name} is damaged at {position}", name=name, position=position)
        if position == FIRST and kind != FORMAT:
            raise Failure(
                "{name} is damaged at {position}: it does not begin with its format", name=name, position=position
            )
        if end > size:
            yield Broken(position)
            return
        head, tail = content(stream, name, position, header, summed=sums or kind == FORMAT)
        if kind == FORMAT:
            sums = tail[-1:] == b"\1"  # of a format that knows checksums, whether what follows has them
        if kind == ENCRYPTED:
            raise Limit("{name} is encrypted, and its key is not here", name=name)
        yield Event(at, kind, server, position, end, head, tail)
        position = end


def content(stream: IO[bytes], name: str, position: int, header: bytes, *, summed: bool) -> tuple[bytes, bytes]:
    """Read an event's content and compare its checksum; returns its beginning and its last bytes."""
    _, kind, _, length, _, flags = HEADER.unpack(header)
    if kind == FORMAT and flags & IN_USE:  # set while the file is written, and not part of the sum
        header = header[:-2] + struct.pack("<H", flags & ~IN_USE)
    left = length - HEADER.size - (CHECKSUM if summed else 0)
    total, head, tail = zlib.crc32(header), b"", b""
    while left > 0:
        chunk = stream.read(min(left, CHUNK))
        if not chunk:
            raise Failure("{name} became shorter while it was read", name=name)
        total, left = zlib.crc32(chunk, total), left - len(chunk)
        head = head or chunk[:KEPT]
        tail = (tail + chunk)[-KEPT:] if len(chunk) < KEPT else chunk[-KEPT:]
    if summed and stream.read(CHECKSUM) != struct.pack("<I", total):
        raise Failure(
            "{name} is damaged at {position}: an event does not fit its checksum", name=name, position=position
        )
    return head, tail
