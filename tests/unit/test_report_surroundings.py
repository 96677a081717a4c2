"""The report says where an application's software came from, and with whom it shared a network."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drp.domain.evidence import EvidenceRecord
from drp.domain.sandbox import NeighbourContact, SoftwareFound
from drp.reporting.html import render_html
from drp.reporting.text import render_markdown
from tests.support import fixtures_records as sample

DIGEST, OTHER = "blake3:" + "a" * 64, "blake3:" + "b" * 64


def with_software(record: EvidenceRecord, *images: SoftwareFound) -> EvidenceRecord:
    recoveries = [
        replace(each, prepare=replace(each.prepare, software=images)) if each.prepare is not None else each
        for each in record.recoveries
    ]
    return replace(record, recoveries=tuple(recoveries))


def shown(record: EvidenceRecord) -> list[str]:
    return [render(record, "en").decode() for render in (render_markdown, render_html)]


@pytest.fixture
def record() -> EvidenceRecord:
    return sample.sample_record("passed")


def test_software_of_the_backup_is_said(record: EvidenceRecord) -> None:
    for text in shown(record):
        assert "what the backup and the drill host" in text


def test_an_image_is_named_with_its_digest(record: EvidenceRecord) -> None:
    image = SoftwareFound(image="/srv/images/<ehr>", at="/opt/ehr", digest=DIGEST, expected=DIGEST)
    for text in shown(with_software(record, image)):
        assert DIGEST in text
        assert "/opt/ehr" in text
        assert "what the backup and the drill host" not in text
    assert "<ehr>" not in shown(with_software(record, image))[1]


def test_another_image_is_said_not_to_have_been_used(record: EvidenceRecord) -> None:
    image = SoftwareFound(image="/srv/images/ehr", at="/opt/ehr", digest=OTHER, expected=DIGEST)
    for text in shown(with_software(record, image)):
        assert "it was not used" in text
        assert DIGEST in text
        assert OTHER in text


def test_a_pod_is_said_with_its_members(record: EvidenceRecord) -> None:
    first = record.plan.recoveries[0]
    lis = replace(first, application=replace(first.application, name="lis"))
    plan = replace(record.plan, pod=True, recoveries=(first, lis))
    (recovery,) = record.recoveries
    assert recovery.prepare is not None
    assert recovery.verify is not None
    for text in shown(replace(record, plan=plan)):
        assert "shared one network without a way out with" in text, "recorded when it did"
    calls = NeighbourContact(
        source="ehr",
        destination="lis",
        address="10.20.0.12",
        port=5432,
        protocol="tcp",
        count=3,
        first_at=record.declared_at,
    )
    others = replace(calls, source="", destination="", address="", port=0, protocol="others", count=7)
    proof = replace(recovery.prepare.proof, facts={**recovery.prepare.proof.facts, "known_interfaces": ["lo", "eth0"]})
    verify = replace(recovery.verify, neighbours=(calls, others))
    apart = replace(recovery, prepare=replace(recovery.prepare, proof=proof), verify=verify)
    for text in shown(replace(record, plan=plan, recoveries=(apart,))):
        assert "It had a network of its own" in text
        assert "tcp 10.20.0.12:5432" in text
        assert "3 times" in text
        assert "7 further calls were not kept." in text
        assert "shared one network" not in text
    for text in shown(record):
        assert "shared one network" not in text
        assert "network of its own" not in text
