"""What is written into the register about repositories: outside drills, in the chain that drills name the head of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from drp.domain.worm.attestation import Attestation
from drp.domain.worm.horizon import Horizon
from drp.domain.worm.points import LostPoint, NotedPoint
from drp.domain.worm.probe import Probe
from drp.domain.worm.scrub import Scrub


@dataclass(frozen=True, slots=True, kw_only=True)
class LocksObserved:
    """What protects a repository's points (`drp repo worm`)."""

    type: Literal["locks-observed"] = "locks-observed"
    repository: str
    host: str
    attestation: Attestation


@dataclass(frozen=True, slots=True, kw_only=True)
class LocksProbed:
    """What was tried on a repository (`drp repo worm --probe`)."""

    type: Literal["locks-probed"] = "locks-probed"
    repository: str
    host: str
    probe: Probe


@dataclass(frozen=True, slots=True, kw_only=True)
class HorizonSeen:
    """Until when points can be restored (`drp repo horizon`)."""

    type: Literal["horizon-seen"] = "horizon-seen"
    repository: str
    host: str
    horizons: tuple[Horizon, ...]
    """Newest point first, no more than a hundred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrubbed:
    """What a scrub has shown (`drp repo scrub`)."""

    type: Literal["scrubbed"] = "scrubbed"
    repository: str
    host: str
    scrub: Scrub


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsNoted:
    """Which recovery points have come and gone since they were last looked at."""

    type: Literal["points-noted"] = "points-noted"
    repository: str
    host: str
    new: tuple[NotedPoint, ...] = ()
    lost: tuple[LostPoint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsAccepted:
    """Somebody answers for recovery points of an application that are gone, or not what they were."""

    type: Literal["points-accepted"] = "points-accepted"
    repository: str
    application: str
    points: tuple[str, ...]
    """By their whole ids."""
    by: str
    reason: str


RepositoryFact = LocksObserved | LocksProbed | HorizonSeen | Scrubbed | PointsNoted | PointsAccepted
