"""verifiers/README.md tells every option of every shipped verifier, and every damage it lists has its test."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from drp.verifiers.loading import available, load

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "verifiers" / "README.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL))
SHIPPED = sorted(found.name for found in available() if found.distribution == "drproof")


@pytest.mark.parametrize("name", SHIPPED)
def test_every_option_has_its_line(name: str):
    told = re.findall(r"^\| `(\w+)` \|", SECTIONS[name], re.MULTILINE)
    assert told == [field.name for field in dataclasses.fields(load([name])[name].Options)]


def test_every_damage_that_is_listed_has_its_test():
    rows = re.findall(r"^\|.*\| `(test_\w+)` \|$", SECTIONS["What catches what"], re.MULTILINE)
    assert len(rows) >= 30
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name in rows if f"def {name}(" not in tests] == []


def test_every_option_of_a_reader_of_records_is_told():
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", SECTIONS["Records"], re.MULTILINE))
    readers = {name: verifier for name, verifier in load(SHIPPED).items() if hasattr(verifier, "RecordOptions")}
    assert set(rows) == set(readers)
    for name, reader in readers.items():
        told = set(re.findall(r"`(\w+)`", rows[name]))
        assert {field.name for field in dataclasses.fields(reader.RecordOptions)} <= told, name
