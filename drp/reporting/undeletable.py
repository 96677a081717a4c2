"""Until when nobody can delete what a drill restored, as far as its record shows: the one judgement that reports use.

Nothing that was not looked at counts as locked, and nothing that was only declared is told as observed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from drp.domain.evidence import EvidenceRecord, RecoveryRecord
from drp.domain.phase import Selected
from drp.domain.phrase import NOTHING, Data, Day, Instant, Phrase, count, joined, say
from drp.domain.worm.attestation import Attestation
from drp.domain.worm.horizon import Horizon
from drp.domain.worm.pinned import Pinned
from drp.domain.worm.probe import Probe

MOST_TOLD = 3
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


def undeletable(selected: Selected | None, now: datetime) -> Undeletable | None:
    """Return until when nobody can delete the point; None: nobody observed its locks, or it has none to observe.

    ``now``: when the drill was declared. A lock that ended by then is none.
    """
    if selected is None or selected.point is None or selected.immutability is None:
        return None
    horizon, locks = selected.horizon, selected.locks
    if selected.immutability.mode == "offline" or (horizon is None and locks is None):
        return None
    if succeeded(probe_of(selected)):
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


def succeeded(probe: Probe | None) -> int:
    """Return how many attempts the store let through."""
    return sum(one.came == "succeeded" for one in probe.tried) if probe is not None else 0


def refused(probe: Probe) -> bool:
    """Return whether something was tried, and everything that was tried was refused."""
    came = {one.came for one in probe.tried} - {"not-probed"}
    return came == {"refused"}


def told_undeletable(record: EvidenceRecord) -> tuple[Phrase, ...]:
    """Return what a director reads of it, the worst first: no more than a few, and how many more there are."""
    found = [
        (one, known) for one in record.recoveries if (known := undeletable(one.select, record.declared_at)) is not None
    ]
    ordered = sorted(found, key=lambda pair: _gravity(pair[1]))
    told = [_sentence(one, known, alone=len(record.recoveries) == 1) for one, known in ordered[:MOST_TOLD]]
    if len(ordered) > MOST_TOLD:
        told.append(count("and {n} more", "and {n} more", len(ordered) - MOST_TOLD))
    return tuple(told)


def attacked(recovery: RecoveryRecord) -> Pinned | None:
    """Return the view of before an attack that the recovery was taken from; None: nothing was seen of one."""
    pinned = recovery.select.pinned if recovery.select is not None else None
    return pinned if pinned is not None and pinned.why == "before-tampering" else None


def told_attacks(record: EvidenceRecord) -> Iterator[Phrase]:
    """Yield which repositories were attacked, and from which instant each application was taken."""
    for recovery in record.recoveries:
        pinned = attacked(recovery)
        if pinned is None:
            continue
        values = {"application": Data(recovery.recovery), "at": Instant(pinned.at), "what": pinned.tampering}
        if recovery.restore is not None:
            yield say("The backups of {application} were attacked: {what}. It was restored as of {at}.", **values)
        else:
            yield say("The backups of {application} were attacked: {what}. They were whole until {at}.", **values)


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


def _gravity(known: Undeletable) -> tuple[int, float]:
    order: tuple[Kind, ...] = ("refuted", "deletable", "unknown", "liftable", "until", "forever")
    return order.index(known.kind), known.until.timestamp() if known.until is not None else 0.0


def _newest(selected: Selected) -> bool:
    """Return whether nothing newer than the point was listed, or nothing newer that is locked."""
    assert selected.point is not None
    at = selected.point.consistent_at
    if selected.newest_at == at:
        return True
    newer = [refused for refused in selected.refused if refused.consistent_at > at]
    unlocked = all(getattr(refused.reason, "code", "") == "not-immutable" for refused in newer)
    return selected.policy == "newest-immutable" and bool(newer) and unlocked


def _sentence(recovery: RecoveryRecord, known: Undeletable, *, alone: bool) -> Phrase:
    selected = recovery.select
    assert selected is not None and selected.point is not None  # noqa: PT018 - both for the types alone
    at = Instant(selected.point.consistent_at)
    said = _undeletable(selected, known, at)
    if known.kind in {"until", "forever"}:
        said = joined((said, _how(selected)), " ")
    return said if alone else say("{application}: {said}", application=Data(recovery.recovery), said=said)


def _undeletable(selected: Selected, known: Undeletable, at: Instant) -> Phrase:
    if known.kind == "refuted":
        return say(
            "The store says that the point of {at} is locked, and let drp delete or change such an object.", at=at
        )
    if known.kind == "unknown":
        return say("Until when nobody can delete the point of {at} could not be told: {why}.", at=at, why=known.why)
    if known.kind == "deletable":
        return say("The point of {at} that was taken can be deleted by whoever holds the keys.", at=at)
    if known.kind == "liftable":
        return say("The point of {at} that was taken is locked, and privileged users may lift its locks.", at=at)
    if known.kind == "forever" or known.until is None:
        return say("Nobody can delete the point of {at} that was taken while its legal holds stand.", at=at)
    if _newest(selected):
        return say(
            "The newest point that nobody can delete before {until} is from {at}.", until=Day(known.until), at=at
        )
    return say("Nobody can delete the point of {at} that was taken before {until}.", at=at, until=Day(known.until))


def _how(selected: Selected) -> Phrase:
    probe = probe_of(selected)
    if probe is not None and refused(probe):
        return say("The store says so, and refused all that drp tried on {day}.", day=Day(probe.at))
    return say("The store says so; nobody has put it to the test.")
