"""What the locks of needed objects prove together: the weakest decides, and an odd one proves nothing. Pure."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from drp.domain.phrase import Phrase, fact
from drp.domain.recovery_point import Immutability, LockMode
from drp.domain.terms import listed
from drp.domain.worm.attestation import Attestation, LockDemand, WeakObject
from drp.domain.worm.objects import ObjectLock

Standing = Literal["none", "unknown", "expired", "governance", "compliance", "legal-hold"]
"""What a lock is worth at an instant, weakest first."""

Covered = Literal["", "version", "marker", "view"]

_ORDER: dict[Standing, int] = {
    "none": 0,
    "unknown": 0,
    "expired": 1,
    "governance": 2,
    "compliance": 3,
    "legal-hold": 4,
}
_DATED = ("governance", "compliance")
_WEAKEST = 20
_NAMED = 5
_ENDLESS = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenObject:
    """One object version that recovery points depend on, and what was seen of it."""

    key: str
    version: str = ""
    """Empty: the key may not list versions."""
    size: int = 0
    lock: ObjectLock | None
    """None: it is not there, so nothing keeps it."""
    required: datetime | None = None
    """Until when it must be locked; None: nothing is demanded of it."""
    covered: Covered = ""
    """What lies over it: other content under its name, a delete marker, or anything for a view that reads below it."""

    def standing(self, at: datetime) -> Standing:
        """Return what its lock is worth at an instant.

        A mode that nobody knows, or one without its date, is none that is known to hold; so is a date that has passed.
        """
        lock = self.lock
        if lock is None:
            return "none"
        if lock.legal_hold:
            return "legal-hold"
        if lock.mode not in {"compliance", "governance"}:
            return "none" if lock.mode == "none" and lock.until is None else "unknown"
        if lock.until is None:
            return "unknown"
        if lock.until <= at:
            return "expired"
        return "compliance" if lock.mode == "compliance" else "governance"

    @property
    def until(self) -> datetime | None:
        """Return until when it is locked; None: it has no date, or a hold that has none."""
        return self.lock.until if self.lock is not None else None


def weighed(seen: Sequence[SeenObject], facts: Attestation) -> Attestation:
    """Return an attestation with everything that follows from the objects that were asked for, findings apart."""
    at = facts.at
    standings = [each.standing(at) for each in seen]
    modes = Counter(standings)
    ends = [each.until for each, worth in zip(seen, standings, strict=True) if each.until and worth in _DATED]
    bare = any(modes[each] for each in ("none", "unknown", "expired"))
    weakest = heapq.nsmallest(
        _WEAKEST,
        zip(seen, standings, strict=True),
        key=lambda each: (_ORDER[each[1]], each[0].until or _ENDLESS, each[0].key),
    )
    required = [each.required for each in seen if each.required is not None]
    return replace(
        facts,
        asked=len(seen),
        modes=dict(sorted(modes.items())),
        earliest=None if bare else min(ends, default=None),
        required_until=max(required, default=None),
        weakest=tuple(
            WeakObject(
                key=each.key,
                version=each.version,
                mode=worth if worth != "unknown" or each.lock is None else each.lock.mode,
                until=each.until,
                size=each.size,
            )
            for each, worth in weakest
        ),
        hidden=sum(1 for each in seen if each.covered),
        forever=bool(seen) and not bare and not ends,
    )


def immutability_of(attestation: Attestation) -> Immutability:
    """Return what an attestation says of a point's immutability; there is no other way to come to it."""
    modes = attestation.modes
    mode: LockMode = "none"
    if attestation.offline:
        mode = "offline"
    elif attestation.unknown:
        mode = "unknown"
    elif attestation.earliest is not None or attestation.forever:
        mode = "governance" if modes.get("governance") else "compliance" if modes.get("compliance") else "legal-hold"
    elif modes and not _bare(attestation):  # what has run out was a lock, and its date tells that it is none any more
        mode = "governance" if modes.get("governance") else "compliance"
    ended = [each.until for each in attestation.weakest if each.mode == "expired" and each.until is not None]
    until = attestation.earliest or (min(ended, default=None) if mode in _DATED else None)
    return Immutability(
        mode=mode,
        provenance="declared" if attestation.offline else "observed",
        retained_until=until.astimezone(UTC) if until is not None else None,
        objects_observed=attestation.asked,
        objects_total=attestation.needed,
        remarks=(*attestation.remarks, *_weak_remarks(attestation)),
    )


def _bare(attestation: Attestation) -> int:
    """Return how many objects have no lock, or none that is known to hold."""
    return attestation.modes.get("none", 0) + attestation.modes.get("unknown", 0)


def is_odd(weak: WeakObject) -> bool:
    """Return whether one of the weakest has a lock that nobody knows, or none with a date."""
    return weak.mode not in _ORDER or (weak.mode in _DATED and weak.until is None)


def _weak_remarks(attestation: Attestation) -> tuple[Phrase, ...]:
    if attestation.offline:
        return ()
    if attestation.unknown:
        return (attestation.unknown,)
    found: list[Phrase] = []
    odd = sorted({each.mode for each in attestation.weakest if is_odd(each)})
    if odd:
        found.append(fact("locks-odd", "locks that are unknown or have no date: {kinds}", kinds=listed(odd)))
    bare = [each.key for each in attestation.weakest if each.mode == "none" or is_odd(each)]
    if bare:
        names = listed(bare[:_NAMED], _bare(attestation))
        found.append(fact("not-protected", "not protected: {names}", names=names))
    soft = [each.key for each in attestation.weakest if each.mode == "governance" and each.until is not None]
    if soft:
        names = listed(soft[:_NAMED], attestation.modes.get("governance", 0))
        found.append(fact("only-governance", "only in governance mode: {names}", names=names))
    return tuple(found)


def needed_until(demand: LockDemand, points: Sequence[str], at: datetime) -> datetime | None:
    """Return until when what these points need must be locked; None: nothing is demanded, or not any more."""
    dates = [demand.until.get(point, at if demand.required else None) for point in points]
    if not points and demand.required:
        return at
    return max((date for date in dates if date is not None and date >= at), default=None)
