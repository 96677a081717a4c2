"""The ``hl7`` and ``fhir`` verifiers against interfaces that work, refuse, mistake and forget."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drp.domain.check import CheckResult, Expectation
from drp_verifiers.fhir import FhirOptions, FhirVerifier
from drp_verifiers.hl7 import Hl7Options, Hl7Verifier
from drp_verifiers.watermarks import Newest
from tests.simulators.fhir import FhirSimulator
from tests.simulators.mllp import Manner, interface
from tests.simulators.target import LocalTarget

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
EXPECTATION = Expectation(
    facts={"fhir": {"counts": {"Patient": 2, "Observation": 2}}}, disaster_at=NOW, consistent_at=NOW, timeout_seconds=30
)


def send(port: int) -> dict[str, CheckResult]:
    results = Hl7Verifier().verify(LocalTarget(), Hl7Options(port=port, seconds=2), EXPECTATION)
    return {result.check: result for result in results if isinstance(result, CheckResult)}


@pytest.mark.parametrize("manner", ["accept", "commit"])
def test_an_interface_that_acknowledges_passes(manner: Manner) -> None:
    received: list[str] = []
    with interface(manner, received) as port:
        results = send(port)
    assert {check: result.outcome for check, result in results.items()} == {
        "acknowledged": "passed",
        "control-id": "passed",
    }
    assert received[0].startswith("MSH|^~\\&|HIS|HOSPITAL|")
    assert "{" not in received[0]


@pytest.mark.parametrize(
    ("manner", "said"),
    [
        ("refuse", "AE queue is full"),
        ("unframed", "not framed"),
        ("close", "closed without"),
        ("no-msa", "no MSA"),
    ],
)
def test_an_interface_that_does_not_accept_fails(manner: Manner, said: str) -> None:
    with interface(manner) as port:
        result = send(port)["acknowledged"]
    assert (result.outcome, said in result.observed) == ("failed", True), result.observed


def test_an_acknowledgement_of_another_message_fails() -> None:
    with interface("mistake") as port:
        results = send(port)
    assert (results["acknowledged"].outcome, results["control-id"].outcome) == ("passed", "failed")


def test_nobody_listening_fails() -> None:
    with interface("accept") as port:
        pass
    results = send(port)
    assert (results["acknowledged"].outcome, results["control-id"].outcome) == ("failed", "undetermined")


def test_a_message_needs_a_control_id() -> None:
    with pytest.raises(ValueError, match="control"):
        Hl7Options(segments=("MSH|^~\\&|A|B|C|D|{now}||NMQ^N01|1|P|2.5.1",))


def look(simulator: FhirSimulator, **changes: object) -> dict[str, CheckResult]:
    with simulator.listening() as base:
        options = FhirOptions(base=base, resources=("Patient", "Observation"), samples=10)
        options = replace(options, **changes)  # type: ignore[arg-type]
        results = list(FhirVerifier().verify(LocalTarget(user="root"), options, EXPECTATION))
    return {result.check: result for result in results if isinstance(result, CheckResult)}


def test_a_whole_server_passes() -> None:
    results = look(FhirSimulator(), last_updated=Newest(query="meta.lastUpdated"))
    assert {check: result.outcome for check, result in results.items()} == dict.fromkeys(
        ("capability", "search", "counts", "references", "newest"), "passed"
    )
    watermark = results["newest"].watermark
    assert watermark is not None
    assert watermark.at == datetime(2026, 11, 21, 11, 2, tzinfo=UTC)


def test_facts_of_a_server_are_what_is_compared() -> None:
    with FhirSimulator().listening() as base:
        options = FhirOptions(base=base, resources=("Patient", "Observation"))
        facts = FhirVerifier().facts(LocalTarget(), options, EXPECTATION)
    assert facts == {"fhir": {"counts": {"Patient": 2, "Observation": 2}, "rule": "exact"}}


def test_a_lost_resource_is_counted_and_its_references_dangle() -> None:
    simulator = FhirSimulator()
    del simulator.held["Patient/p1"]
    results = look(simulator)
    assert results["counts"].outcome == "failed"
    assert results["references"].outcome == "failed"
    assert "Patient/p1" in results["references"].observed


def test_an_empty_server_fails() -> None:
    results = look(FhirSimulator(held={}))
    assert results["capability"].outcome == "passed"
    assert results["counts"].outcome == "failed"
    assert results["references"].outcome == "undetermined"


def test_references_that_were_not_followed_are_not_judged() -> None:
    results = look(FhirSimulator(), resources=("Observation",), most_references=1)
    assert results["references"].outcome == "undetermined"


def test_a_server_without_search_or_capability_fails() -> None:
    assert look(FhirSimulator(searchable=False))["search"].outcome == "failed"
    results = look(FhirSimulator(capable=False))
    assert (results["capability"].outcome, results["references"].outcome) == ("failed", "undetermined")


def test_the_token_comes_from_a_restored_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("restored\n")
    given = str(tmp_path / "token")
    assert look(FhirSimulator(token="restored"), token_file=given)["capability"].outcome == "passed"
    assert look(FhirSimulator(token="another"), token_file=given)["capability"].outcome == "failed"
