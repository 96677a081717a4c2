"""What reading stored objects and comparing them with their names has shown, and what it has not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from drp.domain.findings.finding import Finding
from drp.domain.phrase import Phrase


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
    findings: tuple[Finding, ...] = ()
