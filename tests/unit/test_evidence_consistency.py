"""A record that contradicts itself was edited, whoever sealed it again; every one that drp makes is of one piece."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drp.domain.check import CheckResult
from drp.domain.findings.catalogue import FILE_CHANGED, MANIFEST_MISSING, OWNERSHIP_NOT_JUDGED
from drp.errors import Tampered
from drp.evidence.consistency import contradictions
from drp.evidence.record import read_record, record_bytes
from tests.support import fixtures_records as sample


def edited(name: str = "passed", **more: object):
    """Return a record of which the first recovery was edited; ``measurement`` is the changes of it."""
    record = sample.sample_record(name)
    recovery, *others = record.recoveries
    if "measurement" in more:
        more["measurement"] = replace(recovery.measurement, **more["measurement"])
    return replace(record, recoveries=(replace(recovery, **more), *others))


def finding(code):
    return (code.finding(subject="s", observed="o", expected="e"),)


@pytest.mark.parametrize("name", sorted(sample.JOURNALS))
def test_what_drp_makes_is_of_one_piece(name):
    record = sample.sample_record(name)
    assert contradictions(record) == ()
    assert read_record(record_bytes(record)) == record


@pytest.mark.parametrize("name", sorted(set(sample.JOURNALS)))
def test_a_verdict_that_was_turned_into_a_pass_is_seen(name):
    record = sample.sample_record(name)
    turned = replace(record, verdict="passed", reasons=())
    assert bool(contradictions(turned)) == (record.verdict != "passed")


@pytest.mark.parametrize(
    "change",
    [
        {"findings": finding(FILE_CHANGED)},
        {"findings": finding(MANIFEST_MISSING)},
        {"measurement": {"rta_ms": 1}},
        {"measurement": {"rta_ms": None}},
        {"measurement": {"rto_ms": 1}},
        {"measurement": {"rto_attainment": "undetermined"}},
        {"measurement": {"rpo_attainment": "not-measured"}},
        {"measurement": {"rpa_upper_ms": None}},
        {"measurement": {"rpa_upper_ms": -1}},
        {"measurement": {"rpa_lower_ms": 10**12}},
        {"measurement": {"rpo_ms": 1}},
        {"measurement": {"wrt_attainment": "met"}},
    ],
)
def test_a_pass_beside_what_forbids_one_is_seen(change):
    with pytest.raises(Tampered, match="contradicts itself"):
        read_record(record_bytes(edited(**change)))


def test_a_pass_with_a_failed_check_or_with_reasons_or_with_nothing_is_seen():
    record = sample.sample_record("passed")
    (recovery, *_) = record.recoveries
    failed = CheckResult(check="c", outcome="failed", statement="s")
    assert contradictions(edited(verify=replace(recovery.verify, checks=(*recovery.verify.checks, failed))))
    assert contradictions(replace(record, reasons=("ehr: RPO missed",)))
    assert contradictions(replace(record, recoveries=()))
    assert contradictions(replace(record, interrupted_by="ada: enough"))


def test_times_are_held_against_the_clock_whatever_the_verdict():
    assert contradictions(edited("failed", measurement={"rta_ms": 5}))


def test_a_note_forbids_nothing():
    assert contradictions(edited(findings=finding(OWNERSHIP_NOT_JUDGED))) == ()
