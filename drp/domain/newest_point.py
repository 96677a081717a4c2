"""How old the newest recovery point of an application is now: what a disaster at this moment would take. Pure.

A drill measures what would have been lost at its own disaster. That a backup job died since, or that a plan's disaster
is a fixed day on which it was still alive, shows only here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from drp.domain.application import Objectives
from drp.domain.clock import CLOCKS_AGREE
from drp.domain.phrase import Phrase, beside, fact, several
from drp.domain.recovery_point import RecoveryPoint


@dataclass(frozen=True, slots=True, kw_only=True)
class NewestPoint:
    """What the repositories list of an application at one moment."""

    at: datetime | None = None
    """Of the newest recovery point in any of its repositories; None: none is listed, or nobody could look."""
    repository: str = ""
    future: tuple[str, ...] = ()
    """Points that are dated later than now: they tell nothing of how old the newest one is."""
    unknown: tuple[Phrase, ...] = ()
    """Repositories that could not be looked at, each with the reason."""
    unreadable: int = 0
    """What the repositories list and cannot read: newer points may hide there."""
    missing: tuple[str, ...] = ()
    """Points that were there, and are gone or altered now, though nobody accounts for it."""
    looked: bool = False
    """At least one repository answered."""


def newest_of(points: Iterable[RecoveryPoint], now: datetime) -> tuple[RecoveryPoint | None, tuple[str, ...]]:
    """Return the newest point that can be, and the ids of those that are dated in the future."""
    listed = list(points)
    future = tuple(point.short_id for point in listed if point.consistent_at > now + CLOCKS_AGREE)
    possible = [point for point in listed if point.consistent_at <= now + CLOCKS_AGREE]
    return max(possible, key=lambda point: point.consistent_at, default=None), future


def judge_newest(
    newest: NewestPoint, objectives: Objectives, now: datetime
) -> tuple[tuple[Literal["warning", "critical"], Phrase], ...]:
    """Return what has to be said of the newest point now; nothing when it is young enough, or nobody could look."""
    found: list[tuple[Literal["warning", "critical"], Phrase]] = []
    if newest.future:
        found.append(
            (
                "critical",
                fact(
                    "recovery-points-dated-future",
                    "recovery points dated in the future: {future}",
                    future=several(newest.future[:3]),
                ),
            )
        )
    if newest.unreadable:
        found.append(
            (
                "critical",
                fact(
                    "recovery-points-cannot-read",
                    "{unreadable} of its recovery points cannot be read",
                    unreadable=newest.unreadable,
                ),
            )
        )
    if newest.missing:
        found.append(("critical", _missing(newest)))
    if newest.looked and newest.at is None and not newest.unknown:
        found.append(("critical", fact("repositories-list-no-recovery", "its repositories list no recovery point")))
    elif newest.looked and newest.at is None:  # what is away may hold one; what is here was emptied, or never filled
        found.append(
            (
                "warning",
                fact(
                    "repositories-could-looked-list", "the repositories that could be looked at list no recovery point"
                ),
            )
        )
    if newest.at is not None and now - newest.at > objectives.rpo:
        age, rpo = beside(now - newest.at, objectives.rpo)
        found.append(
            (
                "critical",
                fact("newest-recovery-point-old", "newest recovery point is {age} old, RPO {rpo}", age=age, rpo=rpo),
            )
        )
    return tuple(found)


def _missing(newest: NewestPoint) -> Phrase:
    missing = several(newest.missing[:3])
    return fact(
        "recovery-points-are-gone", "recovery points that were there are gone or altered: {missing}", missing=missing
    )
