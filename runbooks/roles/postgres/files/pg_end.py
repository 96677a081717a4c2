"""Judge where a recovery ended: the end of a log is proven by what lies behind it, never taken from the server's word."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pg_archive import Bad, Piece, whole_segment
from pg_common import RUN, Failure, lsn, notice, shown
from pg_timelines import Way
from pg_wal import PAGE, Page, Unreadable, behind_on_page, behind_on_pages, segment_name, segment_of, written_pages


def delivered() -> list[dict[str, str]]:
    """Return what the server asked for and got or did not get, in that order."""
    path = RUN / "fetched"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def fetched() -> list[dict[str, str]]:
    """Return what the server got."""
    return [one for one in delivered() if "reason" not in one]


def refused() -> list[dict[str, str]]:
    """Return what could not be delivered, although it is there."""
    got = {one["name"] for one in fetched()}
    return [one for one in delivered() if "reason" in one and one["name"] not in got]


class End:
    """The end of a recovery, among the files of the log."""

    def __init__(self, position: int, plan: dict[str, Any]) -> None:
        self.position, self.plan = position, plan
        self.each = int(plan["segment_bytes"])
        self.number = position // self.each
        self.way = Way(plan["target"], tuple((line, end) for line, end in plan["way"]))
        self.line = self.way.line_at(position)
        self.pieces = {(one[0], one[1]): Piece(*one[2:]) for one in plan["segments"]}
        self.bad = [Bad(*one) for one in plan["bad"]]

    def last_piece(self) -> Piece | None:
        """Return the file of the log that the end lies in, the one that was really taken; None: the base's own."""
        for one in reversed(fetched()):
            key = segment_of(one["name"], self.each)
            if key[1] == self.number:
                return self.pieces.get(key)
        return None

    def name(self, number: int) -> str:
        return segment_name(self.line, number, self.each)

    def behind(self) -> list[tuple[int, int]]:
        """Return the segments of the way that lie behind the end: on its own line, and on those that follow."""
        return sorted(key for key in self.pieces if self._follows(*key))

    def _follows(self, line: int, number: int) -> bool:
        """Return whether a segment holds log behind the end, by its name."""
        begin = number * self.each
        left = dict(self.way.lines).get(line, 0)
        return begin + self.each > self.position and begin >= self.position and (not left or begin < left)

    def lost(self) -> list[Bad]:
        """Return the files that cannot be used although the log goes on in them."""
        return [one for one in self.bad if self._wanted(one) and (one.timeline, one.number) not in self.pieces]

    def _wanted(self, one: Bad) -> bool:
        left = dict(self.way.lines).get(one.timeline)
        if one.number < 0 or left is None:
            return one.number < 0 and self.way.names(one.timeline)
        return (one.number + 1) * self.each > self.position and (not left or one.number * self.each < left)


def judge(data: Path, plan: dict[str, Any], target: str) -> dict[str, Any]:
    """Return where recovery ended, and notices. Raises Failure when something that was restored lies behind it."""
    position, why = recovery_end(data, plan)
    end = End(position, plan)
    notices: list[dict[str, str]] = []
    told = {
        "ended_at": shown(position),
        "timeline": end.line,
        "log": {"used": len(fetched()), "older": sum(plan["older"].values()), "behind": len(end.behind())},
    }
    lost = end.lost()
    if target:
        if not re.match(r"(before|after) \d{4}-", why):
            raise Failure(f"{target} was not reached: recovery ended at {shown(position)}, {why}")
        notices += [notice("beside", one.subject, f"{one.reason}; it lies behind the target") for one in lost]
        return {**told, "notices": notices}
    limits = [one for one in lost if one.limit]
    hard = sorted((one for one in lost if not one.limit), key=lambda one: one.number)
    behind = end.behind()
    if limits and not (hard and hard[0].number < min(one.number for one in limits)):
        notices += [notice("unused", one.subject, one.reason) for one in limits]
        notices += [notice("unused", end.pieces[key].subject, "lies behind what cannot be read here") for key in behind[:3]]
        return {**told, "notices": notices}
    said = "; ".join(f"{one.subject} {one.reason}" for one in hard[:2])
    said = "; ".join([said, *(f"{one['subject']} {one['reason']}" for one in refused()[:2])]).strip("; ")
    if behind:
        count, last = len(behind), end.pieces[behind[-1]].subject
        gap = f"recovery ended at {shown(position)} in {end.name(end.number)}, and {end.pieces[behind[0]].subject} cannot be used"
        more = f" ({count} segments up to {last})" if count > 1 else ""
        raise Failure(f"the WAL archive has a gap: {gap}{more}{'; ' + said if said else ''}")
    if said:
        raise Failure(f"the log goes on behind the end of recovery ({shown(position)}): {said}")
    notices += _in_the_last(end, plan)
    notices += _unused(end, plan)
    notices += [notice("beside", one.subject, one.reason) for one in end.bad if one not in lost]
    return {**told, "notices": notices}


