"""Plans how a base is carried forward: places the log's files, chooses the time line, and lays out what is fetched."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import IO, Any

from pg_archive import Log, Piece, whole_segment
from pg_base import Base
from pg_common import RUN, Control, Failure, lsn, notice, opened_plain, run_tool, said, text_of
from pg_timelines import Lines, Way, read
from pg_wal import PAGE, Page, Unreadable, head_of, segment_name, segment_of, some, unpacked, written_pages, written_to

FETCHED = RUN / "log"
_COMMIT = re.compile(r"\blsn: ([0-9A-F]+/[0-9A-F]+), prev [^,]*, desc: (?:COMMIT|PREPARE)")
_CHUNK = 1 << 20


def plan(base: Base, control: Control, folders: dict[str, Path], timeline: int, programs: Path) -> Any:
    """Return what the recovery will take, and notices; lays it out below ``/run``. Raises Failure."""
    data = control.data
    log = Log(control, base.start // control.segment_bytes)
    for order, (label, folder) in enumerate(folders.items()):
        if not folder.is_dir():
            raise Failure("there is no {folder}: are wal_archive and wal_stream right?", folder=folder)
        before = _seen(log)
        log.add(label, folder, order)
        if _seen(log) == before and not log.older.get(label):
            raise Failure(
                "there is no WAL in {label}: the log that should carry the base forward was not kept", label=label
            )
    log.settle()
    for path in sorted((data / "pg_wal").glob("????????.history")):
        if re.fullmatch(r"[0-9A-F]{8}", path.stem):
            log.histories.setdefault(int(path.stem, 16), {})[f"pg_wal/{path.name}"] = text_of(path)
    present: dict[int, str] = {}
    for (line, _), pieces in sorted(log.segments.items()):
        present.setdefault(line, pieces[0].subject)
    unread = {one.timeline: f"{one.subject} {one.reason}" for one in log.bad if one.number < 0}
    strange = {one.subject for _, one in log.foreign}
    for one in log.bad:
        if one.number >= 0 and one.subject not in strange:
            present.setdefault(one.timeline, one.subject)
    lines = Lines(base.timeline, base.start, read(log.histories), present, unread)
    way = lines.choose(timeline, lambda line, position: _goes_on(log, line, position, programs))
    _agree(log, way)
    _lay_out(log, way)
    return {
        "way": way.lines,
        "target": way.target,
        "start": base.start,
        "segment_bytes": control.segment_bytes,
        "segments": [[*key, *pieces[0]] for key, pieces in sorted(log.segments.items()) if way.names(key[0])],
        "bad": [list(one) for one in log.bad],
        "awaited": [list(one) for one in log.awaited],
        "older": log.older,
        "newest_older": log.newest_older,
        "folders": {label: str(folder) for label, folder in folders.items()},
        "edge": edge_of(data, way, control),
        "notices": [
            *(notice(*one) for one in way.notes),
            *(notice("beside", *one) for one in log.beside),
            *(notice("unused", *one) for one in log.closed),
        ],
    }


def _seen(log: Log) -> int:
    """Return how many files were found that are, or should be, segments."""
    lists = (log.bad, log.ahead, log.foreign, log.closed, *log.segments.values())
    return log.blank + sum(of is not None for *_, of in log.torn) + sum(map(len, lists))


def _goes_on(log: Log, line: int, position: int, programs: Path) -> str:
    """Return a file of a time line that holds a commit behind a position, empty if none does.

    What cannot be read may hold one.
    """
    first = position // log.control.segment_bytes
    for one in log.bad:
        if one.timeline == line and one.number >= first:
            return one.subject
    for key in sorted(key for key in log.segments if key[0] == line and key[1] >= first):
        scratch = RUN / "scratch" / segment_name(*key, log.control.segment_bytes)
        scratch.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        piece = log.segments[key][0]
        try:
            scratch.write_bytes(whole_segment(piece, log.control.segment_bytes))
            listed = run_tool([programs / "pg_waldump", "-r", "Transaction", scratch]).stdout
        except Unreadable:
            return piece.subject
        finally:
            scratch.unlink(missing_ok=True)
        if any(lsn(found) >= position for found in _COMMIT.findall(listed)):
            return piece.subject
    return ""


def _agree(log: Log, way: Way) -> None:
    """Raise Failure where two files of one segment differ: of two servers, or one of them damaged."""
    for (line, number), pieces in sorted(log.segments.items()):
        first, *others = pieces
        for other in others if way.names(line) else ():
            try:
                agree = same(first, other)
            except Unreadable as error:
                log.beside.append((other.subject, said("a second copy that {reason}", reason=error.reason)))
                continue
            if not agree:
                name = segment_name(line, number, log.control.segment_bytes)
                raise Failure(
                    "{first} and {second} differ: two servers wrote {name}, or one of the files is damaged",
                    first=first.subject,
                    second=other.subject,
                    name=name,
                )


def same(one: Piece, other: Piece) -> bool:
    """Return whether two files hold the same log; an unfinished one as far as it goes. Raises Unreadable."""
    if one.unfinished and not other.unfinished:
        one, other = other, one
    with unpacked(Path(one.path), one.packing) as whole, unpacked(Path(other.path), other.packing) as second:
        while True:
            left, right = _read(whole), _read(second)
            if left == right and left:
                continue
            if not other.unfinished:
                return left == right
            kept = right.rstrip(b"\0")
            part = left.rstrip(b"\0") if one.unfinished else left
            agrees = part.startswith(kept) or (one.unfinished and kept.startswith(part))
            return agrees and (len(kept) == len(right) or not _read(second).strip(b"\0"))


def _read(stream: IO[bytes]) -> bytes:
    """Return the next whole part of a stream; one that breaks off ends there."""
    parts: list[bytes] = []
    try:
        while (left := _CHUNK - sum(map(len, parts))) and (part := some(stream, left)):
            parts.append(part)
    except EOFError:
        pass
    return b"".join(parts)


def _lay_out(log: Log, way: Way) -> None:
    """Say for each file that the server may ask for where it is."""
    shutil.rmtree(FETCHED, ignore_errors=True)
    plain = FETCHED / "plain"
    plain.mkdir(mode=0o700, parents=True)
    with (FETCHED / "index").open("w") as index:
        for (line, number), pieces in log.segments.items():
            if way.names(line):
                name = segment_name(line, number, log.control.segment_bytes)
                index.write(f"{name} {json.dumps([log.control.segment_bytes, *map(list, pieces)])}\n")
                if not (pieces[0].packing or pieces[0].unfinished or pieces[0].digest):
                    (plain / name).symlink_to(pieces[0].path)
    for line, found in log.histories.items():
        text = next(iter(found.values()))
        (FETCHED / f"{line:08X}.history").write_text(text)


def ran_again(control: Control) -> bool:
    """Return whether the log goes on behind the shutdown that a control file speaks of.

    The last record of a clean shutdown is its checkpoint: 114 bytes, and a page's head where it goes over to the next.
    """
    edge = edge_of(control.data, Way(control.timeline, ((control.timeline, 0),)), control)
    pages = [Page(*one) for one in edge.get("pages", [])]
    return bool(pages) and pages[-1].address > control.redo + 160


def edge_of(data: Path, way: Way, control: Control) -> dict[str, Any]:
    """Return what the newest segment of the base's own log holds, as it is before the server touches it."""
    wanted = control.segment_bytes
    names = [path.name for path in (data / "pg_wal").iterdir() if re.fullmatch(r"[0-9A-F]{24}", path.name)]
    for name in sorted(names, reverse=True):
        line, number = segment_of(name, wanted)
        path = data / "pg_wal" / name
        try:
            head = head_of(path, "")
        except Unreadable:
            continue
        if not way.names(line) or head is None or head.address != number * wanted or head.system != control.system:
            continue  # recycled: it holds older log than its name says
        with opened_plain(path) as stream:
            whole = stream.read(wanted)
        pages = written_pages(whole, head.address, {one for one, _ in way.lines})
        if pages:
            last = pages[-1].address - head.address
            written = written_to(whole, head.address, len(whole))
            page = whole[last : last + PAGE].hex()
            return {"subject": f"pg_wal/{name}", "pages": pages, "last": page, "written_to": written}
    return {}
