"""Files of write-ahead log: what one is by its content, read through whatever it was compressed with.

A page of the log begins with XLogPageHeaderData, the first of a segment with XLogLongPageHeaderData
(src/include/access/xlog_internal.h): magic, flags, time line, address; then, in the long one, system and sizes.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import re
import shutil
import struct
import subprocess
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from pg_common import opened_plain

HEADER = struct.Struct("=HHIQI4x")
LONG_HEADER = struct.Struct("=HHIQI4xQII")
CONTINUES, LONG = 0x0001, 0x0002
MAGIC_MASK, MAGIC = 0xFF00, 0xD100
"""Every version since 11 keeps the upper byte of its magic."""
RECORD = struct.Struct("=IIQBB2xI")
"""XLogRecord (src/include/access/xlogrecord.h): length, transaction, previous record, flags, manager, CRC."""
PAGE = 8192

_PACKED = {
    "gzip": (b"\x1f\x8b",),
    "bzip2": (b"BZh",),
    "xz": (b"\xfd7zXZ\x00",),
    "zstd": (b"\x28\xb5\x2f\xfd",),
    "lz4": (b"\x04\x22\x4d\x18", b"\x02\x21\x4c\x18"),
}
_CLOSED = {
    "lzo": (b"\x89LZO\x00",),
    "age": (b"age-encryption.org/", b"-----BEGIN AGE"),
    "gpg": (b"-----BEGIN PGP", b"\x84", b"\x85", b"\x8c", b"\xc1", b"\xc3"),
    "openssl": (b"Salted__",),
    "snappy": (b"\xff\x06\x00\x00sNaPpY",),
}
_SUFFIXES = {"br": "brotli", "lzo": "lzo", "age": "age", "gpg": "gpg", "pgp": "gpg", "enc": "openssl", "asc": "gpg"}
_ENCRYPTED = ("age", "gpg", "openssl")


class Unreadable(Exception):
    """A file that cannot be read here. ``damaged``: it is the file's own fault, and not that of this machine."""

    def __init__(self, reason: str, *, damaged: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.damaged = reason, damaged


class Head(NamedTuple):
    """What the first page of a segment says about it."""

    system: int
    timeline: int
    address: int
    segment_bytes: int
    page_bytes: int


def packing(path: Path) -> str:
    """Return how a file is packed, by its first bytes and only then by its name; empty: it is not."""
    with opened_plain(path) as stream:
        first = stream.read(64)
    if first[1:2] == b"\xd1":  # upper byte of the log's own magic
        return ""
    for name, marks in (*_PACKED.items(), *_CLOSED.items()):
        if first.startswith(marks):
            return name
    endings = [_SUFFIXES[part] for part in path.name.lower().split(".")[1:] if part in _SUFFIXES]
    return endings[-1] if endings else ""


@contextlib.contextmanager
def unpacked(path: Path, kind: str) -> Iterator[IO[bytes]]:
    """Open a file as it was before it was packed. Raises Unreadable, also while it is read."""
    try:
        with opened_plain(path) as plain:
            if kind in {"zstd", "lz4"}:
                with _through(kind, plain) as stream:
                    yield stream
            elif kind in {"gzip", "bzip2", "xz"}:
                readers: dict[str, Any] = {"gzip": gzip.open, "bzip2": bz2.open, "xz": lzma.open}
                with readers[kind](plain) as stream:
                    yield stream
            elif kind:
                reason = f"is encrypted ({kind})" if kind in _ENCRYPTED else f"is packed with {kind}"
                raise Unreadable(f"{reason}, which this runbook does not read")
            else:
                yield plain
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, ValueError) as error:
        raise Unreadable(f"cannot be unpacked ({kind}): {error}", damaged=True) from None
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror or error}", damaged=kind != "") from None


