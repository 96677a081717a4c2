"""The section of a report on what keeps a recovery point from being deleted: declared, observed, probed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from drp.domain.evidence import EvidenceRecord, RecoveryRecord
from drp.domain.phase import Selected
from drp.domain.phrase import Data, Day, Instant, Phrase, Size, count, lasting, say, several
from drp.domain.plan import PlannedRecovery
from drp.domain.worm.attestation import WeakObject
from drp.domain.worm.pinned import ReadVersion
from drp.domain.worm.probe import OF_BUCKETS, Probe, Tried
from drp.domain.worm.probe_findings import named
from drp.reporting.immutability_facts import fact_rows, in_a_bucket
from drp.reporting.undeletable import Undeletable, let_through, probe_of, undeletable
from drp.reporting.words import LOCK_MODES, SHORT_PROVENANCES, Tone
from drp.reporting.worm_words import CAME, CAME_TONES, DECLARED, OBSERVED, PROBED, mode_in_words

MOST_WEAK = 5
MOST_READ = 200
MOST_TRIED = 60


@dataclass(frozen=True, slots=True)
class WordRow:
    """One of the three words, how it stands, and what it is about."""

    title: Phrase
    tone: Tone
    word: Phrase
    says: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class TriedRow:
    """One attempt."""

    what: Phrase
    """What was tried, with whose keys."""
    tone: Tone
    word: Phrase
    answer: Phrase | Data


@dataclass(frozen=True, slots=True)
class WeakRow:
    """One of the objects that end first."""

    key: str
    version: str
    mode: Phrase | Data
    until: Phrase
    size: Size


@dataclass(frozen=True, slots=True)
class ImmutabilityView:
    """What the record holds of it for one recovery."""

    words: tuple[WordRow, ...]
    facts: tuple[tuple[Phrase, tuple[Phrase, ...]], ...]
    """Label → lines."""
    weakest: tuple[WeakRow, ...]
    tried: tuple[TriedRow, ...]
    read: tuple[ReadVersion, ...]
    read_more: int
    """So many versions more were read; the record names them, or has them under its digest."""


def immutability_of(record: RecoveryRecord, planned: PlannedRecovery, whole: EvidenceRecord) -> ImmutabilityView | None:
    """Return the section; None: a record of before, or nothing of it was looked at."""
    selected = record.select
    if selected is None or selected.immutability is None:
        return None
    if not any((selected.locks, selected.horizon, selected.pinned, selected.known)):
        return None
    probe, restored = probe_of(selected), record.restore
    read = restored.read if restored is not None else ()
    total = restored.versions_read if restored is not None else 0
    return ImmutabilityView(
        words=(
            _declared(selected, planned),
            _observed(selected, undeletable(record, whole.declared_at), whole.declared_at),
            _probed(selected, probe),
        ),
        facts=tuple(fact_rows(selected, read, total)),
        weakest=tuple(map(_weak, _weakest(selected)[:MOST_WEAK])),
        tried=tuple(map(_tried, probe.tried[:MOST_TRIED])) if probe is not None else (),
        read=read[:MOST_READ],
        read_more=max(0, total - MOST_READ),
    )


def _declared(selected: Selected, planned: PlannedRecovery) -> WordRow:
    asked, lock = planned.application.backup_job.immutable_for, selected.immutability
    says: list[Phrase] = []
    if asked is not None and selected.point is not None:
        until = Day(selected.point.consistent_at + asked)
        says.append(
            say(
                "Nobody may be able to delete it for {asked} after its instant: until {until} (`immutable_for`).",
                asked=lasting(asked),
                until=until,
            )
        )
    if in_a_bucket(selected.locks) and selected.locks.demanded:
        says.append(say("The weakest mode that is enough: {mode}.", mode=mode_in_words(selected.locks.demanded)))
    if lock is not None and lock.provenance == "declared":
        says.append(say("{mode}: the configuration says so, and nobody looked", mode=LOCK_MODES[lock.mode]))
    if not says:
        return WordRow(DECLARED, "plain", say("Nothing"), (say("The application asks for nothing (`immutable_for`)."),))
    word = say("Configured") if lock is not None and lock.provenance == "declared" else say("Asked for")
    return WordRow(DECLARED, "plain", word, tuple(says))


def _observed(selected: Selected, found: Undeletable | None, now: datetime) -> WordRow:
    lock = selected.immutability
    assert lock is not None
    if found is None:
        if lock.provenance == "declared":
            return WordRow(OBSERVED, "doubt", say("Nothing"), (say("Nobody looked."),))
        tone: Tone = "good" if lock.holds_at(now) else "doubt"
        return WordRow(OBSERVED, tone, SHORT_PROVENANCES[lock.provenance], (LOCK_MODES[lock.mode], *lock.remarks))
    tone, word = _seen(selected, found)
    return WordRow(OBSERVED, tone, word, (*_seen_lines(selected, found), *_remarks(selected)))


def _remarks(selected: Selected) -> Iterator[Phrase]:
    """Yield what limits or explains what was seen, each once."""
    said = [*(selected.immutability.remarks if selected.immutability is not None else ())]
    yield from dict.fromkeys([*said, *(selected.locks.remarks if selected.locks is not None else ())])


def _seen(selected: Selected, found: Undeletable) -> tuple[Tone, Phrase]:
    """Return what the store says by itself; whether it is true is for the probe to say."""
    match found.kind:
        case "unknown":
            return "doubt", say("Unknown")
        case "deletable":
            return "doubt", say("Deletable")
        case "liftable":
            return "doubt", say("May be lifted")
        case "refuted":
            return "bad", say("Not true")
        case "until" | "forever" if found.short(selected):
            return "doubt", say("Too short")
        case _:
            return "good", say("Locked")


def _seen_lines(selected: Selected, found: Undeletable) -> Iterator[Phrase]:
    match found.kind:
        case "unknown":
            yield found.why
        case "refuted":
            yield say("The store says that it is locked; the attempts below say that it is not.")
        case "deletable" if found.until is not None:
            yield say("The first lock ended on {day}.", day=Instant(found.until))
        case "deletable":
            yield say("Something that the point needs is not locked.")
        case "forever":
            yield say("Everything that the point needs is under legal hold.")
        case _ if found.until is not None:
            yield say("The first of all that the point needs may be deleted from {at}.", at=Instant(found.until))
    if selected.locks is not None:
        modes = [
            say("{mode}: {n}", mode=mode_in_words(mode), n=number)
            for mode, number in sorted(selected.locks.modes.items())
            if number
        ]
        if modes:
            yield say("{modes}", modes=several(modes, "; "))


def _probed(selected: Selected, probe: Probe | None) -> WordRow:
    if selected.known is None:
        return WordRow(PROBED, "doubt", say("Not known"), (say("Nobody looked whether it was ever tried."),))
    if probe is None:
        line = say("Nobody tried to delete or change anything (`drp repo worm --probe`).")
        return WordRow(PROBED, "doubt", say("Not probed"), (line,))
    at, through = Instant(probe.at), let_through(probe)
    tried = [one for one in probe.tried if one.came != "not-probed" and one.attempt not in OF_BUCKETS]
    if through:
        line = count(
            "On {at}, {n} of {all} attempts on a locked object came through.",
            "On {at}, {n} of {all} attempts on a locked object came through.",
            through,
            at=at,
            all=len(tried),
        )
        return WordRow(PROBED, "bad", say("Let through"), (line, *_of_the_bucket(probe)))
    held = sum(one.came == "refused" and one.ground == "lock" for one in tried)
    line = count(
        "On {at}: {n} of {all} attempts was refused for the lock's sake, as was shown in the same run.",
        "On {at}: {n} of {all} attempts were refused for the lock's sake, as was shown in the same run.",
        held,
        at=at,
        all=len(tried),
    )
    if probe.proven:
        return WordRow(PROBED, "good", say("The lock held"), (line, *_of_the_bucket(probe)))
    open_ = say("That is not all that a lock has to refuse.")
    return WordRow(PROBED, "doubt", say("Undecided"), (line, open_, *_of_the_bucket(probe)))


def _of_the_bucket(probe: Probe) -> Iterator[Phrase]:
    """Yield what was tried on a whole bucket: on a scratch bucket, or not at all."""
    tried = [one for one in probe.tried if one.attempt in OF_BUCKETS]
    through = sum(one.came in {"succeeded", "ignored"} for one in tried)
    left = sum(one.came == "not-probed" for one in tried)
    if through:
        yield count(
            "{n} attempt to change the settings of a scratch bucket came through.",
            "{n} attempts to change the settings of a scratch bucket came through.",
            through,
        )
    if left:
        yield count(
            "{n} attempt on a whole bucket was not made.", "{n} attempts on a whole bucket were not made.", left
        )


def _weakest(selected: Selected) -> tuple[WeakObject, ...]:
    """Return the objects that decide, those that the horizon names first: it knows exactly what the point needs."""
    if selected.horizon is not None and selected.horizon.weakest:
        return selected.horizon.weakest
    return selected.locks.weakest if selected.locks is not None else ()


def _weak(weak: WeakObject) -> WeakRow:
    until = say("{at}", at=Instant(weak.until)) if weak.until is not None else say("—")
    return WeakRow(weak.key, weak.version, mode_in_words(weak.mode), until, Size(weak.size))


def _tried(tried: Tried) -> TriedRow:
    answer = tried.why if tried.why is not None else Data(tried.answer)
    if tried.why is not None and tried.answer:
        answer = say("{why} ({answer})", why=tried.why, answer=Data(tried.answer))
    tone, word = CAME_TONES[tried.came], CAME[tried.came]
    if tried.came == "refused" and tried.ground != "lock":
        tone, word = "plain", say("refused, not for the lock") if tried.ground == "rights" else say("refused")
    return TriedRow(named(tried), tone, word, answer)
