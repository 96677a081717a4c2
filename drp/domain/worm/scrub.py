"""What reading stored objects and comparing them with their names has shown, and what it has not. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from drp.domain.findings.finding import Finding
from drp.domain.phrase import Phrase
from drp.domain.sample import seen_with

BAD_SHARE = 0.01
CHANCE = 0.95
"""A draw is as large as it takes to meet one corrupt object with this chance, if such a share of all were corrupt."""
_FINE = 10_000
MOST_NAMED = 100
"""So many objects are named in one scrub; all are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What the name of a stored object says of it, to who does not hold the key."""

    part: str = ""
    """Of the repository, such as ``data``; empty: it is no object of the repository."""
    sha256: str = ""
    """Of its bytes, hex; empty: its name says nothing about its content."""
    passing: bool = False
    """Whether such objects come and go, as locks do."""


def corrupt_of(population: int, share: float) -> int:
    """Return how many objects are a share of so many, at least one: rounded up, so that no more is claimed."""
    return min(population, max(1, math.ceil(population * share))) if population else 0


def draw_size(population: int, share: float = BAD_SHARE, chance: float = CHANCE) -> int:
    """Return the fewest objects to draw so that one corrupt one is met with that chance if that share is corrupt.

    The smallest n with 1 - C(N-D, n) / C(N, n) >= chance, where D = ceil(share N): hypergeometric, drawing without
    putting back (Cochran, Sampling Techniques, 3rd ed., §3.6; `drp.domain.sample.seen_with`).
    """
    low, high = 0, population
    while low < high:
        middle = (low + high) // 2
        if seen_with(population, middle, corrupt_of(population, share)) >= chance:
            high = middle
        else:
            low = middle + 1
    return low


def drawn(seed: str, read: int, population: int, share: float = BAD_SHARE) -> Draw | None:
    """Return what a draw of which so many objects were read can show; None where none were.

    Objects that drp could not read were not drawn: the chance is that of those that were read. It is rounded down, and
    1 only where it is certain: more were read than could be whole.
    """
    if not read:
        return None
    bad = corrupt_of(population, share)
    chance = min(math.floor(seen_with(population, read, bad) * _FINE) / _FINE, 1 - 1 / _FINE)
    chance = 1.0 if read + bad > population else chance
    return Draw(seed=seed, drawn=read, population=population, bad_share=share, chance=chance)


def exit_status(findings: Iterable[Finding]) -> int:
    """Return 1 where something is damaged or gone, 3 where something could not be judged, else 0."""
    severities = {finding.severity for finding in findings}
    return 1 if "critical" in severities else 3 if "inconclusive" in severities else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How far the rotation has come: oldest-verified first."""

    objects: int
    objects_ever: int
    """Of them, those that were ever read whole and found to be what they are called."""
    size: int
    size_ever: int
    oldest_at: datetime | None
    """When the object was read whose last reading is the oldest; None: one was never read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """A seeded random draw, and exactly what it can show (`drp.domain.sample.seen_with`)."""

    seed: str
    drawn: int
    population: int
    bad_share: float
    """If at least this share of all objects were corrupt …"""
    chance: float
    """… one would have been drawn with this probability."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Damaged:
    """An object that is not what it is called, or cannot be read whole."""

    key: str
    version: str = ""
    why: Phrase
    points: tuple[str, ...] | None = None
    """Recovery points that it breaks; None: it takes the key to know, or nobody could tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrub:
    """One scrub of a repository, finished or as far as its budget went."""

    began_at: datetime
    ended_at: datetime
    keyless: bool
    objects: int
    size: int
    """Bytes that were read."""
    damaged: tuple[Damaged, ...] = ()
    """No more than a hundred; ``damaged_total`` counts them all."""
    damaged_total: int = 0
    missing: tuple[str, ...] = ()
    """Names that the ledger of expected points knows, and that are not there."""
    draw: Draw | None = None
    coverage: Coverage | None = None
    not_judged: tuple[Phrase, ...] = ()
    population: int = 0
    """Objects whose names say what they must hold, as they were listed."""
    unread: int = 0
    """Objects that drp could not read: silence, refusals, its own limits. Nothing is said about them."""
    gone: int = 0
    """Objects of the last scrub that are not there any more."""
    complete: bool = True
    """Whether all of them were looked at; otherwise the budget was used up, or the place went away."""
    decoded: bool = False
    """Whether the backup tool read and decoded everything too, with the key."""
    all_versions: bool = False
    """Whether versions below the current ones were read too."""
    findings: tuple[Finding, ...] = ()
