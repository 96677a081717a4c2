"""What a FHIR resource refers to: followed here, contained, elsewhere, or in a form that cannot be followed."""

from __future__ import annotations

import types
from typing import Any

import pytest

from drp_verifiers.fhir_words import said
from drp_verifiers.inside import whole_program


def program(name: str) -> Any:
    module = types.ModuleType(name)
    exec(compile(whole_program(name), f"{name}.py", "exec"), module.__dict__)
    return module


References, Server = program("fhir_references").References, program("fhir_server").Server
HERE = {
    "base": "http://127.0.0.1:8080/fhir/", "production": ["https://fhir.hospital.example/r4"],
    "seconds": 1, "time": 1, "token_file": "",
}  # fmt: skip


def look(*resources: dict[str, Any]) -> Any:
    found = References(Server(HERE), ["https://other.example/fhir/"])
    for resource in resources:
        found.of(resource)
    return found


def forms(found: Any) -> dict[str, int]:
    return {said(form): number for form, number in found.said()["unrecognised"]}


def of(reference: object, **more: Any) -> Any:
    return look({"resourceType": "Observation", "id": "o", "subject": {"reference": reference}, **more})


@pytest.mark.parametrize(
    ("reference", "wanted"),
    [
        ("Patient/p1", ("Patient", "p1", None)),
        (" Patient/p1 ", ("Patient", "p1", None)),
        ("Patient/p1/_history/3", ("Patient", "p1", "3")),
        ("http://127.0.0.1:8080/fhir/Patient/p1", ("Patient", "p1", None)),
        ("https://127.0.0.1:8080/fhir/Patient/p1", ("Patient", "p1", None)),
        ("https://fhir.hospital.example/r4/Patient/p1", ("Patient", "p1", None)),
        ("http://fhir.hospital.example/r4/Patient/p1/_history/2", ("Patient", "p1", "2")),
        ("Patient/p_1", ("Patient", "p_1", None)),
        ("Patient/" + "x" * 70, ("Patient", "x" * 70, None)),
    ],
)
def test_what_can_be_asked_for_is_wanted(reference: str, wanted: tuple[str, str, str | None]) -> None:
    found = of(reference)
    assert found.wanted == {wanted}
    assert not found.unrecognised
    assert not found.foreign
    assert bool(found.odd) == ("_1" in reference or "xxx" in reference)


@pytest.mark.parametrize(
    ("reference", "form"),
    [
        ("urn:uuid:3f0c0c0e-0000-4000-8000-000000000000", "urn:uuid"),
        ("urn:oid:1.2.3", "urn:oid"),
        ("Patient?identifier=http://hospital|123456", "conditional Patient?…"),
        ("Patient/p1|2", "another form"),
        ("p1", "another form"),
        ("", "an empty text"),
        ("mailto:ada@hospital.example", "mailto"),
        (17, "no text"),
        ("https://fhir.hospital.example/r4/Patient?identifier=123456", "conditional Patient?…"),
    ],
)
def test_what_cannot_be_followed_is_counted_by_its_form_and_tells_no_patient(reference: object, form: str) -> None:
    found = of(reference)
    assert found.wanted == set()
    assert forms(found) == {form: 1}


@pytest.mark.parametrize(
    ("reference", "place"),
    [
        ("https://fhir.hospital.example/r4b/Patient/p1", "https://fhir.hospital.example/r4b"),
        ("https://fhir.hospital.example/r4x/Patient/p1/_history/1", "https://fhir.hospital.example/r4x"),
        ("ftp://fhir.hospital.example/r4/Patient/p1", "ftp://fhir.hospital.example/r4"),
        ("https://elsewhere.example/patients/123456", "https://elsewhere.example"),
    ],
)
def test_another_server_is_named_unless_it_is_declared(reference: str, place: str) -> None:
    assert of(reference).foreign == {place: 1}
    declared = of("https://other.example/fhir/Practitioner/9")
    assert (declared.external, declared.foreign) == ({"other.example/fhir": 1}, {})


def test_contained_resources_must_be_where_they_are_referred_to() -> None:
    held = [{"resourceType": "Practitioner", "id": "pr", "qualification": [{"issuer": {"reference": "#"}}]}]
    assert of("#pr", contained=held).contained == 2
    assert of("#gone", contained=held).missing == ["Observation/o#gone"]
    assert of("#gone", contained=None).missing == ["Observation/o#gone"]


def test_a_bundle_resolves_what_it_carries_and_nothing_else() -> None:
    inside = {
        "resourceType": "Observation",
        "id": "o",
        "subject": {"reference": "urn:uuid:a"},
        "focus": [{"reference": "urn:uuid:b"}],
    }
    entries = [None, {"fullUrl": "urn:uuid:a", "resource": {"resourceType": "Patient"}}, {"resource": inside}]
    found = look({"resourceType": "Bundle", "entry": entries})
    assert (found.contained, forms(found)) == (1, {"urn:uuid": 1})


def test_references_by_identifier_alone_and_attachments() -> None:
    found = look(
        {
            "resourceType": "Patient",
            "identifier": [{"value": "1"}],
            "managingOrganization": {"identifier": {"value": "2"}, "display": "x"},
        },
        {"content": [{"attachment": {"contentType": "application/pdf", "url": "Binary/b1"}}]},
        {"content": [{"attachment": {"contentType": "application/pdf", "url": "https://archive.example/1.pdf"}}]},
    )
    assert found.logical == 1
    assert found.wanted == {("Binary", "b1", None)}


def test_hostile_shapes_end_and_are_named() -> None:
    deep: dict[str, Any] = {"reference": "Patient/deep"}
    for _ in range(5000):
        deep = {"extension": [deep]}
    assert look(deep).wanted == {("Patient", "deep", None)}
    many = look({"many": [[{"reference": f"https://{number}.example/Patient/1"} for number in range(100)]]})
    assert len(many.foreign) == 21
    assert many.foreign["others"] == 80
    assert "too large" in next(iter(forms(look({"many": [{}] * 300_000}))))
