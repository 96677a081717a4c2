"""The published JSON Schemas say the same as drp itself, and every key is explained."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from drp.codec import from_data
from drp.config.document import read_document
from drp.config.json_schema import KINDS, file_schema
from drp.config.site import load_site
from drp.config.template import lay_site
from drp.share import shared
from tests.support.sites import FILES

KIND_OF_FOLDER = {"applications": "application", "drills": "drill"}
KIND_OF_FILE = {
    "drp.yml": "site",
    "repositories.yml": "repositories",
    "sandboxes.yml": "sandboxes",
    "monitoring.yml": "monitoring",
    "schedule.yml": "schedule",
}


def kind_of(path: Path) -> str:
    return KIND_OF_FILE.get(path.name) or KIND_OF_FOLDER[path.parent.name]


EXAMPLES = sorted(shared("inventory").rglob("*.yml"))


@pytest.mark.parametrize("kind", KINDS)
def test_each_schema_is_valid_and_strict(kind: str) -> None:
    schema = file_schema(kind)
    jsonschema.Draft202012Validator.check_schema(schema)
    for part in (schema, *schema.get("$defs", {}).values()):
        if part.get("type") == "object":
            assert part["additionalProperties"] is False or "patternProperties" in part


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_is_explained(kind: str) -> None:
    schema = file_schema(kind)
    assert [place for place, value in _properties(schema) if not _description(value, schema)] == []


def _description(value: dict[str, Any], schema: dict[str, Any]) -> str:
    """A key whose words are those of the part it names has them there only."""
    named = schema.get("$defs", {}).get(value.get("$ref", "").rpartition("/")[2], {})
    return value.get("description") or named.get("description", "")


def _properties(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, part in {"": schema, **schema.get("$defs", {})}.items():
        for key, value in part.get("properties", {}).items():
            yield f"{name}.{key}", value


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_shipped_examples_fit_their_schemas(path: Path) -> None:
    data = read_document(path, path.name).data
    jsonschema.validate(data, file_schema(kind_of(path)))


@pytest.mark.parametrize("file", FILES)
def test_the_schema_refuses_what_drp_refuses(file: str) -> None:
    content = yaml.safe_load(FILES[file])
    schema = file_schema(kind_of(Path(file)))
    jsonschema.validate(content, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**content, "surprise": 1}, schema)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_shipped_examples_name_the_schema_that_init_lays_beside_them(path: Path, tmp_path: Path) -> None:
    lay_site(tmp_path)
    target = tmp_path / ("drp.yml" if path.name == "drp.yml" else path.relative_to(shared("inventory").parent))
    first = target.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    schema = (target.parent / first.partition("=")[2]).resolve()
    assert schema == tmp_path / ".schema" / f"{kind_of(path)}.json"
    assert schema.is_file()


def test_the_shipped_checks_have_options_that_their_verifiers_take(tmp_path: Path) -> None:
    lay_site(tmp_path)
    verifiers = {entry.name: entry.load() for entry in entry_points(group="drp.verifiers")}
    checks = [check for application in load_site(tmp_path).applications.values() for check in application.checks]
    assert checks
    for check in checks:
        from_data(verifiers[check.verifier].Options, check.options)


def test_the_shipped_catalogue_is_a_whole_hospital_and_honest_about_it(tmp_path: Path) -> None:
    lay_site(tmp_path)
    applications = load_site(tmp_path).applications
    assert {name for name, application in applications.items() if application.drilled} == {
        "ehr",
        "lis",
        "pacs",
        "documents",
    }
    assert {"ris", "pharmacy", "anaesthesia", "oncology", "emergency", "admissions", "payroll", "erp", "directory", "meal-labels"} <= set(applications)  # fmt: skip
    for application in applications.values():
        assert application.owner, application.name
        assert application.objectives.mtpd is not None, application.name
        assert application.depends_on or application.name == "directory"
