"""What the register holds of a repository: the newest facts of each kind, and the points that are expected. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import get_args

from drp.domain.worm.attestation import Attestation
from drp.domain.worm.facts import (
    HorizonSeen,
    LocksObserved,
    LocksProbed,
    PointsAccepted,
    PointsNoted,
    RepositoryFact,
    Scrubbed,
)
from drp.domain.worm.horizon import Horizon
from drp.domain.worm.points import Expected, KnownPoint
from drp.domain.worm.probe import Probe
from drp.domain.worm.scrub import Scrub

FACTS = get_args(RepositoryFact)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldedRepository:
    """The newest that was written down of a repository; it grows with its points, and not with the years."""

    locks: Attestation | None = None
    probe: Probe | None = None
    scrub: Scrub | None = None
    horizons: tuple[Horizon, ...] = ()
    """Newest point first."""
    horizons_at: datetime | None = None
    """When they were seen, by the machine that saw them."""
    points: Mapping[str, Mapping[str, KnownPoint]] = field(default_factory=dict)
    """Application → id → point."""

    @property
    def expected(self) -> Expected:
        """Return the points that are expected, and those that were lost and not accepted."""
        return {known.key: known for points in self.points.values() for known in points.values()}

    @property
    def missing(self) -> tuple[KnownPoint, ...]:
        """Return the points that are lost or altered, and that nobody accepted; newest first."""
        lost = [known for known in self.expected.values() if known.missing]
        return tuple(sorted(lost, key=lambda known: (known.consistent_at, known.point), reverse=True))


def fold_fact(known: FoldedRepository | None, event: RepositoryFact, at: datetime) -> FoldedRepository:
    """Return what is known after a fact that was written down at an instant."""
    known = known or FoldedRepository()
    match event:
        case LocksObserved():
            return replace(known, locks=event.attestation)
        case LocksProbed():
            return replace(known, probe=event.probe)
        case Scrubbed():
            return replace(known, scrub=event.scrub)
        case HorizonSeen():
            return replace(known, horizons=event.horizons, horizons_at=at)
        case PointsNoted():
            return replace(known, points=_noted(known.points, event, at))
        case PointsAccepted():
            return replace(known, points=_accepted(known.points, event))


Points = Mapping[str, Mapping[str, KnownPoint]]


def _noted(before: Points, event: PointsNoted, at: datetime) -> Points:
    points = _copied(before, {new.application for new in event.new} | {lost.application for lost in event.lost})
    for new in event.new:
        own, known = points[new.application], points[new.application].get(new.point)
        if known is None:
            own[new.point] = KnownPoint(
                application=new.application,
                point=new.point,
                consistent_at=new.consistent_at,
                mark=new.mark,
                noted_at=at,
            )
        elif known.missing and not known.altered:
            own[new.point] = replace(known, back=True)
        elif known.lost_at is None:
            own[new.point] = replace(known, consistent_at=new.consistent_at, mark=new.mark)
    for lost in event.lost:
        own, known = points[lost.application], points[lost.application].get(lost.point)
        if known is None:
            continue  # somebody accepted it meanwhile
        if lost.allowed:
            del own[lost.point]
        else:
            own[lost.point] = replace(
                known, lost_at=known.lost_at or at, altered=known.altered or lost.altered, back=False
            )
    return {application: own for application, own in points.items() if own}


def _accepted(before: Points, event: PointsAccepted) -> Points:
    points = _copied(before, {event.application})
    own = points[event.application]
    for point in event.points:
        known = own.get(point)
        if known is not None and known.back:
            own[point] = replace(known, lost_at=None, back=False)
        elif known is not None and known.lost_at is not None:
            del own[point]
    return {application: own for application, own in points.items() if own}


def _copied(before: Points, changed: set[str]) -> dict[str, dict[str, KnownPoint]]:
    """Return points that may be changed, of some applications; the others stay the very same."""
    kept: dict[str, dict[str, KnownPoint]] = {
        application: own if isinstance(own, dict) else dict(own) for application, own in before.items()
    }
    return {**kept, **{application: dict(before.get(application, {})) for application in changed}}
