"""Every line of the damage matrix is a test that is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.damage_matrix import Row, name_of, rows

TESTS = Path(__file__).resolve().parents[1]
NAMES = {
    name
    for file in TESTS.rglob("test_*.py")
    for name in re.findall(r"^def (test_\w+)\(", file.read_text(encoding="utf-8"), re.M)
}


def test_the_matrix_is_read_to_its_end():
    assert len(rows()) > 80


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.damage[:60])
def test_every_line_names_what_caught_it_and_tests_that_are_there(row: Row):
    assert row.caught_by
    assert row.tests
    assert set(row.tests) <= NAMES


@pytest.mark.parametrize(
    "node",
    [
        "tests/unit/test_a.py::test_b",
        "tests/unit/test_a.py::test_b[x::y]",
        "tests/unit/test_a.py::test_b@tests/unit/test_a.py",
        "tests/unit/test_a.py::test_b[x@y]@group",
    ],
)
def test_a_test_is_known_by_its_name_alone(node: str):
    assert name_of(node) == "test_b"