def recovery_end(data: Path, plan: dict[str, Any]) -> tuple[int, str]:
    """Return where the server left the log, and why, by the history that it wrote for its own time line."""
    known = {path.stem for path in (RUN / "log").glob("*.history")} if (RUN / "log").is_dir() else set()
    found = [path for path in (data / "pg_wal").glob("????????.history") if path.stem not in known]
    if not found:
        raise Failure("the server has opened without a recovery: it wrote no history of a new time line")
    lines = [line for line in max(found, key=lambda path: path.stem).read_text("utf-8", "replace").splitlines() if line.strip()]
    line, position, why = (lines[-1].split("\t", 2) + ["", ""])[:3]
    if int(line) != plan["target"]:
        raise Failure(f"the server recovered along time line {line} instead of {plan['target']}")
    return lsn(position), why


def _in_the_last(end: End, plan: dict[str, Any]) -> list[dict[str, str]]:
    """Prove the end inside of the segment that holds it. Raises Failure when a server wrote more behind it."""
    edge = plan["edge"]
    if edge and edge["pages"][-1][0] + PAGE > end.position:
        pages = [Page(*one) for one in edge["pages"]]
        left = behind_on_pages(pages, end.position)
        if left == "nothing" and pages[-1].address <= end.position:
            left = behind_on_page(bytes.fromhex(edge["last"]), end.position, end.each)
        if left == "damage":
            return _gone(f"recovery ended at {shown(end.position)}, and {edge['subject']} goes on behind it", plan)
    piece = end.last_piece()
    if piece is None or end.position % end.each == 0:
        return []
    try:
        whole = whole_segment(piece, end.each)
    except Unreadable as error:
        raise Failure(f"{piece.subject} {error.reason}") from None
    start = end.number * end.each
    begin = end.position - end.position % PAGE - start
    found = {
        behind_on_pages(written_pages(whole, start, {line for line, _ in end.way.lines}), end.position),
        behind_on_page(whole[begin : begin + PAGE], end.position, end.each),
    }
    if "damage" in found or (not piece.unfinished and found & {"unfinished", "garbage"}):
        raise Failure(
            f"{piece.subject} is damaged: recovery ended in it at {shown(end.position)}, and what was written behind it "
            "could not be used"
        )
    return []


def _gone(said: str, plan: dict[str, Any]) -> list[dict[str, str]]:
    """Return or raise what is said about the base's own log: a snapshot may hold what was never acknowledged."""
    if plan["kind"] == "atomic-snapshot":
        return [notice("unused", "pg_wal", said)]
    raise Failure(f"the base's own log is damaged: {said}")


def _unused(end: End, plan: dict[str, Any]) -> list[dict[str, str]]:
    """Return notices about folders that gave nothing, and of segments that are known of and are not there."""
    told = []
    first = plan["start"] // end.each
    for label, newest in plan["newest_older"].items():
        own = [piece for piece in end.pieces.values() if piece.subject.startswith(f"{label}/")]
        if not own and newest < first - 1:
            name = segment_name(plan["way"][0][0], newest, end.each)
            told.append(notice("unused", label, f"ends with {name}, before the base begins: it does not carry it forward"))
    for subject, line, number in plan["awaited"]:
        if line == end.line and number > end.number and (line, number) not in end.pieces:
            told.append(notice("unused", subject, "names a segment that was not restored"))
    return told


def missing(plan: dict[str, Any]) -> str:
    """Return what of the log is damaged or cannot be read, for a recovery that did not get where it should."""
    return "; ".join(f"{one[0]} {one[1]}" for one in plan["bad"][:2])
