"""The ``fhir`` verifier against servers that cannot be asked, and what it says of types that nobody counts."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from drp.domain.judged import NotJudged
from drp_verifiers.fhir import FhirOptions, FhirVerifier
from tests.integration.test_verifier_fhir import ERROR, EXPECTATION, FINE, UNKNOWN, WRONG, look, only, outcomes
from tests.simulators.fhir import FhirSimulator, resources
from tests.simulators.target import LocalTarget

XML = b'\xef\xbb\xbf<?xml version="1.0"?>\n<CapabilityStatement xmlns="http://hl7.org/fhir"/>'


def packed(path: str, query: dict[str, list[str]], status: int, body: Any) -> tuple[int, Any]:
    return status, gzip.compress(json.dumps(body).encode())


def test_a_server_that_packs_without_being_asked_or_begins_with_a_mark_is_read() -> None:
    assert outcomes(look(FhirSimulator(change=packed, headers={"content-encoding": "GZIP"}))) == (FINE, FINE, FINE)
    marked = FhirSimulator(
        change=lambda path, query, status, body: (status, b"\xef\xbb\xbf" + json.dumps(body).encode())
    )
    assert outcomes(look(marked)) == (FINE, FINE, FINE)
    cut = FhirSimulator(change=lambda *asked: (200, packed(*asked)[1][:-9]), headers={"Content-Encoding": "gzip"})
    assert look(cut)["capability"].outcome == UNKNOWN


@pytest.mark.parametrize(
    "answer", [(200, XML), (301, {}), (308, {}), (406, ERROR), (415, ERROR), (429, ERROR), (503, ERROR)]
)
def test_a_server_that_cannot_be_asked_is_not_called_broken(answer: tuple[int, Any]) -> None:
    results = look(FhirSimulator(change=only("metadata", answer)))
    assert {each.outcome for each in results.values()} == {UNKNOWN}
    assert all(each.because == "capability" for name, each in results.items() if name != "capability")
    results = look(FhirSimulator(change=only("Patient", answer)))
    assert outcomes(results) == (UNKNOWN, UNKNOWN, FINE)
    assert "Observation" not in results["counts"].observed, "one kind's trouble takes no other kind's counts away"


def test_a_kind_that_fails_by_itself_does_not_hide_that_another_one_lost_something() -> None:
    held = {name: each for name, each in resources().items() if name != "Observation/o1"}
    results = look(FhirSimulator(held=held, change=only("Patient", (503, ERROR))))
    assert results["counts"].outcome == WRONG
    assert "Observation: 1, had 2" in results["counts"].observed


def test_a_deleted_resource_that_something_refers_to_dangles() -> None:
    assert look(FhirSimulator(change=only("Patient/p1", (410, ERROR))))["references"].outcome == WRONG


def test_types_that_the_server_serves_and_nobody_counts_are_named() -> None:
    def limits(*kinds: str) -> list[NotJudged]:
        types = [{"type": kind} for kind in kinds]
        change = only("metadata", (200, {"resourceType": "CapabilityStatement", "rest": [{"resource": types}]}))
        with FhirSimulator(change=change).listening() as base:
            options = FhirOptions(base=base, resources=("Patient", "Observation"))
            answers = list(FhirVerifier().verify(LocalTarget(user="root"), options, EXPECTATION))
        return [answer for answer in answers if isinstance(answer, NotJudged)]

    (told,) = limits("Patient", "Observation", "MedicationRequest", "AllergyIntolerance")
    assert told.part == "resources of type AllergyIntolerance, MedicationRequest"
    assert limits("Patient", "Observation") == []
    (silent,) = limits()
    assert "does not say" in silent.why
