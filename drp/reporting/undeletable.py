"""Until when nobody can delete what a drill restored, as far as its record shows: the one judgement that reports use.

Nothing that was not looked at counts as locked, and nothing that was only declared is told as observed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from drp.domain.evidence import RecoveryRecord
from drp.domain.phase import Selected
from drp.domain.phrase import NOTHING, Phrase, say
from drp.domain.worm.attestation import Attestation
from drp.domain.worm.horizon import Horizon
from drp.domain.worm.pinned import Pinned
from drp.domain.worm.probe import OF_BUCKETS, Probe, Tried

Kind = Literal["until", "forever", "liftable", "deletable", "refuted", "unknown"]
_FIRM = {"compliance", "legal-hold"}
_OPEN = {"none", "expired"}


@dataclass(frozen=True, slots=True)
class Undeletable:
    """What is known of one recovery's point."""

    kind: Kind
    until: datetime | None = None
    why: Phrase = NOTHING
    """For what is unknown."""

    def short(self, selected: Selected) -> bool:
        """Return whether it ends before the application's ``immutable_for`` does."""
        required = selected.locks.required_until if selected.locks is not None else None
        return required is not None and self.until is not None and self.until < required


def undeletable(recovery: RecoveryRecord, now: datetime) -> Undeletable | None:
    """Return until when nobody can delete the point; None: nobody observed its locks, or it has none to observe.

    ``now``: when the drill was declared. A lock that ended by then is none. Where fewer objects were asked for their
    locks than the point depends on, nobody knows; nor where more versions were read, and nobody told which it needs.
    """
    selected, known = recovery.select, _judged(recovery.select, now)
    locks, horizon = (selected.locks, selected.horizon) if selected is not None else (None, None)
    if known is None or locks is None or known.kind not in {"until", "forever"}:
        return known
    if horizon is not None and horizon.objects > locks.asked:
        values = {"needed": horizon.objects, "asked": locks.asked}
        return Undeletable(
            "unknown", why=say("it needs {needed} objects, and {asked} were asked for their locks", **values)
        )
    read = recovery.restore.versions_read if recovery.restore is not None and horizon is None else 0
    if read > locks.asked:
        why = say("{read} object versions were read, and {asked} asked for their locks", read=read, asked=locks.asked)
        return Undeletable("unknown", why=why)
    return known


def _judged(selected: Selected | None, now: datetime) -> Undeletable | None:
    if selected is None or selected.point is None or selected.immutability is None:
        return None
    horizon, locks = selected.horizon, selected.locks
    if selected.immutability.mode == "offline" or (horizon is None and locks is None):
        return None
    if let_through(probe_of(selected)):
        return Undeletable("refuted")
    if selected.immutability.mode == "unknown":
        unseen = say("what locks it could not be seen")
        return Undeletable("unknown", why=horizon.unknown or unseen if horizon is not None else unseen)
    found = _of_horizon(horizon) if horizon is not None else _of_locks(locks)
    until = _earlier(found.until, selected.immutability.retained_until)
    if found.kind == "until" and (until is None or until <= now):
        return Undeletable("deletable", until)
    modes = _modes(selected)
    if found.kind in {"until", "forever"} and modes - _FIRM:
        if "unknown" in modes:
            return Undeletable("unknown", why=say("what locks it could not be seen"))
        return Undeletable("deletable") if modes & _OPEN else Undeletable("liftable", until)
    return Undeletable("until", until) if found.kind == "until" else found


def probe_of(selected: Selected) -> Probe | None:
    """Return what was tried on the repository before; None: nobody tried, or nobody looked whether somebody had."""
    return selected.known.probe if selected.known is not None else None


def let_through(probe: Probe | None) -> int:
    """Return how many attempts on what was locked came through, or were said to."""
    return sum(came_through(one) for one in probe.tried) if probe is not None else 0


def came_through(tried: Tried) -> bool:
    """Return whether a lock was broken, or the store said so; what concerns objects to come is another matter."""
    return tried.came in {"succeeded", "ignored"} and tried.attempt not in OF_BUCKETS


def attacked(recovery: RecoveryRecord) -> Pinned | None:
    """Return the view of before an attack that the recovery was taken from; None: nothing was seen of one."""
    pinned = recovery.select.pinned if recovery.select is not None else None
    return pinned if pinned is not None and pinned.why == "before-tampering" else None


def _of_horizon(horizon: Horizon) -> Undeletable:
    if horizon.unknown:
        return Undeletable("unknown", why=horizon.unknown)
    if horizon.forever:
        return Undeletable("forever")
    return Undeletable("until", horizon.until) if horizon.until is not None else Undeletable("deletable")


def _of_locks(locks: Attestation | None) -> Undeletable:
    assert locks is not None, "asked for where there are some"
    if locks.unknown:
        return Undeletable("unknown", why=locks.unknown)
    if locks.asked < locks.needed or not locks.asked:
        why = say("{asked} of {needed} objects were asked for their locks", asked=locks.asked, needed=locks.needed)
        return Undeletable("unknown", why=why)
    if locks.forever:
        return Undeletable("forever")
    return Undeletable("until", locks.earliest) if locks.earliest is not None else Undeletable("deletable")


def _modes(selected: Selected) -> set[str]:
    """Return how what the point needs is locked, all that the record holds of it."""
    modes: set[str] = {selected.immutability.mode} if selected.immutability is not None else set()
    if selected.locks is not None:
        modes |= {mode for mode, number in selected.locks.modes.items() if number}
    if selected.horizon is not None:
        modes |= {weak.mode for weak in selected.horizon.weakest}
    return modes


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min(one, other) if one is not None and other is not None else one or other
