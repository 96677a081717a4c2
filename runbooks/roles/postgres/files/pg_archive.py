"""What lies in the declared folders of a log: every file is placed by its name and its content, or named.

The folders may be laid out in any way (barman's and pgBackRest's sub-folders, files renamed by a copy): what a file is
decides its content, and what its name promises has to be kept by it.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path
from typing import Any, NamedTuple

from pg_common import Control, opened_plain, printable
from pg_wal import LONG_HEADER, Unreadable, content, head_of, packing, segment_name, segment_of

SEGMENT = re.compile(r"([0-9A-F]{24})(?:-([0-9a-f]{40}))?((?:\..*)?)$")
HISTORY = re.compile(r"([0-9A-F]{8})\.history(?:\..*)?$")
LABEL = re.compile(r"[0-9A-F]{24}\.[0-9A-F]{8}\.backup(?:\..*)?$")
UNFINISHED = re.compile(r"\.(partial|part|te?mp)\b", re.IGNORECASE)
COMPANIONS = {"xlog.db", "archive.info", "archive.info.copy", "identity.json"}
"""Lists that barman and pgBackRest keep beside the log."""
_MOST_HISTORY = 1 << 20


class Piece(NamedTuple):
    """A file that holds a segment, or the beginning of one."""

    path: str
    subject: str
    packing: str
    unfinished: bool
    named: bool
    digest: str
    folder: int


class Bad(NamedTuple):
    """A file that should hold a segment and does not, or cannot be read here."""

    subject: str
    reason: str
    timeline: int
    number: int
    limit: bool
    """It is a limit of this machine or of the runbook, not the file's fault."""


