"""What a director reads of attacks on backups, and until when nobody can delete what was restored."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from drp.domain.evidence import EvidenceRecord, RecoveryRecord
from drp.domain.phase import Selected
from drp.domain.phrase import Data, Day, Instant, Phrase, count, joined, say
from drp.reporting.undeletable import Kind, Undeletable, attacked, probe_of, undeletable

MOST_TOLD = 3


def told_attacks(record: EvidenceRecord) -> Iterator[Phrase]:
    """Yield which repositories were attacked, and from which instant the applications were taken, each attack once."""
    alike: dict[tuple[Phrase, datetime, bool], list[str]] = {}
    for recovery in record.recoveries:
        if (pinned := attacked(recovery)) is not None:
            key = pinned.tampering, pinned.at, recovery.restore is not None
            alike.setdefault(key, []).append(recovery.recovery)
    for (what, at, restored), names in alike.items():
        values = {"application": Data(", ".join(names)), "at": Instant(at), "what": what}
        if restored:
            yield say("The backups of {application} were attacked: {what}. Restored as of {at}.", **values)
        else:
            yield say("The backups of {application} were attacked: {what}. They were whole until {at}.", **values)


def told_undeletable(record: EvidenceRecord) -> tuple[Phrase, ...]:
    """Return what a director reads of it, the worst first: no more than a few, and how many more there are."""
    found = [(one, known) for one in record.recoveries if (known := undeletable(one, record.declared_at)) is not None]
    ordered = sorted(found, key=lambda pair: _gravity(pair[1]))
    told = [_sentence(one, known, alone=len(record.recoveries) == 1) for one, known in ordered[:MOST_TOLD]]
    if len(ordered) > MOST_TOLD:
        told.append(count("and {n} more", "and {n} more", len(ordered) - MOST_TOLD))
    return tuple(told)


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
    if probe is not None and probe.proven:
        return say("The store says so, and its lock held against all that drp tried on {day}.", day=Day(probe.at))
    return say("The store says so; nobody has put it to the test.")
