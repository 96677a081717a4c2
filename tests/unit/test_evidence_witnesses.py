"""A record in which somebody has put a statement down to another witness contradicts itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from drp.domain.check import CheckResult, Watermark
from drp.domain.evidence import EvidenceRecord
from drp.domain.restored_code import CodeChange, RestoredCode
from drp.errors import Tampered
from drp.evidence.consistency import contradictions
from drp.evidence.record import read_record, record_bytes
from tests.support import fixtures_records as sample

MARK = Watermark(at=datetime(2026, 11, 14, 5, 13, tzinfo=UTC), source="newest file")
READ = CheckResult(check="files/tree", outcome="passed", statement="s", witness="drp", watermark=MARK)
CODE = RestoredCode(name="trigger audit", digest="sha256:aa", check="db")
CHANGE = CodeChange(check="db", name=CODE.name, was="", now=CODE.digest, since="d-1")


def record(*, trust: str = "restored", read: tuple[CheckResult, ...] = (READ,), **verify: object) -> EvidenceRecord:
    """Return a passed record of which drp read the first statement, with changes."""
    whole = sample.sample_record("passed")
    (recovery,), (planned,) = whole.recoveries, whole.plan.recoveries
    assert recovery.hash is not None
    assert recovery.verify is not None
    verify = {"checks": (*read, *recovery.verify.checks), **verify}
    changed = replace(
        recovery,
        hash=replace(recovery.hash, checks=read),
        verify=replace(recovery.verify, **verify),  # type: ignore[arg-type]
    )
    plan = replace(whole.plan, recoveries=(replace(planned, trust=trust),))
    return replace(whole, plan=plan, recoveries=(changed,))


def without_the_code_that_was_read() -> EvidenceRecord:
    whole = record()
    (recovery,) = whole.recoveries
    assert recovery.hash is not None
    return replace(whole, recoveries=(replace(recovery, hash=replace(recovery.hash, code=(CODE,))),))


SAID = sample.sample_record("passed").recoveries[0].verify.checks  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "sound",
    [
        record(),
        record(read=()),
        record(trust="none"),
        record(code=(CODE,), code_changes=(CHANGE,)),
        replace(record(), verdict="failed", reasons=("a", "b"), reason_witnesses=("drp", None)),
        replace(record(), verdict="failed", reasons=("a", "b")),
    ],
    ids=["read and said", "of before", "without trust", "changed code", "reasons", "reasons of before"],
)
def test_what_drp_makes_is_believed(sound: EvidenceRecord) -> None:
    assert read_record(record_bytes(sound)) == sound


@pytest.mark.parametrize(
    ("edited", "said"),
    [
        (record(checks=(READ, replace(SAID[0], witness="drp"), *SAID[1:])), "did not read"),
        (record(read=(), checks=(replace(SAID[0], witness="drp"), *SAID[1:])), "did not read"),
        (record(checks=SAID), "do not begin with what was read"),
        (record(checks=(replace(READ, observed="400 files"), *SAID)), "do not begin with what was read"),
        (record(read=(replace(READ, witness="restored"),)), "somebody else's word"),
        (record(watermark=replace(MARK, source="another")), "no passed check saw"),
        (record(code_changes=(CHANGE,)), "was not met"),
        (without_the_code_that_was_read(), "the code does not begin"),
        (record(trust="none", read=()), "drp read no statement"),
        (record(trust="none", read=(replace(READ, watermark=None),)), "drp read no newest datum"),
        (replace(record(), verdict="failed", reasons=("a",), reason_witnesses=("drp", "drp")), "its witness"),
    ],
)
def test_a_statement_put_down_to_another_witness_is_seen(edited: EvidenceRecord, said: str) -> None:
    assert any(said in one for one in contradictions(edited)), contradictions(edited)
    with pytest.raises(Tampered, match="contradicts itself"):
        read_record(record_bytes(edited))
