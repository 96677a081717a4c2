"""Judge where a recovery ended: by what lies behind it in the files of the log, never by the server's word.

PostgreSQL takes the first record that it cannot read for the end of the log, and opens. Whatever a server wrote behind
that place and was restored makes it a gap, rot or a time line that was left out: the start fails and names it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pg_archive import Bad, Piece, sized_segment
from pg_common import RUN, Failure, instant, lsn, notice, said, shown, text_of
from pg_timelines import Way
from pg_wal import PAGE, Page, Segment, Unreadable, segment_name, segment_of, written_pages, written_to

_LINE = re.compile(r"[0-9A-F]{8}")
"""How the server names a time line: whatever was restored under such a name is known before it starts."""
_STOPPED = re.compile(r"(?:before|after) (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?[+-]\d\d(?::\d\d)?)")


def delivered() -> list[dict[str, str]]:
    """Return what the server asked for and got, or did not get, in that order."""
    path = RUN / "fetched"
    lines = text_of(path).splitlines() if path.exists() else []
    return [json.loads(line) if line.startswith("{") else {"name": line} for line in lines]


def fetched() -> list[dict[str, str]]:
    """Return what the server got."""
    return [one for one in delivered() if "reason" not in one]


def refused() -> list[dict[str, str]]:
    """Return what could not be delivered, although it is there."""
    got = {one["name"] for one in fetched()}
    return [one for one in delivered() if "reason" in one and one["name"] not in got]


class End:
    """The end of a recovery, among the files of the log."""

    def __init__(self, data: Path, plan: dict[str, Any]) -> None:
        """Find it by the history that the server wrote for its own new time line. Raises Failure."""
        self.plan, self.each = plan, int(plan["segment_bytes"])
        self.position, self.why = _left(data, plan["target"])
        self.number = self.position // self.each
        self.way = Way(plan["target"], tuple((line, end) for line, end in plan["way"]))
        self.line = self.way.line_at(self.position)
        self.pieces = {(one[0], one[1]): Piece(*one[2:]) for one in plan["segments"]}
        self.bad = [Bad(*one) for one in plan["bad"]]

    def last_piece(self) -> Piece | None:
        """Return the file of the log that the end lies in, the one that was really taken; None: the base's own."""
        for one in reversed(fetched()):
            key = segment_of(one["name"], self.each)
            if key[1] == self.number:
                return self.pieces.get(key)
        return None

    def behind(self) -> list[Piece]:
        """Return the files of the way that lie behind the end: on its own time line, and on those that follow."""
        return [self.pieces[key] for key in sorted(self.pieces) if self._on_the_way(*key, self.position)]

    def lost(self) -> list[Bad]:
        """Return the files that cannot be used although the log goes on in them, nearest first."""
        first = self.number * self.each
        found = [one for one in self.bad if self._on_the_way(one.timeline, one.number, first)]
        return sorted(
            (one for one in found if (one.timeline, one.number) not in self.pieces), key=lambda one: one.number
        )

    def _on_the_way(self, line: int, number: int, position: int) -> bool:
        """Return whether a segment begins at or behind a position, and before its time line was left."""
        left = dict(self.way.lines).get(line)
        begin = number * self.each
        return left is not None and begin >= position and (left == 0 or begin < left)


def _left(data: Path, wanted: int) -> tuple[int, str]:
    known = {path.stem for path in (RUN / "log").glob("*.history")}
    each = (path for path in (data / "pg_wal").glob("????????.history") if _LINE.fullmatch(path.stem))
    found = sorted(path for path in each if path.stem not in known)
    if not found:
        raise Failure("the server has opened without a recovery: it wrote no history of a new time line")
    lines = [line for line in text_of(found[-1]).splitlines() if line.strip()]
    line, position, why = [*lines[-1].split("\t", 2), "", ""][:3]
    if int(line) != wanted:
        raise Failure("the server recovered along time line {line} instead of {wanted}", line=line, wanted=wanted)
    return lsn(position), why


def judge(data: Path, plan: dict[str, Any], target: str) -> dict[str, Any]:
    """Return where recovery ended, and notices. Raises Failure when something that was restored lies behind it."""
    end = End(data, plan)
    told = {
        "ended_at": shown(end.position),
        "timeline": end.line,
        "log": {"used": len(fetched()), "older": sum(plan["older"].values()), "behind": len(end.behind())},
    }
    unread = [notice("unused", one.subject, one.reason) for one in end.bad if one.number < 0]
    if target:
        return {**told, "notices": [*unread, *_at_the_target(end, target)]}
    limits = _limits(end)
    if not limits:
        _gap(end)
        limits = [*_in_the_last(end), *_without_use(end)]
    aside = [one for one in end.bad if one.number >= 0 and one not in end.lost()]
    return {**told, "notices": [*unread, *limits, *(notice("beside", one.subject, one.reason) for one in aside)]}


