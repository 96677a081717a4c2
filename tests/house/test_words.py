"""One word a thing in what users read; every exemption from a rule has its reason; documents that are named are here."""

from __future__ import annotations

import re

import pytest

from tests.house.test_shape import PYTHON, ROOT, TRACKED

BARE = re.compile(r"#\s*noqa(:\s*[A-Z]+\d+(\s*,\s*[A-Z]+\d+)*)?\s*$", re.MULTILINE)
GONE = re.compile(
    r"\b(?:mend(?:s|ed|ing)? (?:it|the|what|that)|(?:is|be|was) taken up|takes? up a drill|an own|across applications)\b",
    re.IGNORECASE,
)
"""fix · resumed · resume · a … of its own · reconciliation"""
SAID = [
    path
    for path in (ROOT / name for name in TRACKED)
    if path.is_file() and path.suffix in {".py", ".md", ".j2", ".po", ".yml"} and "tests" not in path.parts
]
OF_BEFORE = {"drp/reporting/reasons.py", "drp/reporting/remedies.py"}
"""They read what records of 0.1 say."""
NAMED = re.compile(r"`((?:drp|verifiers|runbooks|reports|inventory|tests)/[\w./-]+\.(?:py|md|yml|c|sh|json|j2|css))`")
MADE_UP = re.compile(r"NAME|KIND|CODE|LANG|<")
DOCUMENTS = [path for path in SAID if path.suffix == ".md" and path.name != "CHANGELOG.md"]


def test_every_exemption_has_its_reason():
    for path in PYTHON:
        found = BARE.search(path.read_text(encoding="utf-8"))
        assert found is None, f"{path.relative_to(ROOT)}: {found[0]}: say why, after ` - `"


def test_users_read_one_word_a_thing():
    for path in SAID:
        found = GONE.search(path.read_text(encoding="utf-8"))
        assert found is None or str(path.relative_to(ROOT)) in OF_BEFORE, f"{path.relative_to(ROOT)}: {found[0]}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_that_documents_name_are_here(path):
    for name in NAMED.findall(path.read_text(encoding="utf-8")):
        assert MADE_UP.search(name) or (ROOT / name).is_file(), name
