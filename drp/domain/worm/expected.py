"""A listing of recovery points held against the ledger: what is new, what is gone, and what nobody accounts for. Pure.

A repository from which a point was removed is whole, as far as its own tool can tell. Only what was noted outside of it
knows better.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from drp.domain.application import Application
from drp.domain.findings.bounded import bounded
from drp.domain.findings.expected_points import (
    POINT_AGED,
    POINT_ALTERED,
    POINT_BACK,
    POINT_BACKDATED,
    POINT_LOST,
    POINT_REDATED,
    POINTS_FIRST_SEEN,
    POINTS_TOO_MANY,
)
from drp.domain.findings.finding import Finding
from drp.domain.findings.finding_code import FindingCode
from drp.domain.phrase import NOTHING, Instant, Phrase, counted, fact, lasting
from drp.domain.recovery_point import PointListing, RecoveryPoint
from drp.domain.worm.points import Expected, KnownPoint, LostPoint, NotedPoint

_IDS = re.compile(r"[0-9a-f]{64}")
_ENOUGH = 8
"""From so many points on their usual distance is known."""
_THINNED = 3
"""Of a point that is gone from between others so many younger ones are left where retention thins out."""
_MORE = 3
"""So many times as many as usual, and so many more, are too many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What a listing shows of an application's points in one repository."""

    findings: tuple[Finding, ...] = ()
    new: tuple[NotedPoint, ...] = ()
    """To be noted: points that were not known, came back, or state something new."""
    lost: tuple[LostPoint, ...] = ()
    """To be noted: points that are gone or altered since they were last looked at."""
    first: bool = False
    """Nothing was known of the application in this repository."""
    judged: bool = True
    """False: the listing as a whole could not be read, which is told elsewhere."""

    missing: tuple[str, ...] = ()
    """Ids of points that are lost or altered, and that nobody accepted."""

    @property
    def changed(self) -> bool:
        """Return whether there is anything to note."""
        return bool(self.new or self.lost)


@dataclass(slots=True)
class _Look:
    """One comparison under way."""

    application: Application
    known: dict[str, KnownPoint]
    listed: dict[str, RecoveryPoint]
    unreadable: frozenset[str]
    now: datetime
    settled: datetime | None
    found: list[Finding] = field(default_factory=list)
    lost: list[LostPoint] = field(default_factory=list)
    new: list[NotedPoint] = field(default_factory=list)


def compare(
    known: Expected,
    application: Application,
    listing: PointListing,
    now: datetime,
    *,
    settled: datetime | None = None,
) -> Compared:
    """Return what came and went of an application's points since they were noted.

    ``known`` must have been read before the points were listed. A point that is gone is accounted for by what the
    application declares (``backup.kept_for``), except the newest of all, whose loss nothing accounts for. ``settled``:
    what was noted after that instant may be missing from the listing, and nobody missed it yet; None: it may not.
    """
    own = {point: each for (name, point), each in known.items() if name == application.name}
    if listing.emptied or (listing.unreadable and not listing.points):
        return Compared(judged=False, findings=standing(known, application))
    look = _Look(
        application=application,
        known=own,
        listed={point.id: point for point in listing.points},
        unreadable=frozenset(each for words in listing.unreadable for each in _IDS.findall(words)),
        now=now,
        settled=settled,
    )
    _vanished(look)
    _altered(look)
    _came(look)
    first = not own and bool(listing.points)
    if first:
        observed = counted("seen-first-time", "{n} point", "{n} points", len(listing.points))
        expected = fact("nothing-noted-before", "nothing was noted before: nothing to compare with")
        look.found.append(_finding(POINTS_FIRST_SEEN, application.name, observed, expected))
    lost = {each.point for each in look.lost if not each.allowed}
    lost |= {each.point for each in own.values() if each.missing and each.point not in {new.point for new in look.new}}
    return Compared(
        findings=tuple(look.found),
        new=tuple(look.new),
        lost=tuple(look.lost),
        first=first,
        missing=tuple(sorted(lost)),
    )


def mark_of(point: RecoveryPoint) -> str:
    """Return what tells a point's content from another one under the same id: the manifest that it names.

    Where the id is a digest of what the point says, as restic's, nothing else is needed.
    """
    return point.manifest_id or ""


def standing(known: Expected, application: Application) -> tuple[Finding, ...]:
    """Return what was found of an application's points before, and nobody accepted."""
    own = (each for (name, _), each in known.items() if name == application.name and each.lost_at is not None)
    return tuple(bounded(_told(each) for each in _newest_first(own)))


def _told(known: KnownPoint, also: Phrase = NOTHING) -> Finding:
    """Return what has to be said of a point that is lost, altered, or back."""
    since = Instant(known.lost_at) if known.lost_at is not None else NOTHING
    if known.back:
        back = fact("missed-and-back", "missed at {at}, and there again", at=since)
        return _finding(POINT_BACK, known.point[:8], back, _always(known))
    if known.altered:
        words = fact("another-since", "another one, or unreadable, since {at}", at=since)
        return _finding(POINT_ALTERED, known.point[:8], words, _always(known))
    words = fact("not-listed-since", "not listed, missed since {at}", at=since)
    return _finding(POINT_LOST, known.point[:8], also or words, _always(known))