class Log:
    """Everything in the declared folders, as far as it can concern a base that needs the log from ``first`` on."""

    def __init__(self, control: Control, first: int) -> None:
        self.control, self.first = control, first
        self.segments: dict[tuple[int, int], list[Piece]] = {}
        self.bad: list[Bad] = []
        self.foreign: list[tuple[str, Bad]] = []
        self.closed: list[tuple[str, str]] = []
        self.ahead: list[Bad] = []
        self.torn: list[tuple[str, str, tuple[int, int] | None]] = []
        """Unfinished files of which nothing can be used, each with the segment of which there was something."""
        self.blank = 0
        self.beside: list[tuple[str, str]] = []
        self.histories: dict[int, dict[str, str]] = {}
        self.awaited: list[tuple[str, int, int]] = []
        self.newest_older: dict[str, int] = {}
        self.older: dict[str, int] = {}

    def add(self, label: str, folder: Path, order: int) -> None:
        """Place every file of a declared folder."""
        for place, folders, names in os.walk(folder, onerror=_raise):
            folders.sort()
            for name in sorted(names):
                path = Path(place, name)
                subject = printable(f"{label}/{path.relative_to(folder)}")
                self._place(path, subject, order, label)
            for name in folders:
                if (link := Path(place, name)).is_symlink():
                    subject = printable(f"{label}/{link.relative_to(folder)}")
                    inside = folder.resolve() in (link.resolve(), *link.resolve().parents)
                    (self.beside if inside else self.closed).append(
                        (subject, "a link to a folder, which is not followed")
                    )

    def _place(self, path: Path, subject: str, order: int, label: str) -> None:
        named = SEGMENT.match(path.name)
        try:
            odd = "" if stat.S_ISREG(path.stat().st_mode) else "is no regular file"
        except OSError as error:
            odd = f"cannot be looked at: {error.strerror}"
        if odd:
            line, number = segment_of(named.group(1), self.control.segment_bytes) if named else (0, -1)
            if number >= self.first:
                self.bad.append(Bad(subject, odd, line, number, limit=False))
            else:
                self.beside.append((subject, odd))
            return
        if path.parent.name == "archive_status" and path.suffix in {".ready", ".done"}:
            if named:
                self.awaited.append((subject, *segment_of(named.group(1), self.control.segment_bytes)))
        elif history := HISTORY.match(path.name):
            self._history(int(history.group(1), 16), path, subject)
        elif LABEL.match(path.name) or path.name in COMPANIONS:
            pass
        elif named:
            self._segment(path, subject, named, order, label)
        else:
            self._unknown(path, subject, order)

    def _history(self, timeline: int, path: Path, subject: str) -> None:
        try:
            text = content(path, packing(path), _MOST_HISTORY).decode("utf-8", "replace")
        except (Unreadable, OSError) as error:
            limit = isinstance(error, Unreadable) and not error.damaged
            self.bad.append(Bad(subject, getattr(error, "reason", str(error)), timeline, -1, limit))
        else:
            self.histories.setdefault(timeline, {})[subject] = text

    def _segment(self, path: Path, subject: str, named: Any, order: int, label: str) -> None:
        timeline, number = segment_of(named.group(1), self.control.segment_bytes)
        if number < self.first:
            self.older[label] = self.older.get(label, 0) + 1
            self.newest_older[label] = max(self.newest_older.get(label, 0), number)
            self._really_older(path, subject)
            return
        unfinished = UNFINISHED.search(named.group(3)) is not None
        kind = ""
        try:
            kind = packing(path)
            self._fits(path, kind, timeline, number, unfinished=unfinished)
        except _Foreign as error:
            self.foreign.append((str(path.parent), Bad(subject, error.reason, timeline, number, limit=False)))
        except _Nothing:
            self.blank += 1
        except Unreadable as error:
            if unfinished and error.damaged:
                held = not kind and path.stat().st_size >= LONG_HEADER.size  # else its writer had hardly begun
                self.torn.append((subject, f"unfinished, and {error.reason}", (timeline, number) if held else None))
                return
            # a copy of pg_wal has files for what will be written next: empty ones, and old ones under a new name
            reserved = isinstance(error, _Reserved) and (path.parent / "archive_status").is_dir()
            found = self.ahead if reserved else self.bad
            found.append(Bad(subject, error.reason, timeline, number, limit=not error.damaged))
        except OSError as error:
            self.bad.append(Bad(subject, f"cannot be read: {error.strerror}", timeline, number, limit=True))
        else:
            piece = Piece(str(path), subject, kind, unfinished, named=True, digest=named.group(2) or "", folder=order)
            self.segments.setdefault((timeline, number), []).append(piece)

    def _really_older(self, path: Path, subject: str) -> None:
        """Name a file whose name is older than the base, and whose content is not; packed ones are not opened."""
        try:
            head = head_of(path, "") if packing(path) == "" else None
        except (Unreadable, OSError):
            return
        number = head.address // self.control.segment_bytes if head and head.system == self.control.system else -1
        if head and number >= self.first:
            reason = f"holds {segment_name(head.timeline, number, self.control.segment_bytes)}, not what its name says"
            self.bad.append(Bad(subject, reason, head.timeline, number, limit=False))

    def _fits(self, path: Path, kind: str, timeline: int, number: int, *, unfinished: bool) -> None:
        """Raise Unreadable unless a file holds what its name says."""
        if path.stat().st_size == 0:
            raise Unreadable("is empty", damaged=True)
        wanted = self.control.segment_bytes
        head = head_of(path, kind)
        if head is None:
            with opened_plain(path) as stream:
                empty = not kind and not stream.read(8192).strip(b"\0")
            if unfinished and empty:
                raise _Nothing("")
            if empty:
                raise _Reserved("holds zeros where a segment begins", damaged=True)
            raise Unreadable("holds no log", damaged=True)
        if head.system != self.control.system:
            raise _Foreign(f"is of another cluster: system {head.system}, and the base is of {self.control.system}")
        address = segment_name(head.timeline, head.address // wanted, wanted)
        if head.segment_bytes != wanted or head.address != number * wanted or head.timeline > timeline:
            kind_of = _Reserved if head.address < number * wanted else Unreadable
            raise kind_of(f"holds {address}, not what its name says", damaged=True)
        size = path.stat().st_size
        if not kind and not unfinished and size != wanted:
            raise Unreadable(f"is {size} bytes long instead of {wanted}", damaged=True)

    def _unknown(self, path: Path, subject: str, order: int) -> None:
        """Place a file whose name says nothing: it may be a segment that was renamed."""
        reason = "none of the log's files"
        try:
            kind = packing(path)
            head = head_of(path, kind)
        except Unreadable as error:
            if not error.damaged:
                self.closed.append((subject, error.reason))
                return
            reason = f"{reason}: {error.reason}"
        except OSError as error:
            self.closed.append((subject, f"cannot be read: {error.strerror}"))
            return
        else:
            wanted = self.control.segment_bytes
            if head is not None and (head.system, head.segment_bytes) == (self.control.system, wanted):
                key = head.timeline, head.address // wanted
                if key[1] >= self.first:
                    unfinished = not kind and path.stat().st_size < wanted
                    piece = Piece(str(path), subject, kind, unfinished, named=False, digest="", folder=order)
                    self.segments.setdefault(key, []).append(piece)
                return
        self.beside.append((subject, reason))

    def settle(self) -> None:
        """Order the files of each segment: whole before unfinished, archive before stream; renamed ones only alone.

        Segments of another cluster in a folder of their own are none of ours; among ours they stand where one of ours
        should be.
        """
        for key, pieces in self.segments.items():
            proper = [piece for piece in pieces if piece.named]
            self.beside += [(one.subject, "a copy of a segment") for one in pieces if proper and not one.named]
            self.segments[key] = sorted(proper or pieces, key=lambda one: (one.unfinished, one.folder, one.path))
        for subject, reason, of in self.torn:
            (self.beside if of is None or of in self.segments else self.closed).append((subject, reason))
        places = {os.path.dirname(piece.path) for pieces in self.segments.values() for piece in pieces}
        written = max((number for _, number in self.segments), default=-1)
        named = {(line, number) for _, line, number in self.awaited}
        self.bad += [one for one in self.ahead if one.number <= written or (one.timeline, one.number) in named]
        for place, one in self.foreign:
            if (place in places or not places) and (one.timeline, one.number) not in self.segments:
                self.bad.append(one)
            else:
                self.beside.append((one.subject, one.reason))

    def newest(self, timelines: set[int]) -> int:
        """Return the number of the newest segment of these time lines, readable or not; -1 if there is none."""
        good = [number for line, number in self.segments if line in timelines]
        return max([*good, *(one.number for one in self.bad if one.timeline in timelines)], default=-1)


class _Foreign(Unreadable):
    """A segment of another cluster."""


class _Reserved(Unreadable):
    """A file for log to come: of zeros, or an older segment that was given a new name."""


class _Nothing(Unreadable):
    """An unfinished segment into which nothing was written yet."""


def _raise(error: OSError) -> None:
    raise error


def whole_segment(piece: Piece, segment_bytes: int) -> bytes:
    """Return a segment as long as segments are: the rest of an unfinished one is zeros. Raises Unreadable."""
    return sized_segment(piece, segment_bytes)[0]


def sized_segment(piece: Piece, segment_bytes: int) -> tuple[bytes, int]:
    """Return a segment likewise, and how much of it is there. Raises Unreadable."""
    try:
        found = content(Path(piece.path), piece.packing, segment_bytes, unfinished=piece.unfinished)
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}") from None
    if len(found) < segment_bytes and not piece.unfinished:
        raise Unreadable(f"is {len(found)} bytes long instead of {segment_bytes}", damaged=True)
    if piece.digest and hashlib.sha1(found, usedforsecurity=False).hexdigest() != piece.digest:
        raise Unreadable("does not have the SHA-1 that its name says", damaged=True)
    return found.ljust(segment_bytes, b"\0"), len(found)
