"""The record is what the journal says, no more and no less, and always the same bytes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from drp.domain.events import DrillConcluded, Resumed
from drp.domain.evidence import EvidenceRecord
from drp.domain.findings.catalogue import OWNERSHIP_NOT_JUDGED
from drp.domain.manifest import MAX_DEVIATIONS
from drp.errors import EvidenceError, Tampered
from drp.evidence.record import MAX_UNRESTORED, make_record, read_record, record_bytes, record_digest
from tests.support import fixtures_records as sample
from tests.support import sample_journal as journals
from tests.support import sample_outputs as given


def test_the_record_tells_what_the_journal_tells() -> None:
    entries = sample.passed_journal()
    record = make_record(entries, sample.TOOLS)
    assert (record.verdict, record.reasons) == ("passed", ())
    assert record.journal_head == entries[-1].hash
    assert record.journal_entries == len(entries)
    assert record.declared_at == entries[0].stamp.wall
    assert record.concluded_at == entries[-1].stamp.wall
    assert record.tools == {"drp": "0.1.0", **sample.TOOLS}
    (recovery,) = record.recoveries
    assert recovery.measurement.rta_ms == 20_119
    assert recovery.residue is not None
    assert recovery.residue.clean
    assert recovery.failure is None


@pytest.mark.parametrize(
    ("name", "verdict", "reached"),
    [
        ("passed", "passed", "verify"),
        ("failed", "failed", "verify"),
        ("missed", "failed", "verify"),
        ("inconclusive", "inconclusive", "verify"),
        ("aborted", "aborted", "prepare"),
    ],
)
def test_every_ending_is_recorded(name: str, verdict: str, reached: str) -> None:
    record = sample.sample_record(name)
    assert record.verdict == verdict
    (recovery,) = record.recoveries
    assert getattr(recovery, reached) is not None
    assert (recovery.verify is None) == (reached != "verify")


def test_what_was_not_reached_is_null_and_why_is_kept() -> None:
    record = sample.sample_record("unreachable")
    ehr, lab = record.recoveries
    assert ehr.verify is not None
    assert lab.select is lab.prepare is lab.restore is lab.hash is lab.start is lab.verify is lab.residue is None
    assert lab.failure is not None
    assert (lab.failure.code, lab.failure.phase) == ("DRP-E031", "select")


def test_an_interruption_is_kept() -> None:
    assert sample.sample_record("aborted").interruption == "SIGINT"


def test_bytes_are_canonical_and_come_back(any_record: EvidenceRecord) -> None:
    content = record_bytes(any_record)
    assert read_record(content) == any_record
    assert (
        json.dumps(json.loads(content), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() == content
    )
    assert record_digest(any_record) == hashlib.sha256(content).hexdigest()


OLDER = Path(__file__).parents[1] / "support" / "records" / "failed-0.1.0.json"


def test_a_record_of_an_older_drp_with_fewer_fields_is_read() -> None:
    content = OLDER.read_bytes()
    record = read_record(content)
    assert record.verdict == "failed"
    assert record.recoveries[0].earlier_findings == ()
    assert b"earlier_findings" not in content


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        (b'"verdict":"failed"', b'"verdict": "failed"'),
        (b'"verdict":"failed"', b'"verdict":"failed","verdict_of":"nobody"'),
        (b'"schema":', b'"aaa":1,"schema":'),
    ],
)
def test_an_older_record_may_lack_fields_and_may_not_have_others(was: bytes, becomes: bytes) -> None:
    content = OLDER.read_bytes()
    assert was in content
    with pytest.raises(Tampered):
        read_record(content.replace(was, becomes))


def test_sealing_again_after_a_crash_gives_the_same_bytes() -> None:
    """Killed between deposit and seal, drp resumes only to seal: the record must be the one deposited."""
    entries = sample.passed_journal()
    record = make_record(entries, sample.TOOLS)
    teller = journals.Teller(entries[0].drill)
    teller.entries, teller.now_ms = list(entries), 60_000
    teller.say(Resumed(reason="drp was killed", downtime_ms=40_000))
    assert record_bytes(make_record(teller.entries, sample.TOOLS)) == record_bytes(record)
    sealed = sample.sealed(teller.entries, record_digest(record))
    assert record_bytes(make_record(sealed, sample.TOOLS)) == record_bytes(record)


def test_a_resumption_inside_the_drill_counts() -> None:
    entries = sample.passed_journal()
    teller = journals.Teller(entries[0].drill)
    for entry in entries:
        if isinstance(entry.event, DrillConcluded):
            teller.say(Resumed(reason="drp was killed", downtime_ms=40_000), 40_000)
        teller.say(entry.event)
    record = make_record(teller.entries, sample.TOOLS)
    assert (record.resumptions, record.downtime_ms) == (1, 40_000)


@pytest.mark.parametrize("kept", [0, 1, 5])
def test_a_drill_that_is_not_concluded_has_no_record(kept: int) -> None:
    with pytest.raises(EvidenceError, match=r"has no (conclusion|declaration)"):
        make_record(sample.passed_journal()[:kept], sample.TOOLS)


def test_a_conclusion_without_a_measurement_is_refused() -> None:
    entries = [
        replace(entry, event=replace(entry.event, measurements=()))
        if isinstance(entry.event, DrillConcluded)
        else entry
        for entry in sample.passed_journal()
    ]
    with pytest.raises(EvidenceError, match="without a measurement of ehr"):
        make_record(entries, sample.TOOLS)


def test_findings_of_outputs_and_events_are_told_once() -> None:
    base = journals.tale()
    finding = OWNERSHIP_NOT_JUDGED.finding(
        subject="2,611 entries", observed="a single user id", expected="the owners of the manifest"
    )
    record = make_record(journals.tell(replace(base, raised=[finding, finding])), sample.TOOLS)
    assert [found.code for found in record.recoveries[0].findings].count("DRP-H007") == 1


def test_lists_that_the_backup_decides_are_capped() -> None:
    base = journals.tale()
    difference = given.hashed(
        *(sample.deviation(b"lost-%05d" % number, "missing") for number in range(5_000)),
        sample.deviation(b"changed"),
        counts={"missing": 5_000, "changed": 1},
    )
    restored = given.restored()
    receipt = replace(restored.receipt, unrestored=tuple(f"pack {number}" for number in range(1_000)))
    outputs = base.outputs | {"hash": difference, "restore": replace(restored, receipt=receipt)}
    (recovery,) = make_record(journals.tell(replace(base, outputs=outputs)), sample.TOOLS).recoveries
    assert recovery.hash is not None
    assert recovery.hash.difference is not None
    kinds = [deviation.kind for deviation in recovery.hash.difference.deviations]
    assert (kinds.count("missing"), kinds.count("changed")) == (MAX_DEVIATIONS, 1)
    assert recovery.hash.difference.counts == {"missing": 5_000, "changed": 1}
    assert recovery.restore is not None
    assert len(recovery.restore.receipt.unrestored) == MAX_UNRESTORED + 1
    assert recovery.restore.receipt.unrestored[-1] == "and 800 more"


def test_a_change_of_the_verdict_changes_the_digest() -> None:
    record = sample.sample_record("failed")
    assert record_digest(replace(record, verdict="passed")) != record_digest(record)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: content + b"\n",
        lambda content: content.replace(b'"verdict":"passed"', b'"verdict":"splendid"'),
        lambda content: content.replace(b'"drill":', b'"extra":1,"drill":'),
        lambda content: b" " + content,
        lambda _: b"",
        lambda _: b"\xff\xfe",
        lambda _: b"{}",
    ],
    ids=["cut", "newline", "verdict", "field", "blank", "empty", "binary", "nothing"],
)
def test_bytes_that_drp_did_not_write_are_refused(damage: object) -> None:
    content = record_bytes(sample.sample_record("passed"))
    with pytest.raises(Tampered):
        read_record(damage(content))  # type: ignore[operator]


def test_a_record_of_another_schema_is_refused() -> None:
    record = replace(sample.sample_record("passed"), schema="drp/evidence-record/2")
    with pytest.raises(EvidenceError, match=r"schema 'drp/evidence-record/2'"):
        read_record(record_bytes(record))
