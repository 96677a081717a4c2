"""The evidence record as a pure function of a concluded drill's journal, and its canonical bytes.

The record is unsigned data: whoever signs it signs `record_bytes`. It keeps the paths of deviations, which in a
hospital may name patients: they are capped here, and whoever hands the record on has to know.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from drp.codec import canonical, from_json, to_data
from drp.domain.events import DrillConcluded, Entry, EvidenceSealed, Resumed
from drp.domain.evidence import RECORD_SCHEMA, EvidenceRecord, RecoveryRecord
from drp.domain.fold import DrillState, RecoveryState, fold
from drp.domain.manifest import MAX_DEVIATIONS, Deviation
from drp.domain.measure import Measurement
from drp.domain.phase import Hashed, Restored
from drp.domain.phrase import count, joined, say, several
from drp.domain.strict_json import Limits, Malformed, parse
from drp.errors import EvidenceError, Tampered
from drp.evidence.consistency import contradictions

Output = TypeVar("Output")

MAX_UNRESTORED = 200
"""More lines of a backup tool than this say nothing new; how many were left out is said."""

_NAMED = 3
_WRITTEN = Limits(size=1 << 30, depth=200, largest=0, half_pairs=True)
RECORD_NAME = "record.json"
"""What the record is called wherever it is deposited."""


def make_record(entries: Iterable[Entry], tools: Mapping[str, str]) -> EvidenceRecord:
    """Return the evidence record of a concluded drill.

    ``entries`` are the drill's journal entries in order, from the first; ``tools`` maps program or package to
    version. What follows the last entry about the drill itself (a resumption that only had to seal, the seal) is
    not part of the record, so making it again later, for instance after a crash, gives the same bytes.
    Raises ``EvidenceError`` when the drill has not been declared or not been concluded.
    """
    told = _told(tuple(entries))
    state = fold(told)
    declared, concluded, declared_at = state.declared, state.concluded, state.declared_at
    if declared is None or declared_at is None or concluded is None:
        missing = "conclusion" if declared is not None else "declaration"
        raise EvidenceError(
            say(
                "drill {drill} has no {missing}, so there is nothing to record",
                drill=state.drill or "(unknown)",
                missing=missing,
            ),
            hint="run `drp drill resume latest`, which concludes and seals",
        )
    concluded_at = next(entry.stamp for entry in reversed(told) if isinstance(entry.event, DrillConcluded))
    return EvidenceRecord(
        drill=state.drill,
        plan=declared.plan,
        plan_digest=declared.plan_digest,
        declared_at=declared_at.wall,
        concluded_at=concluded_at.wall,
        disaster_at=declared.disaster_at,
        requested_by=declared.requested_by,
        host=declared.host,
        verdict=concluded.verdict,
        reasons=concluded.reasons,
        reason_witnesses=concluded.reason_witnesses,
        recoveries=_recoveries(state, concluded.measurements),
        reconciliation=state.reconciled.result if state.reconciled is not None else None,
        ad_hoc=declared.ad_hoc,
        admitted=declared.admitted,
        zone=declared.site_zone,
        interruption=state.interrupted.reason if state.interrupted is not None else "",
        interrupted_by=state.interrupted.by if state.interrupted is not None else "",
        resumptions=len(state.resumptions),
        downtime_ms=state.downtime_ms,
        approval=state.approval.ended,
        tools={"drp": declared.drp_version, **tools},
        journal_entries=state.entries,
        journal_head=state.head,
    )


def record_bytes(record: EvidenceRecord) -> bytes:
    """Return the canonical bytes of a record: what is stored, digested and signed."""
    return canonical(to_data(record))


def record_digest(record: EvidenceRecord) -> str:
    """Return the SHA-256 of the record's canonical bytes, hex."""
    return hashlib.sha256(record_bytes(record)).hexdigest()


