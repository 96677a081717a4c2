"""What shipped runbooks take, what they say that they take, and what their READMEs tell are the same."""

from __future__ import annotations

import re

import pytest

from drp.config.inputs import GIVEN, fits, input_misfits
from drp.config.schema_inputs import InputFile, MainFile
from tests.support.inputs import HOME, inputs_of, readme, shipped, table, written

FOR_READERS = {("postgres", "database")}
"""Declared for those who read the application's file; no step needs them."""
_USE = re.compile(r"\bdrp_inputs\s*(?:\.\s*(\w+)|\[\s*['\"](\w+)['\"]\s*\])")


def used(kind: str) -> set[str]:
    text = "".join((HOME / kind / f"{step}.yml").read_text() for step in ("restore", "start", "stop"))
    found = {first or second for first, second in _USE.findall(text)}
    assert len(_USE.findall(text)) == text.count("drp_inputs"), (
        f"{kind} reads its inputs in a way that nobody can check"
    )
    return found - set(GIVEN)


@pytest.mark.parametrize("kind", shipped())
def test_every_input_that_is_used_is_declared_and_every_declared_one_is_used(kind: str) -> None:
    declared = {name for name in inputs_of(kind) if (kind, name) not in FOR_READERS}
    assert used(kind) == declared


def test_no_role_reads_the_inputs_behind_its_runbook() -> None:
    for path in (HOME / "roles").rglob("*.yml"):
        assert "drp_inputs" not in path.read_text(), path


@pytest.mark.parametrize("kind", shipped())
def test_the_readme_tells_what_is_declared(kind: str) -> None:
    text = readme(kind).read_text()
    assert (table(kind) in text) == bool(inputs_of(kind)), f"run `python -m tests.support.inputs`: {kind}/README.md"
    assert written(kind, text) == text


@pytest.mark.parametrize("kind", shipped())
def test_defaults_are_those_of_the_playbooks_and_fit_their_own_declaration(kind: str) -> None:
    options = inputs_of(kind)
    defaults = {name: said.default for name, said in options.items() if said.default is not None}
    required = {name: said.model_copy(update={"required": False}) for name, said in options.items()}
    assert list(input_misfits(MainFile(options=required), defaults)) == []
    text = "".join((HOME / kind / f"{step}.yml").read_text() for step in ("start", "stop"))
    for name, written_default in re.findall(r"drp_inputs\.(\w+) \| default\((.*?)\)", text):
        said = options[name].default
        if said is not None and not written_default.startswith("orthanc_plan"):
            shown = f"'{said}'" if isinstance(said, str) else str(said).lower() if isinstance(said, bool) else str(said)
            allowed = {shown, "''"} if options[name].type == "raw" else {shown}
            assert written_default in allowed, (kind, name)


@pytest.mark.parametrize("kind", shipped())
def test_every_input_is_explained(kind: str) -> None:
    def explained(options: dict[str, InputFile]) -> None:
        for name, said in options.items():
            assert said.description, (kind, name)
            assert said.default is None or fits(said.type, said.default), (kind, name)
            explained(said.options or {})

    explained(inputs_of(kind))
