"""What a backup can lose, and how each verifier judges it: declared once, and in the README as declared."""

from __future__ import annotations

import pytest

from tests.support.parts import README, marked, parts_of, shipped, written


@pytest.mark.parametrize("name", shipped())
def test_every_verifier_says_what_it_judges_and_what_not(name: str):
    parts = parts_of(name)
    assert parts, f"{name} has no parts"
    assert len({part.name for part in parts}) == len(parts)
    assert all(part.words and part.words.isprintable() and "|" not in part.words for part in parts)


@pytest.mark.parametrize("name", shipped())
def test_a_thing_of_the_system_belongs_to_one_part(name: str):
    own = [thing for part in parts_of(name) for thing in part.catalogue]
    assert sorted(own) == sorted(set(own))


def test_the_readme_has_the_tables_as_they_are_declared():
    text = README.read_text(encoding="utf-8")
    assert sorted(marked(text)) == sorted(shipped())
    assert text == written(text), "run `python -m tests.support.parts`"