def _vanished(look: _Look) -> None:
    """Find points that are known and not listed; what cannot be read any more is altered."""
    gone = [each for key, each in look.known.items() if key not in look.listed and _is_settled(look, each)]
    before = [each for each in look.known.values() if each.lost_at is None]
    newest = max(before, key=lambda each: (each.consistent_at, each.point), default=None)
    left = sorted(point.consistent_at for point in look.listed.values())
    lost: list[Finding] = []
    aged: list[Finding] = []
    for each in _newest_first(gone):
        altered = each.point in look.unreadable
        if each.missing and (each.altered or not altered):
            lost.append(_told(each))
            continue
        allowed = NOTHING if altered or each is newest or each.back else _account(look, each, left)
        look.lost.append(LostPoint(application=each.application, point=each.point, altered=altered, allowed=allowed))
        if altered:
            unreadable = fact("unreadable-now", "present, and cannot be read any more")
            lost.append(_finding(POINT_ALTERED, each.point[:8], unreadable, _always(each)))
        elif not allowed:
            lost.append(_told(replace(each, back=False), _gone_words(each, newest)))
        elif look.application.backup_job.kept_for is None:
            aged.append(_aged(each, allowed))
    look.found += bounded(lost)
    look.found += bounded(aged)


def _is_settled(look: _Look, known: KnownPoint) -> bool:
    return look.settled is None or known.noted_at <= look.settled or known.lost_at is not None


def _account(look: _Look, known: KnownPoint, left: list[datetime]) -> Phrase:
    """Return what accounts for a point that is gone; nothing: nobody said that it might go."""
    kept_for = look.application.backup_job.kept_for
    if kept_for is not None:
        if known.consistent_at + kept_for > look.now:
            return NOTHING
        return fact("kept-for-and-gone", "older than {age}, for which points are kept", age=lasting(kept_for))
    younger = len(left) - bisect_right(left, known.consistent_at)
    if left and younger == len(left):
        return fact("older-than-all-left", "older than every point that is left: retention may have removed it")
    if younger >= _THINNED:
        return fact(
            "thinned-out", "{n} younger points are left: retention that thins out may have removed it", n=younger
        )
    return NOTHING


def _gone_words(known: KnownPoint, newest: KnownPoint | None) -> Phrase:
    if known is newest:
        return fact("newest-not-listed", "not listed any more, and it was the newest")
    return fact("not-listed-any-more", "not listed any more")


def _aged(known: KnownPoint, allowed: Phrase) -> Finding:
    observed = fact("aged-not-listed", "not listed any more; {allowed}", allowed=allowed)
    return _finding(POINT_AGED, known.point[:8], observed, _always(known))


def _altered(look: _Look) -> None:
    """Find points that are listed under their name, and are not what they were, or are back."""
    found: list[Finding] = []
    for each in _newest_first(look.known.values()):
        point = look.listed.get(each.point)
        if point is None:
            continue
        if each.mark and mark_of(point) != each.mark:
            if not each.altered:
                look.lost.append(LostPoint(application=each.application, point=each.point, altered=True))
            observed = fact("names-another-manifest", "it names another manifest than before, or none")
            found.append(_finding(POINT_ALTERED, point.short_id, observed, _always(each)))
        elif each.lost_at is not None:
            if each.missing and not each.altered:
                look.new.append(_noted(point))
            found.append(_told(each if each.altered else replace(each, back=True)))
        elif point.consistent_at != each.consistent_at or mark_of(point) != each.mark:
            look.new.append(_noted(point))
            if point.consistent_at != each.consistent_at:
                observed = fact("stated-now", "of {at}", at=Instant(point.consistent_at))
                expected = fact("stated-before", "of {at}, as noted before", at=Instant(each.consistent_at))
                found.append(_finding(POINT_REDATED, point.short_id, observed, expected))
    look.found += bounded(found)


def _came(look: _Look) -> None:
    """Find points that were not known, and those among them that appeared with a date in the past."""
    fresh = [point for key, point in look.listed.items() if key not in look.known]
    look.new += [_noted(point) for point in fresh]
    if not look.known:
        return
    newest = max(each.consistent_at for each in look.known.values())
    past = [point for point in fresh if point.consistent_at < newest]
    look.found += bounded(_backdated(point, newest) for point in past)
    usual = _usual([each.consistent_at for each in look.known.values()])
    if usual and fresh:
        span = max(point.consistent_at for point in fresh) - newest
        expected = max(0, span // usual)
        if len(fresh) > _MORE * (expected + 1):
            observed = counted("came-at-once", "{n} new point", "{n} new points", len(fresh))
            words = fact("about-so-many", "about {n}: one every {every}", n=int(expected), every=lasting(usual))
            look.found.append(_finding(POINTS_TOO_MANY, look.application.name, observed, words))


def _backdated(point: RecoveryPoint, newest: datetime) -> Finding:
    observed = fact("new-and-dated", "new, and of {at}", at=Instant(point.consistent_at))
    expected = fact("newer-than-known", "newer than what was known: of {at} or later", at=Instant(newest))
    return _finding(POINT_BACKDATED, point.short_id, observed, expected)


def _usual(dates: list[datetime]) -> timedelta | None:
    """Return the usual distance of points in time; None: too few are known, or they are of one instant."""
    if len(dates) < _ENOUGH:
        return None
    ordered = sorted(dates)
    steps = [(later - earlier).total_seconds() for earlier, later in pairwise(ordered)]
    usual = timedelta(seconds=median(steps))
    return usual or None


def _noted(point: RecoveryPoint) -> NotedPoint:
    return NotedPoint(
        application=point.application, point=point.id, consistent_at=point.consistent_at, mark=mark_of(point)
    )


def _always(known: KnownPoint) -> Phrase:
    return fact("point-as-noted", "the recovery point of {at}, as it was", at=Instant(known.consistent_at))


def _newest_first(known: Iterable[KnownPoint]) -> list[KnownPoint]:
    return sorted(known, key=lambda each: (each.consistent_at, each.point), reverse=True)


def _finding(code: FindingCode, subject: str, observed: Phrase, expected: Phrase) -> Finding:
    return code.finding(subject=subject, observed=observed, expected=expected)
