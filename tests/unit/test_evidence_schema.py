"""The published schema is the domain type's, accepts every record, and refuses damaged ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from drp.domain.evidence import EvidenceRecord
from drp.evidence.record import record_bytes
from drp.evidence.schema import published_schema, record_schema, schema_text
from tests.support import fixtures_records as sample


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = json.loads(published_schema())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def test_the_published_file_is_up_to_date() -> None:
    assert published_schema() == schema_text(), (
        "write it anew: python -c 'from drp.evidence.schema import schema_text; print(schema_text(), end=\"\")'"
        " > reports/schemas/evidence-record-1.json"
    )


def test_every_object_is_closed() -> None:
    schema = record_schema()
    for definition in (schema, *schema["$defs"].values()):
        forms = [form for form in definition.get("anyOf", [definition]) if form.get("type") == "object"]
        assert forms
        assert all(form["additionalProperties"] is False for form in forms)
        if definition.get("title") != "Phrase":  # what its words depend on is there where they do
            assert sorted(definition["properties"]) == definition["required"]


def test_sample_records_are_valid(any_record: EvidenceRecord, validator: Draft202012Validator) -> None:
    validator.validate(json.loads(record_bytes(any_record)))


Damage = Callable[[dict[str, Any]], object]

DAMAGES: dict[str, Damage] = {
    "no verdict": lambda record: record.pop("verdict"),
    "an unknown verdict": lambda record: record.update(verdict="mostly fine"),
    "another schema": lambda record: record.update(schema="drp/evidence-record/0"),
    "a field nobody knows": lambda record: record.update(approved=True),
    "a cut digest": lambda record: record.update(plan_digest=record["plan_digest"][:63]),
    "recoveries as a table": lambda record: record.update(recoveries={}),
    "a recovery without its findings": lambda record: record["recoveries"][0].pop("findings"),
    "a time as text": lambda record: record["recoveries"][0]["measurement"].update(rta_ms="20 s"),
    "a proof without counts": lambda record: record["recoveries"][0]["prepare"]["proof"].pop("allowed"),
    "an unknown attainment": lambda record: record["recoveries"][0]["measurement"].update(rto_attainment="nearly"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_record_is_refused(name: str, validator: Draft202012Validator) -> None:
    record = json.loads(record_bytes(sample.sample_record("passed")))
    DAMAGES[name](record)
    with pytest.raises(ValidationError):
        validator.validate(record)
