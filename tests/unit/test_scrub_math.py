"""What a draw can show, counted: the formula against every possible draw, and sizes that are neither more nor less."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as some

from drp.domain.sample import seen_with
from drp.domain.worm.scrub import BAD_SHARE, CHANCE, corrupt_of, draw_size, drawn
from drp.repositories.restic.pack_names import named


@pytest.mark.parametrize("population", range(1, 9))
def test_the_chance_is_that_of_all_draws(population: int) -> None:
    for bad, size in itertools.product(range(1, population + 1), range(1, population + 1)):
        met = [any(one < bad for one in draw) for draw in itertools.combinations(range(population), size)]
        assert math.isclose(seen_with(population, size, bad), Fraction(sum(met), len(met)), rel_tol=1e-9)


@given(population=some.integers(1, 2_000_000))
def test_a_draw_is_as_small_as_its_statement_allows(population: int) -> None:
    size, bad = draw_size(population), corrupt_of(population, BAD_SHARE)
    assert 1 <= bad <= population
    assert bad >= population * BAD_SHARE
    assert 1 <= size <= population
    assert seen_with(population, size, bad) >= CHANCE
    assert size == 1 or seen_with(population, size - 1, bad) < CHANCE


@given(population=some.integers(1, 100_000), read=some.integers(0, 100_000))
def test_a_statement_never_claims_more_than_it_shows(population: int, read: int) -> None:
    read = min(read, population)
    draw = drawn("s", read, population)
    if draw is None:
        assert read == 0
    else:
        assert draw.chance <= seen_with(population, read, corrupt_of(population, draw.bad_share))
        assert (draw.chance == 1.0) == (read + corrupt_of(population, BAD_SHARE) > population)


def test_sizes_that_people_know() -> None:
    assert draw_size(0) == 0
    assert draw_size(1_000_000) == 299  # ln 0.05 / ln 0.99, as without an end
    assert draw_size(100) in {95, 96}  # 95 is exactly the chance, which is not exactly a float


_HEX = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("key", "part", "digest"),
    [
        ("config", "config", ""),
        (f"keys/{_HEX}", "keys", _HEX),
        (f"locks/{_HEX}", "locks", _HEX),
        (f"data/01/{_HEX}", "data", _HEX),
        (f"data/{_HEX}", "data", _HEX),
        (f"data/02/{_HEX}", "", ""),
        (f"data/01/{_HEX.upper()}", "", ""),
        (f"data/01/{_HEX}\n", "", ""),
        (f"index/01/{_HEX}", "", ""),
        (f"/keys/{_HEX}", "", ""),
        (f"keys/{_HEX}/", "", ""),
        (f"keys/{_HEX}0", "", ""),
        (f"Keys/{_HEX}", "", ""),
        ("keys/" + "٣" * 64, "", ""),
        ("", "", ""),
    ],
)
def test_names_say_what_they_say_and_nothing_else(key: str, part: str, digest: str) -> None:
    found = named(key)
    assert (found.part, found.sha256, found.passing) == (part, digest, part == "locks")
