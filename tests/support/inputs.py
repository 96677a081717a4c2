"""Writes what each runbook takes into its README: `python -m tests.support.inputs`.

The tables stand between two marks, so that words around them stay; `tests/house/test_runbook_inputs.py` fails until
they agree.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from drp.config.inputs import declared_inputs
from drp.config.schema_inputs import InputFile
from drp.runbooks.catalogue import runbooks
from drp.share import shared

HOME = shared("runbooks")
_TABLE = re.compile(r"<!-- inputs -->\n.*?<!-- end -->\n", re.DOTALL)


def shipped() -> tuple[str, ...]:
    """Return the kinds of drp's own runbooks."""
    return tuple(found.kind for found in runbooks([HOME]))


def inputs_of(kind: str) -> dict[str, InputFile]:
    """Return what a shipped runbook declares."""
    declared, problems = declared_inputs([HOME], kind)
    assert declared is not None, (kind, problems)
    assert not problems, (kind, problems)
    return declared.options


def readme(kind: str) -> Path:
    """Return the README of a shipped runbook."""
    return HOME / kind / "README.md"


def table(kind: str) -> str:
    """Return the table of a runbook as it stands in its README, with its marks."""
    rows = [
        f"| `{name}` | {_kind(said)} | {said.description} | {_default(said)} |\n"
        for name, said in inputs_of(kind).items()
    ]
    return f"<!-- inputs -->\n| input | type | meaning | default |\n|---|---|---|---|\n{''.join(rows)}<!-- end -->\n"


def written(kind: str, text: str) -> str:
    """Return a README with its table as the runbook declares it."""
    return _TABLE.sub(lambda _match: table(kind), text)


def _kind(said: InputFile) -> str:
    if said.type == "raw" and said.choices:
        return ", ".join(json.dumps(choice).strip('"') for choice in said.choices)
    return f"{said.type} of {said.elements}" if said.elements is not None else said.type


def _default(said: InputFile) -> str:
    if said.required:
        return "required"
    if said.default in (None, ""):
        return ""
    return f"`{said.default if isinstance(said.default, str) else json.dumps(said.default)}`"


if __name__ == "__main__":
    for each in shipped():
        readme(each).write_text(written(each, readme(each).read_text(encoding="utf-8")), encoding="utf-8")
