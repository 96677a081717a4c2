"""The tile that answers whether the backup could have been deleted."""

from __future__ import annotations

from datetime import datetime

from drp.domain.evidence import RecoveryRecord
from drp.domain.phase import Selected
from drp.domain.phrase import Day, Phrase, say
from drp.domain.recovery_point import Immutability
from drp.reporting.tile import NOT_REACHED, NOTHING, Tile
from drp.reporting.undeletable import Undeletable, probe_of, undeletable
from drp.reporting.words import SHORT_PROVENANCES, Tone

_QUESTION = say("Could the backup have been deleted?")


def immutability_tile(record: RecoveryRecord, declared_at: datetime) -> Tile:
    """Return the tile of a recovery; ``declared_at``: of the drill, when a lock must not have ended."""
    selected = record.select
    lock = selected.immutability if selected is not None else None
    if selected is None or lock is None:
        return Tile(_QUESTION, NOTHING, NOT_REACHED, "doubt", say("no recovery point was chosen"))
    known = undeletable(record, declared_at)
    return _of_lock(lock) if known is None else _of_known(selected, lock, known)


def _of_known(selected: Selected, lock: Immutability, known: Undeletable) -> Tile:
    """Return what was observed of everything that the point needs, and whether it was put to the test."""
    note = _note(selected, lock)
    match known.kind:
        case "refuted":
            word = say("Not immutable")
            return Tile(_QUESTION, say("lock not enforced"), word, "bad", say("drp tried, and was let through"))
        case "unknown":
            return Tile(_QUESTION, NOTHING, say("Unknown"), "doubt", note)
        case "deletable":
            return Tile(_QUESTION, say("not locked"), say("Not immutable"), "doubt", note)
        case _:
            figure = say("until {until}", until=Day(known.until)) if known.until is not None else say("locked")
    if known.kind == "liftable":
        return Tile(_QUESTION, figure, say("May be lifted"), "doubt", note)
    if known.short(selected):
        return Tile(_QUESTION, figure, say("Too short"), "doubt", note)
    return Tile(_QUESTION, figure, say("Immutable"), _known(lock), note)


def _note(selected: Selected, lock: Immutability) -> Phrase:
    probe, provenance = probe_of(selected), SHORT_PROVENANCES[lock.provenance]
    if probe is not None and probe.proven:
        return say("object lock, {provenance}, and probed on {day}", provenance=provenance, day=Day(probe.at))
    return say("object lock, {provenance}", provenance=provenance)


def _of_lock(lock: Immutability) -> Tile:
    """Return what is known where nobody looked at every object that the point needs."""
    provenance = SHORT_PROVENANCES[lock.provenance]
    if lock.mode == "offline":
        note = say("reachable only while its medium is attached, {provenance}", provenance=provenance)
        return Tile(_QUESTION, say("offline"), say("Out of reach"), _known(lock), note)
    note = say("object lock, {provenance}", provenance=provenance)
    if lock.mode in {"compliance", "legal-hold"}:
        until = lock.retained_until
        figure = say("until {until}", until=Day(until)) if until is not None else say("locked")
        return Tile(_QUESTION, figure, say("Immutable"), _known(lock), note)
    word = say("Unknown") if lock.mode == "unknown" else say("Not immutable")
    return Tile(_QUESTION, say("not locked"), word, "doubt", note)


def _known(lock: Immutability) -> Tone:
    """What is only declared is a doubt, however good it sounds."""
    return "doubt" if lock.provenance == "declared" else "good"
