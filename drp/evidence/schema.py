"""The published JSON Schema of the evidence record, derived from the domain type and stricter than its default.

drp always writes every field, so every field is required and an unknown one is damage.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from drp.codec import json_schema
from drp.domain.evidence import RECORD_SCHEMA, EvidenceRecord
from drp.domain.phrase_form import FORM
from drp.share import shared

_DIGEST = "^[0-9a-f]{64}$"
_DIGEST_FIELDS = ("plan_digest", "journal_head")

_ANNOTATIONS = {"title", "default"}

SCHEMA_FILE = "evidence-record-1.json"


def record_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of an evidence record."""
    schema = _strict(json_schema(EvidenceRecord))
    schema["$defs"][FORM["title"]] = dict(FORM)
    schema["properties"]["schema"] = {"const": RECORD_SCHEMA}
    for field in _DIGEST_FIELDS:
        schema["properties"][field]["pattern"] = _DIGEST
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{RECORD_SCHEMA.replace('/', ':')}",
        **schema,
    }


def schema_text() -> str:
    """Return the schema as it is published: the text of `reports/schemas/evidence-record-1.json`."""
    return json.dumps(record_schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def published_schema() -> str:
    """Return the shipped schema file, without deriving it again."""
    return (shared("reports") / "schemas" / SCHEMA_FILE).read_text(encoding="utf-8")


def _strict(node: Mapping[str, Any]) -> dict[str, Any]:
    """Close every object: all properties required, no other allowed, no defaults that a reader might rely on."""
    if node.get("title") == FORM["title"]:  # what it may be is said once, and not all of it need be there
        return {"$ref": f"#/$defs/{FORM['title']}"}
    closed: dict[str, Any] = {}
    for keyword, value in node.items():
        if keyword in {"properties", "$defs"}:
            closed[keyword] = {name: _strict(schema) for name, schema in value.items()}
        elif keyword in {"anyOf", "oneOf", "prefixItems"}:
            closed[keyword] = [_strict(schema) for schema in value]
        elif isinstance(value, dict) and keyword not in _ANNOTATIONS:
            closed[keyword] = _strict(value)
        elif keyword not in _ANNOTATIONS:
            closed[keyword] = value
    if "properties" in closed:
        closed |= {"required": sorted(closed["properties"]), "additionalProperties": False}
    return closed