def _at_the_target(end: End, target: str) -> list[dict[str, str]]:
    """Return what is damaged behind a target. Raises Failure unless recovery stopped at a later commit."""
    stopped = _STOPPED.match(end.why)
    at, wanted = instant(stopped.group(1)) if stopped else None, instant(target)
    if at is None or wanted is None or at < wanted:
        raise Failure(
            "{target} was not reached: recovery ended at {position}, {why}",
            target=target,
            position=shown(end.position),
            why=end.why,
        )
    return [
        notice("beside", one.subject, said("{reason}; it lies behind the target", reason=one.reason))
        for one in end.lost()
    ]


def _limits(end: End) -> list[dict[str, str]]:
    """Return what keeps this machine from going on, where that and no damage is what ended the recovery."""
    lost = end.lost()
    if not lost or not lost[0].limit:
        return []
    told = [notice("unused", one.subject, one.reason) for one in lost if one.limit]
    return told + [notice("unused", one.subject, "lies behind what cannot be read here") for one in end.behind()]


def _gap(end: End) -> None:
    """Raise Failure when the log goes on in other files, usable or not."""
    reasons = [f"{one.subject} {one.reason}" for one in end.lost()[:2]]
    reasons += [f"{one['subject']} {one['reason']}" for one in refused()[:2]]
    why = "; ".join(reasons)
    if behind := end.behind():
        gap = "the WAL archive has a gap: recovery ended at {position} in {segment}, and {subject} cannot be used"
        gap += " ({number} segments up to {last})" if behind[1:] else ""
        gap += "; {why}" if why else ""
        raise Failure(
            gap,
            position=shown(end.position),
            segment=segment_name(end.line, end.number, end.each),
            subject=behind[0].subject,
            number=len(behind),
            last=behind[-1].subject,
            why=why,
        )
    if why:
        raise Failure(
            "the log goes on behind the end of recovery ({position}): {why}", position=shown(end.position), why=why
        )


def _in_the_last(end: End) -> list[dict[str, str]]:
    """Prove the end inside of the segment that holds it. Raises Failure when a server wrote more behind it."""
    edge = end.plan["edge"]
    if edge and _edge(end, edge) == "damage":
        beyond = said(
            "recovery ended at {position}, and {subject} goes on behind it",
            position=shown(end.position),
            subject=edge["subject"],
        )
        if end.plan["kind"] == "atomic-snapshot":  # it may hold what its server had not flushed, in any order
            return [notice("unused", "pg_wal", beyond)]
        raise Failure("the base's own log is damaged: {beyond}", beyond=beyond)
    piece = end.last_piece()
    if piece is None or end.position % end.each == 0:
        return []
    try:
        whole, size = sized_segment(piece, end.each)
    except Unreadable as error:
        raise Failure("{subject} {reason}", subject=piece.subject, reason=error.reason) from None
    start = end.number * end.each
    begin = end.position - end.position % PAGE - start
    pages = written_pages(whole, start, {line for line, _ in end.way.lines})
    segment = Segment(pages, written_to(whole, start, size), end.each)
    found = segment.behind(end.position, whole[begin : begin + PAGE])
    if found == "damage" or (not piece.unfinished and found != "nothing"):
        raise Failure(
            "{subject} is damaged: recovery ended in it at {position}, and what was written behind it could not be "
            "used",
            subject=piece.subject,
            position=shown(end.position),
        )
    if not piece.unfinished and not (Path(piece.path).parent / "archive_status").is_dir():
        middle = said(
            "ends in its middle, at {position}, although it is whole by its name: its rest may be lost",
            position=shown(end.position),
        )
        return [notice("unused", piece.subject, middle)]
    return []


def _edge(end: End, edge: dict[str, Any]) -> str:
    """Return what the newest segment of the base's own log holds behind the end."""
    pages = [Page(*one) for one in edge["pages"]]
    if pages[-1].address + PAGE <= end.position:
        return "nothing"
    page = bytes.fromhex(edge["last"]) if pages[-1].address <= end.position else None
    return Segment(pages, edge["written_to"], end.each).behind(end.position, page)


def _without_use(end: End) -> list[dict[str, str]]:
    """Return notices of folders that gave nothing, and of segments that are known of and are not there."""
    told = []
    first = end.plan["start"] // end.each
    for label, newest in end.plan["newest_older"].items():
        own = [piece for piece in end.pieces.values() if piece.subject.startswith(f"{label}/")]
        if not own and newest < first - 1:
            name = segment_name(end.plan["way"][0][0], newest, end.each)
            told.append(
                notice(
                    "unused",
                    label,
                    said("ends with {segment}, before the base begins: it does not carry it forward", segment=name),
                )
            )
    for subject, line, number in end.plan["awaited"]:
        if line == end.line and number > end.number and (line, number) not in end.pieces:
            told.append(notice("unused", subject, "names a segment that was not restored"))
    return told


def missing(plan: dict[str, Any]) -> str:
    """Return what of the log is damaged or cannot be read, for a recovery that did not get where it should."""
    return "; ".join(f"{one[0]} {one[1]}" for one in plan["bad"][:2])
