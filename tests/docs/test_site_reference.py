"""The reference of a site's keys is the schema's: whole, up to date, and with examples that the schema takes."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from drp.config.json_schema import KINDS, file_schema
from tests.support.site_reference import FILES, PAGE, Reference, examples, page


def test_the_page_is_up_to_date():
    assert PAGE.read_text() == page(), "run `python -m tests.support.site_reference`"


def test_every_kind_of_file_has_its_chapter():
    assert FILES.keys() == KINDS.keys()


@pytest.mark.parametrize("kind", FILES)
def test_every_key_has_its_meaning_and_an_example(kind: str):
    assert list(Reference(kind).missing()) == []


@pytest.mark.parametrize("kind", FILES)
def test_examples_are_what_such_a_file_may_say(kind: str):
    model = Reference(kind).models[""]
    documents = list(examples(kind))
    assert documents
    for document in documents:
        model.model_validate_json(json.dumps(document, default=str))


def keys_of(part: Any) -> set[str]:
    """Return every key that a schema knows, found without the reference's own code."""
    if isinstance(part, list):
        return {key for each in part for key in keys_of(each)}
    if not isinstance(part, dict):
        return set()
    own = set(part["properties"]) if isinstance(part.get("properties"), dict) else set()
    return own | {key for each in part.values() for key in keys_of(each)}


@pytest.mark.parametrize("kind", FILES)
def test_no_key_of_a_schema_is_left_out(kind: str):
    told = set(re.findall(r"^\| `(\w+)` \|", Reference(kind).text(), re.MULTILINE))
    assert told == keys_of(file_schema(kind))


def test_every_link_leads_to_a_block():
    text = PAGE.read_text()
    assert set(re.findall(r"\]\(#([\w-]+)\)", text)) == set(re.findall(r'<a id="([\w-]+)">', text))


def test_a_key_without_meaning_or_example_is_told():
    reference = Reference("site")
    del reference.values["", "places"]
    del reference.schema["properties"]["state"]["description"]
    assert list(reference.missing()) == ["site  state: no docstring below the field", "site  places: no example"]
