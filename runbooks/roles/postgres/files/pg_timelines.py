"""Which time line of the log is production's: decided by the base and the histories, or not at all.

A history file lists the ancestors of its time line with the position at which each was left (parent, position, reason).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from pg_common import Failure, lsn, said, shown
from pg_wal import HISTORY_LINE


class Way(NamedTuple):
    """The time lines that a recovery goes along, oldest first, each with the position at which it is left."""

    target: int
    lines: tuple[tuple[int, int], ...]
    """Time line and end; the last has no end (0)."""
    notes: tuple[tuple[str, str, str], ...] = ()

    def line_at(self, position: int) -> int:
        """Return the time line that holds a position."""
        for line, end in self.lines:
            if end == 0 or position < end:
                return line
        return self.target

    def names(self, line: int) -> bool:
        """Return whether a time line belongs to this way."""
        return any(line == one for one, _ in self.lines)


def ancestors(text: str, subject: str) -> list[tuple[int, int]]:
    """Return time lines and positions of a history, oldest first. Raises Failure when it is malformed."""
    found: list[tuple[int, int]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        said = HISTORY_LINE.match(line)
        if said is None or (found and int(said.group(1)) <= found[-1][0]):
            raise Failure("the history {subject} is damaged in line {number}", subject=subject, number=number)
        found.append((int(said.group(1)), lsn(said.group(2))))
    if not found:
        raise Failure("the history {subject} is empty", subject=subject)
    return found


def read(histories: Mapping[int, Mapping[str, str]]) -> dict[int, list[tuple[int, int]]]:
    """Return the ancestors of every time line that has a history. Raises Failure when two of one disagree."""
    known = {}
    for line, found in histories.items():
        ways = {subject: ancestors(text, subject) for subject, text in found.items()}
        (first, way), *others = ways.items()
        for subject, other in others:
            if other != way:
                raise Failure(
                    "two servers made a time line {line}: {first} left {one} at {place}, {second} left {other} at "
                    "{other_place}",
                    line=line,
                    first=first,
                    one=way[-1][0],
                    place=shown(way[-1][1]),
                    second=subject,
                    other=other[-1][0],
                    other_place=shown(other[-1][1]),
                )
        known[line] = way
    for way in list(known.values()):
        for place, (line, _) in enumerate(way):
            if place:  # what its descendant says about it is as good as a history of its own
                known.setdefault(line, way[:place])
    return known


class Lines:
    """The time lines of a log, seen from the base that it has to carry forward."""

    def __init__(
        self,
        base: int,
        start: int,
        known: Mapping[int, list[tuple[int, int]]],
        present: Mapping[int, str],
        unread: Mapping[int, str],
    ) -> None:
        """``start`` is where the base needs the log from, ``present`` names a file of each time line with segments.

        ``unread`` says of histories that are there why they cannot be read.
        """
        self.base, self.start, self.known, self.present, self.unread = base, start, known, present, unread

    def descends(self, line: int) -> bool:
        """Return whether a time line goes on from the base."""
        return line == self.base or any(
            parent == self.base and end >= self.start for parent, end in self.known.get(line, [])
        )

    def way(self, target: int, notes: tuple[tuple[str, str, str], ...] = ()) -> Way:
        """Return the way from the base to a time line."""
        before = [(line, end) for line, end in self.known.get(target, []) if line >= self.base]
        return Way(target, (*(before if target != self.base else ()), (target, 0)), notes)

    def unplaced(self) -> dict[int, str]:
        """Return the time lines with segments of which nothing says where they belong, each with one of its files."""
        elders = {line for line, _ in self.known.get(self.base, [])}
        return {
            line: subject
            for line, subject in self.present.items()
            if line not in self.known and line != self.base and line not in elders
        }

    def choose(self, wanted: int, goes_on: Callable[[int, int], str]) -> Way:
        """Return the way to take: the one that is declared, or the only one on which anything was committed.

        ``goes_on(line, position)`` names a file of the time line that holds a commit behind the position, or is empty.
        Raises Failure when more than one time line could be production's.
        """
        unplaced = self.unplaced()
        family = sorted(line for line in {*self.known, self.base} if self.descends(line))
        strangers = [line for line in self.present if line not in family and line not in unplaced]
        notes = [
            ("beside", self.present[line], said("time line {line} left before the base", line=line))
            for line in sorted(strangers)
        ]
        if wanted:
            if wanted not in family:
                raise Failure(
                    "time line {wanted} does not go on from the base, which is on {base}", wanted=wanted, base=self.base
                )
            notes += [
                ("beside", subject, said("time line {line} has no history", line=line))
                for line, subject in unplaced.items()
            ]
            way = self.way(wanted)
            others = [line for line in family if not way.names(line) and line in self.present]
            notes += [
                ("beside", self.present[line], said("time line {line}: {wanted} is declared", line=line, wanted=wanted))
                for line in others
            ]
            return self.way(wanted, tuple(notes))
        if unplaced:
            line, subject = next(iter(unplaced.items()))
            how = "cannot be read ({why})" if line in self.unread else "is missing ({file})"
            raise Failure(
                f"the history of time line {{line}} {how}, so {{subject}} cannot be used: keep it with the log, or "
                f"declare "
                "timeline: {base} if {line} is not production's",
                line=line,
                why=self.unread.get(line, ""),
                file=f"{line:08X}.history",
                subject=subject,
                base=self.base,
            )
        way = self.way(max(family))
        if len(family) == 1:
            return self.way(way.target, tuple(notes))
        alive = {line: file for line in family if (file := goes_on(line, self._left_last(line, family)))}
        if len(alive) > 1:
            (one, first), (other, second), *_ = sorted(alive.items())
            raise Failure(
                "the log holds commits on two time lines, and only one is production's: {one} ({first}) and {other} "
                "({second}), which parted at {parted}: declare timeline: with its number",
                one=one,
                first=first,
                other=other,
                second=second,
                parted=shown(self._parted(one, other)),
            )
        (line,) = alive or {way.target}
        if not way.names(line) or line != way.target:
            subject = self.present.get(way.target, f"{way.target:08X}.history")
            other = said(
                "time line {line} holds no commit, while {other} goes on ({file}): declare timeline",
                line=way.target,
                other=line,
                file=alive[line],
            )
            notes.append(("unused", subject, other))
        return self.way(line, tuple(notes))

    def _left_last(self, line: int, family: list[int]) -> int:
        """Return where the last of its children left a time line; where it began itself if it has none."""
        left = [end for child in family for one, end in self.known.get(child, [])[-1:] if one == line]
        began = self.known[line][-1][1] if line != self.base and line in self.known else self.start
        return max([*left, began])

    def _parted(self, one: int, other: int) -> int:
        """Return where two time lines parted."""
        ends = [dict([*self.known.get(line, []), (line, 1 << 64)]) for line in (one, other)]
        return min(min(ends[0][line], ends[1][line]) for line in ends[0].keys() & ends[1].keys())