def read_record(content: bytes) -> EvidenceRecord:
    """Return the record that stored bytes hold.

    Raises ``Tampered`` when they are not a record, not in the one canonical form that drp writes, say what drp would
    not, or contradict themselves: then somebody else has written them. An older drp wrote fewer fields; those that it
    wrote are all understood.
    That they are the *right* record is for the journal's seal to say.
    """
    record = from_json(EvidenceRecord, content)
    if record.schema != RECORD_SCHEMA:
        raise EvidenceError(
            say(
                "the record is of schema {schema}, this drp reads {known}",
                schema=repr(record.schema),
                known=repr(RECORD_SCHEMA),
            ),
            hint="read it with the drp version that wrote it, or a newer one",
        )
    try:
        written = parse(content, _WRITTEN)
    except Malformed as error:
        raise Tampered(say("the record is malformed: {why}", why=error)) from error
    if canonical(written) != content:
        raise Tampered(say("the record is not in canonical form: it was edited or written by something else"))
    if not _says(to_data(record), written):
        raise Tampered(say("the record says what no version of drp writes: it was edited or written by something else"))
    if said := contradictions(record):
        raise Tampered(
            say(
                "the record contradicts itself, so it was edited: {contradictions}",
                contradictions=joined(said[:_NAMED]),
            )
        )
    return record


def _says(understood: Any, written: Any) -> bool:
    """Return whether everything that was written is in what was understood, where later versions may add fields."""
    if isinstance(written, dict):
        return isinstance(understood, dict) and all(
            name in understood and _says(understood[name], value) for name, value in written.items()
        )
    if isinstance(written, list):
        return (
            isinstance(understood, list)
            and len(understood) == len(written)
            and all(_says(*pair) for pair in zip(understood, written, strict=True))
        )
    return type(understood) is type(written) and bool(understood == written)


def _told(entries: Sequence[Entry]) -> Sequence[Entry]:
    """Cut off what was journalled after the drill's own story ended."""
    end = len(entries)
    while end and isinstance(entries[end - 1].event, EvidenceSealed | Resumed):
        end -= 1
    return entries[:end]


def _recoveries(state: DrillState, measurements: Sequence[Measurement]) -> tuple[RecoveryRecord, ...]:
    measured = {measurement.recovery: measurement for measurement in measurements}
    absent = [name for name in state.recoveries if name not in measured]
    if absent:
        raise EvidenceError(
            say(
                "drill {drill} was concluded without a measurement of {applications}",
                drill=state.drill,
                applications=several(absent),
            )
        )
    return tuple(_recovery(name, recovery, measured[name]) for name, recovery in state.recoveries.items())


def _recovery(name: str, state: RecoveryState, measurement: Measurement) -> RecoveryRecord:
    outputs = state.outputs
    restored, hashed = outputs.restore, outputs.hash
    return RecoveryRecord(
        recovery=name,
        select=outputs.select,
        prepare=outputs.prepare,
        restore=_bounded_restore(restored) if restored is not None else None,
        hash=_bounded_hash(hashed) if hashed is not None else None,
        start=outputs.start,
        verify=outputs.verify,
        findings=tuple(state.findings),
        measurement=measurement,
        residue=state.residue,
        traffic=state.traffic,
        kept_until=state.kept.until if state.kept is not None else None,
        failure=state.failure,
        sign_off=state.signed_off,
        earlier_findings=tuple(state.earlier),
    )


def _bounded_restore(restored: Restored) -> Restored:
    unrestored = restored.receipt.unrestored
    if len(unrestored) <= MAX_UNRESTORED:
        return restored
    kept = (*unrestored[:MAX_UNRESTORED], count("and {n} more", "and {n} more", len(unrestored) - MAX_UNRESTORED))
    return replace(restored, receipt=replace(restored.receipt, unrestored=kept))


def _bounded_hash(hashed: Hashed) -> Hashed:
    """Cap deviations by kind; their counts stay exact. A hasher is asked to do so already: here it is made sure."""
    difference = hashed.difference
    if difference is None:
        return hashed
    seen: Counter[str] = Counter()
    kept: list[Deviation] = []
    for deviation in difference.deviations:
        seen[deviation.kind] += 1
        if seen[deviation.kind] <= MAX_DEVIATIONS:
            kept.append(deviation)
    return replace(hashed, difference=replace(difference, deviations=tuple(kept)))
