"""The ``fhir`` verifier against servers that are odd but legal, and against those that hide a loss."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from drp.domain.check import CheckResult, Expectation
from drp_verifiers.fhir import FhirOptions, FhirVerifier
from drp_verifiers.watermarks import Newest
from tests.simulators.fhir import FhirSimulator, resources
from tests.simulators.target import LocalTarget

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
EXPECTATION = Expectation(
    facts={"fhir": {"counts": {"Patient": 2, "Observation": 2}}}, disaster_at=NOW, consistent_at=NOW, timeout_seconds=30
)
ERROR = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "exception", "diagnostics": "Ada"}],
}
WARNING = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "value"}]}
PRODUCTION = "https://fhir.hospital.example/r4"
Change = Callable[[str, dict[str, list[str]], int, Any], tuple[int, Any]]


def look(simulator: FhirSimulator, expectation: Expectation = EXPECTATION, **changes: object) -> dict[str, CheckResult]:
    with simulator.listening() as base:
        options = replace(FhirOptions(base=base, resources=("Patient", "Observation"), samples=10), **changes)  # type: ignore[arg-type]
        results = list(FhirVerifier().verify(LocalTarget(user="root"), options, expectation))
    return {result.check: result for result in results if isinstance(result, CheckResult)}


def outcomes(results: dict[str, CheckResult]) -> tuple[str, ...]:
    return tuple(results[check].outcome for check in ("search", "counts", "references"))


def searches(spoil: Callable[[dict[str, Any], dict[str, list[str]]], Any], *, counts: bool = True) -> Change:
    """Spoil the bundles of searches; ``counts``: also those that only count."""

    def change(path: str, query: dict[str, list[str]], status: int, body: Any) -> tuple[int, Any]:
        touched = (
            isinstance(body, dict) and body.get("resourceType") == "Bundle" and (counts or "_summary" not in query)
        )
        return (status, spoil(body, query)) if touched else (status, body)

    return change


def without_total(bundle: dict[str, Any], query: dict[str, list[str]]) -> dict[str, Any]:
    return {key: value for key, value in bundle.items() if key != "total"}


def counts_only(**more: Any) -> Change:
    return searches(lambda bundle, query: {**bundle, **more} if "_summary" in query else bundle)


def entries(*more: Any) -> Change:
    return searches(lambda bundle, query: {**bundle, "entry": [*bundle.get("entry", []), *more]}, counts=False)


def reads(answer: tuple[int, Any]) -> Change:
    return lambda path, query, status, body: answer if "/" in path else (status, body)


def only(path: str, answer: tuple[int, Any]) -> Change:
    return lambda asked, query, status, body: answer if asked == path else (status, body)


def no_sort(path: str, query: dict[str, list[str]], status: int, body: Any) -> tuple[int, Any]:
    return (400, ERROR) if "_sort" in query else (status, body)


FINE, UNKNOWN, WRONG = "passed", "undetermined", "failed"
ODD: dict[str, tuple[FhirSimulator, tuple[str, str, str], str]] = {
    "pages with links": (FhirSimulator(page=1), (FINE, FINE, FINE), ""),
    "no totals": (FhirSimulator(change=searches(without_total)), (FINE, FINE, FINE), ""),
    "no totals, in pages": (FhirSimulator(change=searches(without_total), page=1), (FINE, FINE, FINE), ""),
    "a total as text": (FhirSimulator(change=counts_only(total="2")), (FINE, FINE, FINE), ""),
    "an estimated total": (FhirSimulator(change=counts_only(total=10_000)), (FINE, FINE, FINE), ""),
    "sorts nothing": (FhirSimulator(change=no_sort), (FINE, FINE, FINE), "not the newest: Patient, Observation"),
    "null entries": (FhirSimulator(change=entries(None, {"resource": None}, {})), (FINE, FINE, FINE), ""),
    "a warning beside the resources": (FhirSimulator(change=entries({"resource": WARNING})), (FINE, FINE, FINE), ""),
    "an error beside the resources": (FhirSimulator(change=entries({"resource": ERROR})), (UNKNOWN, FINE, FINE), "error: exception"),
    "an error beside the count": (
        FhirSimulator(change=counts_only(total=0, entry=[{"resource": ERROR}])), (UNKNOWN, FINE, FINE), "error: exception",
    ),
    "no resources for its total": (
        FhirSimulator(change=searches(lambda bundle, query: {**bundle, "entry": None})), (UNKNOWN, FINE, UNKNOWN), "none of 2 was given",
    ),
    "a body that breaks off": (FhirSimulator(change=searches(lambda bundle, query: b'{"resourceType": "Bun')), (WRONG, UNKNOWN, UNKNOWN), ""),
    "reading is forbidden": (FhirSimulator(change=reads((403, ERROR))), (FINE, FINE, UNKNOWN), "status 403"),
    "reading fails": (FhirSimulator(change=reads((500, ERROR))), (FINE, FINE, WRONG), "Patient/p1: status 500"),
    "reading gives an error as success": (FhirSimulator(change=reads((200, ERROR))), (FINE, FINE, WRONG), "OperationOutcome"),
    "searching is forbidden": (FhirSimulator(change=only("Patient", (403, ERROR))), (UNKNOWN, UNKNOWN, FINE), "answered 403"),
    "searching is too much now": (FhirSimulator(change=only("Patient", (503, ERROR))), (UNKNOWN, UNKNOWN, FINE), "answered 503"),
    "searching breaks down": (FhirSimulator(change=only("Patient", (500, ERROR))), (WRONG, UNKNOWN, FINE), "answered 500"),
    "a kind that it held is gone": (FhirSimulator(change=only("Patient", (404, ERROR))), (WRONG, WRONG, FINE), "2 were held"),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_an_odd_server_is_judged_by_what_it_shows(name: str) -> None:
    simulator, expected, said = ODD[name]
    results = look(simulator)
    told = "; ".join(result.observed for result in results.values())
    assert outcomes(results) == expected, told
    assert said in told
    assert "Ada" not in told, "the server's own words may be a patient's"


def test_a_loss_is_seen_also_where_the_server_does_not_count() -> None:
    held = {name: each for name, each in resources().items() if not name.endswith("1")}
    results = look(FhirSimulator(held=held, change=searches(without_total), page=1))
    assert results["counts"].outcome == "failed"
    assert results["counts"].observed == "Observation: 1, had 2; Patient: 1, had 2"


def test_a_total_that_stops_counting_is_not_taken_for_all() -> None:
    """10,000 is where search engines stop: what lies behind it is counted one by one, or said not to be counted."""
    held = {f"Patient/p{number}": {"resourceType": "Patient", "id": f"p{number}"} for number in range(10_050)}
    capped = searches(lambda bundle, query: {**bundle, "total": 10_000})
    expectation = replace(EXPECTATION, facts={"fhir": {"counts": {"Patient": 10_050}}})
    simulator = FhirSimulator(held=held, change=capped)
    assert look(simulator, expectation, resources=("Patient",), samples=1)["counts"].outcome == "passed"
    simulator.held = dict(list(held.items())[:10_000])  # as a server that gives no more pages than it counts
    expectation = replace(EXPECTATION, facts={"fhir": {"counts": {"Patient": 10_000}}})
    result = look(simulator, expectation, resources=("Patient",), samples=1)["counts"]
    assert (result.outcome, "it says 10000, and 10000 were counted" in result.observed) == ("undetermined", True)


def refer(reference: object) -> FhirSimulator:
    held = resources()
    for number in (1, 2):
        held[f"Observation/o{number}"]["performer"] = [{"reference": reference}]
    return FhirSimulator(held=held)


def test_references_to_the_production_address_are_followed_here() -> None:
    lost = f"{PRODUCTION}/Practitioner/gone"
    undeclared = look(refer(lost))["references"]
    assert (undeclared.outcome, undeclared.observed) == (
        "undetermined", f"2 lead to {PRODUCTION}: declare it, as production_base or as external",
    )  # fmt: skip
    for declared in (PRODUCTION, ("https://old.example", f"{PRODUCTION}/")):
        followed = look(refer(lost), production_base=declared)["references"]
        assert (followed.outcome, followed.observed) == ("failed", "1 of 3 dangle: Practitioner/gone")
        assert look(refer(f"{PRODUCTION}/Patient/p1"), production_base=declared)["references"].outcome == "passed"
    elsewhere = look(refer(lost), external=("https://fhir.hospital.example",))["references"]
    assert elsewhere.outcome == "passed"
    assert "2 to fhir.hospital.example, declared external: not judged" in elsewhere.observed


def test_what_cannot_be_followed_is_not_called_sound() -> None:
    observed = {
        "urn:uuid:3f0c0c0e-0000-4000-8000-000000000000": "2 cannot be followed: urn:uuid",
        "Patient?identifier=x|1": "2 cannot be followed: conditional Patient?…",
        "Patient/lost_1": "1 cannot be followed: an id that FHIR does not allow, and that is not found",
    }
    for reference, said in observed.items():
        result = look(refer(reference))["references"]
        assert (result.outcome, result.observed) == ("undetermined", said)
    missing = look(refer("#pr"))["references"]
    assert (missing.outcome, missing.observed) == (
        "failed", "2 contained resources are missing: Observation/o1#pr, Observation/o2#pr",
    )  # fmt: skip


def test_a_version_is_asked_for_where_the_server_keeps_versions() -> None:
    reference = "Patient/p1/_history/7"
    assert look(refer(reference))["references"].outcome == "passed"

    def keeps(path: str, query: dict[str, list[str]], status: int, body: Any) -> tuple[int, Any]:
        if path == "metadata":
            kept = {"type": "Patient", "interaction": [{"code": "read"}, {"code": "vread"}]}
            return 200, {**body, "rest": [{"resource": [kept, {"type": "Observation"}]}]}
        return status, body

    simulator = refer(reference)
    simulator.change = keeps
    result = look(simulator)["references"]
    assert (result.outcome, result.observed) == ("failed", f"1 of 3 dangle: {reference}")


def test_a_link_to_the_next_page_may_bear_the_production_address() -> None:
    there = FhirSimulator(page=1, address=PRODUCTION)
    assert look(there)["search"].outcome == "undetermined"
    assert "declare its address as production_base" in look(there)["search"].observed
    assert outcomes(look(there, production_base=PRODUCTION)) == ("passed", "passed", "passed")


def test_the_newest_change_is_the_newest_whatever_its_zone() -> None:
    held = resources()
    held["Patient/p1"]["meta"] = {"lastUpdated": "2026-11-21T12:30:00.123456789+02:00"}
    held["Patient/p2"]["meta"] = {"lastUpdated": "2026-11-21T11:00:00Z"}
    newest = Newest(query="meta.lastUpdated")
    watermark = look(FhirSimulator(held=held), resources=("Patient",), last_updated=newest)["newest"].watermark
    assert watermark is not None
    assert watermark.at == datetime(2026, 11, 21, 11, 0, tzinfo=UTC)
    for meta in (None, {}, {"lastUpdated": "2026-11-21"}, {"lastUpdated": 7}):
        for patient in ("Patient/p1", "Patient/p2"):
            held[patient]["meta"] = meta
        result = look(FhirSimulator(held=held), resources=("Patient",), last_updated=newest)["newest"]
        assert (result.outcome, result.observed) == ("undetermined", "2 resources without lastUpdated")
    result = look(FhirSimulator(change=no_sort), last_updated=newest)["newest"]
    assert result.outcome == "undetermined"


def test_a_slow_server_is_not_called_broken() -> None:
    def slowly(path: str, query: dict[str, list[str]], status: int, body: Any) -> tuple[int, Any]:
        time.sleep(0.6)
        return status, body

    results = look(FhirSimulator(change=slowly), seconds=0.2)
    assert {result.outcome for result in results.values()} == {"undetermined"}
    results = look(FhirSimulator(change=slowly), replace(EXPECTATION, timeout_seconds=2))
    assert "failed" not in {result.outcome for result in results.values()}
    assert "undetermined" in outcomes(results)


def test_a_server_of_another_release_or_closed_to_us_is_not_called_broken() -> None:
    conformance = only("metadata", (200, {"resourceType": "Conformance", "fhirVersion": "1.0.2"}))
    assert look(FhirSimulator(change=conformance))["capability"].outcome == "undetermined"
    result = look(FhirSimulator(token="secret"))["capability"]
    assert (result.outcome, "give it a token_file" in result.observed) == ("undetermined", True)


def test_a_kind_that_the_server_never_served_is_named_and_not_missed() -> None:
    """The default asks for four kinds; a server of two says so, or answers 404 where the facts know of none."""

    def two(path: str, query: dict[str, list[str]], status: int, body: Any) -> tuple[int, Any]:
        if path == "metadata":
            body = {**body, "rest": [{"resource": [{"type": "Patient"}, {"type": "Observation"}, None]}]}
        return (404, ERROR) if path == "ImagingStudy" else (status, body)

    kinds = ("Patient", "Observation", "ImagingStudy")
    results = look(FhirSimulator(change=two), resources=kinds)
    assert outcomes(results) == ("passed", "passed", "passed")
    assert results["search"].observed.endswith("not served: ImagingStudy")
    silent = look(FhirSimulator(change=only("ImagingStudy", (404, ERROR))), resources=kinds)
    assert silent["search"].outcome == "undetermined", "its capability says nothing, nor do the facts"


def test_addresses_must_be_addresses() -> None:
    for wrong in ({"production_base": "fhir.example"}, {"production_base": ("https://a", "b")}, {"external": ("x",)}):
        with pytest.raises(ValueError, match="must begin with http"):
            FhirOptions(base="http://x", **wrong)  # type: ignore[arg-type]
