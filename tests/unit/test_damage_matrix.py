"""Every line of the matrices of damage and of hostile behaviour is a test that is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from drp.verifiers.loading import available
from tests.support.damage_matrix import GOT, Hostility, Row, hostilities, name_of, rows

TESTS = Path(__file__).resolve().parents[1]
NAMES = {
    name
    for file in TESTS.rglob("test_*.py")
    for name in re.findall(r"^def (test_\w+)\(", file.read_text(encoding="utf-8"), re.M)
}
VERIFIERS = {found.name for found in available() if found.distribution == "drproof"}
PARTS = {
    "every verifier",
    "record",
    "manifest",
    "restore",
    "start",
    "sandbox",
    "pod",
    "reconciliation",
    "sign-off",
    "canary",
}
"""What else hostile content meets, where it is no verifier."""


def test_the_matrices_are_read_to_their_end():
    assert len(rows()) > 80
    assert len(hostilities()) > 10


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.damage[:60])
def test_every_line_names_what_caught_it_and_tests_that_are_there(row: Row):
    assert row.caught_by
    assert row.tests
    assert set(row.tests) <= NAMES


@pytest.mark.parametrize("row", hostilities(), ids=lambda row: row.behaviour[:60])
def test_every_hostile_behaviour_names_whom_it_met_what_it_got_and_tests_that_are_there(row: Hostility):
    met = [name.strip() for name in row.verifiers.split(",")]
    assert [name for name in met if name not in PARTS and name.strip("`") not in VERIFIERS] == []
    assert row.got.startswith(GOT)
    assert row.tests
    assert set(row.tests) <= NAMES


def test_every_verifier_has_met_hostile_content():
    met = {name.strip(" `") for row in hostilities() for name in row.verifiers.split(",")}
    assert VERIFIERS - met == set()


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
