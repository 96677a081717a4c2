"""The keys of both sides of a reference side by side: what matches, whose it is, what came late. Part by part."""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from drp.domain.phrase import fact, several
from drp.domain.reconciliation.collected import ALWAYS, Keys
from drp.domain.reconciliation.digests import shown_digest
from drp.domain.reconciliation.packed import PARTS, Side
from drp.domain.reconciliation.result import MOST_LISTED

_LATE = 24 * 3600 * 1_000_000
"""What came so much later, in microseconds, was not late: its record was dated anew."""

Missing = Callable[[str, int, tuple[int, ...]], None]
"""Takes a key that the other side lacks, since when it is there, and what goes with it."""
Mismatch = tuple[str, str, str]
"""Key, how it is told, and whose it is on both sides."""


@dataclass(slots=True)
class Late:
    """Pairs of which one side's record is older: wrong from its instant until that of the other."""

    begins: array[int] = field(default_factory=lambda: array("q"))
    ends: array[int] = field(default_factory=lambda: array("q"))

    def add(self, since: int, until: int) -> None:
        """Take a pair in."""
        if since != ALWAYS and until <= since + _LATE:
            self.begins.append(since)
            self.ends.append(until)


@dataclass(slots=True)
class Joined:
    """What both sides came to."""

    ours: int = 0
    theirs: int = 0
    """Different keys."""
    matched: int = 0
    mismatched: int = 0
    mismatches: list[Mismatch] = field(default_factory=list)
    """The first of them by key."""
    uncompared: int = 0
    whose: set[tuple[int, ...]] = field(default_factory=set)
    """What goes with the keys of both sides, as far as is needed to know whether it is one value or several."""
    forwards: Late = field(default_factory=Late)
    backwards: Late = field(default_factory=Late)
    """Records of the source that were there before their target's, and the other way round."""


def join(source: Keys, target: Keys, settled: int, forwards: Missing, backwards: Missing | None) -> Joined:
    """Return how two sides fit, and hand on what the target lacks, and the source where ``backwards`` is given.

    Pairs that had ended at ``settled`` (microseconds) are of no concern for an instant.
    """
    found = Joined()
    for part in range(PARTS):
        ours, theirs = source.rows.side(part), target.rows.side(part)
        both = ours.since.keys() & theirs.since.keys()
        found.ours += len(ours.since)
        found.theirs += len(theirs.since)
        found.matched += len(both)
        _missing(ours, both, forwards)
        if backwards is not None:
            _missing(theirs, both, backwards)
        _late(found, ours, theirs, both, settled)
        if source.same:
            _compare(found, (source, target), (ours, theirs), both)
    return found


def _missing(side: Side, both: AbstractSet[str], take: Missing) -> None:
    if len(both) < len(side.since):
        for key in side.since.keys() - both:
            take(key, side.since[key], side.belongs.get(key, ()))


def _late(found: Joined, ours: Side, theirs: Side, both: Iterable[str], settled: int) -> None:
    mine, other = ours.since, theirs.since
    for key in both:
        here, there = mine[key], other[key]
        if here < there:
            if settled < there:
                found.forwards.add(here, there)
        elif there < here and settled < here:
            found.backwards.add(there, here)


def _compare(found: Joined, places: tuple[Keys, Keys], sides: tuple[Side, Side], both: Iterable[str]) -> None:
    """Compare what goes with the keys of both sides; in a key that belongs to several no side is right."""
    ours, theirs = sides
    if len(found.whose) < 2:
        found.whose.update(ours.belongs[key] for key in both)
    wrong: list[Mismatch] = []
    for key in both:
        if ours.blank or theirs.blank:
            found.uncompared += bool(ours.blank.get(key, 0) & theirs.blank.get(key, 0))
        if key in ours.torn or key in theirs.torn:
            both_in = [place.place.records for place, side in zip(places, sides, strict=True) if key in side.torn]
            wrong.append(
                (key, fact("belongs-several", "belongs to several in {sets}", sets=several(both_in, " and ")), "")
            )
        elif ours.belongs[key] != theirs.belongs[key]:
            left, right = _different(ours.belongs[key], theirs.belongs[key])
            names = tuple(place.place.records for place in places)
            wrong.append(
                (
                    key,
                    fact(
                        "belongs-to-others",
                        "{left} in {records}, {right} in {other_records}",
                        left=left,
                        records=names[0],
                        right=right,
                        other_records=names[1],
                    ),
                    f"{left} / {right}",
                )
            )
    found.mismatched += len(wrong)
    found.mismatches = heapq.nsmallest(MOST_LISTED, [*found.mismatches, *wrong])


def _different(left: tuple[int, ...], right: tuple[int, ...]) -> tuple[str, str]:
    """Return the digests that differ."""
    pairs = [(ours, theirs) for ours, theirs in zip(left, right, strict=True) if ours != theirs]
    return "+".join(shown_digest(ours) for ours, _ in pairs), "+".join(shown_digest(theirs) for _, theirs in pairs)