@contextlib.contextmanager
def _through(program: str, plain: IO[bytes]) -> Iterator[IO[bytes]]:
    """Read through a program of the machine that drills."""
    found = shutil.which(program, path="/usr/local/bin:/usr/bin:/bin")
    if found is None:
        raise Unreadable(f"is packed with {program}, and there is no program {program} where drills run: install it")
    words = [found, "-qdc"]
    with subprocess.Popen(words, stdin=plain, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as reader:
        stream = cast("IO[bytes]", reader.stdout)
        try:
            yield stream
            whole = stream.read(1) == b""
        finally:
            stream.close()
        if whole and reader.wait() != 0:
            raise Unreadable(f"cannot be unpacked: {program} ended with {reader.returncode}", damaged=True)
        if not whole:
            reader.kill()


def head_of(path: Path, kind: str) -> Head | None:
    """Return what the first page of a segment says, None if the file holds no log. Raises Unreadable."""
    with unpacked(path, kind) as stream:
        return head_in(stream.read(LONG_HEADER.size))


def head_in(first: bytes) -> Head | None:
    """Return what the first bytes of a segment say, None if they are not those of one."""
    if len(first) < LONG_HEADER.size:
        return None
    magic, flags, timeline, address, _, system, segment_bytes, page_bytes = LONG_HEADER.unpack_from(first)
    if magic & MAGIC_MASK != MAGIC or not flags & LONG:
        return None
    return Head(system, timeline, address, segment_bytes, page_bytes)


def content(path: Path, kind: str, most: int, *, unfinished: bool = False) -> bytes:
    """Return a whole segment. Raises Unreadable.

    The packed stream of an unfinished one breaks off where its writer was; what came before is returned.
    """
    parts: list[bytes] = []
    try:
        with unpacked(path, kind) as stream:
            while (left := most + 1 - sum(map(len, parts))) > 0 and (part := some(stream, left)):
                parts.append(part)
    except Unreadable as error:
        if not (unfinished and error.damaged and parts):
            raise
    whole = b"".join(parts)
    if len(whole) > most:
        raise Unreadable(f"is longer than {most} bytes, as long as a segment is here", damaged=True)
    return whole


def some(stream: IO[bytes], most: int) -> bytes:
    """Return what there is next: a stream that breaks off gives everything before that first."""
    return cast("Any", stream).read1(min(most, 1 << 20))  # type: ignore[no-any-return]


def segment_name(timeline: int, number: int, segment_bytes: int) -> str:
    """Return the name of a segment of a time line."""
    each = (1 << 32) // segment_bytes
    return f"{timeline:08X}{number // each:08X}{number % each:08X}"


def segment_of(name: str, segment_bytes: int) -> tuple[int, int]:
    """Return time line and number of a segment by the first 24 letters of its name."""
    each = (1 << 32) // segment_bytes
    return int(name[:8], 16), int(name[8:16], 16) * each + int(name[16:24], 16)


class Page(NamedTuple):
    """A page that a server wrote: where, whether it goes on with a record from before, and how much of that is left."""

    address: int
    continues: bool
    left: int


def written_pages(whole: bytes, start: int, timelines: set[int]) -> list[Page]:
    """Return the pages of a segment that begins at ``start`` which a server wrote there.

    Pages of a recycled segment carry their old address, those behind a switch are empty.
    """
    found = []
    for offset in range(0, len(whole) - PAGE + 1, PAGE):
        magic, flags, timeline, address, left = HEADER.unpack_from(whole, offset)
        ours = magic & MAGIC_MASK == MAGIC and address == start + offset and timeline in timelines
        if ours and whole[offset + HEADER.size : offset + PAGE].strip(b"\0"):
            found.append(Page(address, bool(flags & CONTINUES), left))
    return found


def written_to(whole: bytes, start: int, size: int) -> int:
    """Return the address up to which a segment was written: ``size`` bytes of it are there, and zeros may end them.

    Records begin at multiples of eight.
    """
    used = len(whole[:size].rstrip(b"\0"))
    return start + (size if size < len(whole) else min(size, -(-used // 8) * 8))


class Segment(NamedTuple):
    """A segment as far as the end of a log in it is judged."""

    pages: Sequence[Page]
    written_to: int
    segment_bytes: int

    def behind(self, position: int, page: bytes | None) -> str:
        """Return what stands behind a position: ``nothing``, an ``unfinished`` record, ``garbage``, or ``damage``.

        ``page`` is that of the position, if it is known. A record that its writer had not finished breaks off where the
        writing did. One that is there to its end and yet ended the recovery is damaged, as is a log in which anything
        follows. Garbage is what a recycled segment held before: its record says that it follows another far away.
        """
        begin = position - position % PAGE
        later = [one for one in self.pages if one.address > begin]
        rest = page[position % PAGE :] if page is not None else b""
        if not rest.strip(b"\0") and (not later or page is not None):
            return "damage" if later else "nothing"
        if later and (later[0].address != begin + PAGE or not later[0].continues or later[0].left <= 0):
            return "damage"
        if len(rest) < RECORD.size:  # the record's own head goes over to the next page
            if not later:
                return "unfinished"
            end = self._end(begin + PAGE, later[0].left)
        else:
            length, _, before, *_ = RECORD.unpack_from(rest)
            if _followed(rest, position):
                return "damage"
            if not 0 < position - before < self.segment_bytes:
                return "damage" if later else "garbage"
            if later and later[0].left != length - len(rest):
                return "damage"
            end = self._end(begin + PAGE, length - len(rest)) if length > len(rest) else position + length
        if later and later[-1].address > end - end % PAGE:
            return "damage"
        return "unfinished" if end > self.written_to else "damage"

    def _end(self, address: int, left: int) -> int:
        """Return where a record ends of which so many bytes stand on the pages from an address on."""
        while True:
            head = LONG_HEADER.size if address % self.segment_bytes == 0 else HEADER.size
            if left <= PAGE - head:
                return address + head + left
            left -= PAGE - head
            address += PAGE


def _followed(rest: bytes, position: int) -> bool:
    """Return whether a record on the rest of a page follows the one at the position, which then was finished."""
    return any(RECORD.unpack_from(rest, at)[2] == position for at in range(RECORD.size, len(rest) - RECORD.size + 1, 8))


HISTORY_LINE = re.compile(r"^\s*(\d+)\s+([0-9A-F]+/[0-9A-F]+)(\s|$)")
