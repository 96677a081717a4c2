"""Samples are fair, reproducible, and what is said of them is exact."""

from __future__ import annotations

import math
from collections import Counter

import pytest

from drp.errors import ManifestError, UsageError
from drp.hashing.ledger import open_ledger
from drp.hashing.sampling import (
    Sample,
    draw,
    parse_sample,
    rate_below,
    rotation_class,
    rotation_key,
    seen_with,
    sentence,
)
from drp.hashing.selection import select
from drp.hashing.tree import create_manifest
from drp.hashing.verification import Plan, verify_tree
from drp.manifests.opening import open_manifest
from tests.support.trees import ordinary, write


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1%", Sample(share=0.01, seed="s")),
        ("100%", Sample(share=1.0, seed="s")),
        ("3000", Sample(files=3000, seed="s")),
        ("3/26", Sample(rotation=26, turn=2, seed="s")),
    ],
)
def test_what_users_ask_for(text, expected):
    assert parse_sample(text, seed="s") == expected


@pytest.mark.parametrize("text", ["", "0", "-1", "0%", "101%", "nan%", "x", "0/3", "4/3", "1/0", "1/2/3", "1e3"])
def test_what_is_no_sample(text):
    with pytest.raises(UsageError):
        parse_sample(text, seed="s")


def test_draw_is_a_set_of_the_right_size_and_follows_from_the_seed():
    for population, count in [(1, 1), (10, 10), (1000, 1), (1000, 37), (10**9, 500)]:
        chosen = draw(population, count, "seed")
        assert len(set(chosen)) == count
        assert chosen == sorted(chosen)
        assert 0 <= chosen[0] <= chosen[-1] < population
        assert chosen == draw(population, count, "seed")
    assert draw(10**9, 500, "seed") != draw(10**9, 500, "seed2")


def test_draw_is_uniform():
    hits = Counter(number for seed in range(4000) for number in draw(20, 3, str(seed)))
    expected = 4000 * 3 / 20
    statistic = sum((hits[number] - expected) ** 2 / expected for number in range(20))
    assert statistic < 43.8  # chi-squared, 19 degrees of freedom, p = 0.001


def test_probability_of_seeing_damage_is_hypergeometric():
    for population, drawn, bad in [(10, 3, 2), (100, 20, 5), (50, 50, 1), (50, 1, 50), (30, 10, 25)]:
        exact = 1 - math.comb(population - bad, drawn) / math.comb(population, drawn)
        assert seen_with(population, drawn, bad) == pytest.approx(exact, rel=1e-9)
    assert seen_with(100, 0, 5) == 0.0
    assert seen_with(100, 5, 0) == 0.0
    # 460 blocks show 1 % loss with 99 % (Ateniese et al. 2007); 2 995 files bound 0.1 % at 95 %
    assert seen_with(10_000, 460, 100) > 0.99
    assert seen_with(200_000_000, 2995, 200_000) == pytest.approx(0.95, abs=1e-3)


def test_bound_after_failures_is_clopper_pearson():
    # rule of three, and values from the tables of the exact binomial interval (one-sided 95 %)
    assert rate_below(10**9, 300, 0) == pytest.approx(1 - 0.05 ** (1 / 300), rel=1e-6)
    assert rate_below(10**9, 20, 1) == pytest.approx(0.21611, abs=1e-4)
    assert rate_below(10**9, 100, 5) == pytest.approx(0.10225, abs=1e-4)
    assert rate_below(50, 50, 5) == 0.1
    assert rate_below(10, 5, 5) == 1.0


def test_sentences():
    assert sentence(200_000_000, 4603, 0, "s") == (
        "4603 of 200000000 files, seed s: if 0.1 % were corrupt (200000 files) we would have seen it with 99.0 %"
    )
    assert sentence(10, 10, 0, "s").endswith("with certainty")
    assert "2 were not as recorded; with 95 % confidence at most 6." in sentence(1000, 100, 2, "s")
    assert "1 was not as recorded" in sentence(1000, 100, 1, "s")
    assert sentence(100, 50, 0, "s").endswith("(1 file) we would have seen it with 50.0 %")


def test_file_that_departs_in_two_ways_counts_once(made, tmp_path):
    from tests.support.trees import copy

    twin = copy(made[0], tmp_path / "twin")
    write(twin / "exact", b"other", mode=0o600, mtime_ns=5)
    result = verify_tree(twin, made[1], Plan(sample=parse_sample("100%", seed="x"), workers=1))
    assert dict(result.difference.counts) == {"changed": 1, "metadata": 1}
    assert "1 was not as recorded" in result.sentence


def test_rotation_covers_every_file_exactly_once_and_hides_when():
    paths = [b"dir/file-%d" % number for number in range(5000)]
    key = rotation_key("secret")
    classes = Counter(rotation_class(key, path, 7) for path in paths)
    assert set(classes) == set(range(7))
    assert max(classes.values()) < 1.2 * 5000 / 7
    other = rotation_key("secret2")
    agreeing = sum(rotation_class(key, path, 7) == rotation_class(other, path, 7) for path in paths)
    assert agreeing < 1.3 * 5000 / 7


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sampling")
    tree = ordinary(folder / "tree", files=20)
    for number in range(3000):
        directory = tree / f"many{number % 30}"
        directory.mkdir(exist_ok=True)
        write(directory / f"name-{number}", b"%d" % number, mtime_ns=(1_000_000_000 + number * 100_000) * 10**9)
    create_manifest(tree, folder / "m", application="a", workers=1)
    return tree, folder / "m"


def verify(made, text, seed="s", **options):
    return verify_tree(made[0], made[1], Plan(sample=parse_sample(text, seed=seed, **options), workers=1))


def test_sampled_verification_looks_at_as_many_as_it_says(made):
    result = verify(made, "5%")
    assert result.difference.files_hashed == result.drawn == math.ceil(0.05 * 3022)
    assert result.difference.clean
    assert "152 of 3022 files" in result.sentence


def test_all_turns_of_a_rotation_look_at_everything(made):
    turns = [verify(made, f"{turn}/5").difference for turn in range(1, 6)]
    assert sum(turn.files_hashed for turn in turns) == 3022
    with pytest.raises(UsageError):
        parse_sample("6/5", seed="s")


def test_strata_leave_no_class_out(made):
    result = verify(made, "100", stratified=True)
    with open_manifest(made[1]) as manifest:
        assert sum(size for size, _ in result.strata.values()) == manifest.trailer["files"]
    assert all(drawn >= 1 for _, drawn in result.strata.values())
    assert result.difference.files_hashed == result.drawn
    assert "least covered" in result.sentence


def test_damage_is_found_by_a_large_enough_sample(made, tmp_path):
    from tests.support.trees import copy

    twin = copy(made[0], tmp_path / "twin")
    for victim in sorted(twin.glob("many*/*"))[::10]:
        write(victim, b"ransom", mtime_ns=victim.stat().st_mtime_ns)
    result = verify_tree(twin, made[1], Plan(sample=parse_sample("300", seed="x"), workers=1))
    assert result.difference.counts["changed"] > 5
    assert "at most" in result.sentence


def test_missing_sampled_file_and_fifo_in_its_place(made, tmp_path):
    import os

    from tests.support.trees import copy

    twin = copy(made[0], tmp_path / "twin")
    (twin / "exact").unlink()
    (twin / "large").unlink()
    os.mkfifo(twin / "large")
    result = verify_tree(twin, made[1], Plan(sample=parse_sample("100%", seed="x"), workers=1))
    assert dict(result.difference.counts) == {"missing": 1, "kind": 1}


def test_ledger_takes_turns_and_survives(made, tmp_path):
    path = tmp_path / "ledger.json"
    taken = []
    for _ in range(4):
        ledger = open_ledger(path, 3 if not path.exists() else 0)
        sample = ledger.next()
        taken.append(sample.turn)
        ledger.record(sample, manifest="m", files=1, deviations=0)
    assert taken == [0, 1, 2, 0]
    assert open_ledger(path, 3).covered() == 3
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UsageError, match="rotation of 3"):
        open_ledger(path, 4)
    path.write_text("{}")
    with pytest.raises(UsageError):
        open_ledger(path, 0)
    with pytest.raises(UsageError, match="no ledger"):
        open_ledger(tmp_path / "absent", 0)


def test_selection_of_a_damaged_manifest(made, tmp_path):
    content = bytearray(made[1].read_bytes())
    with open_manifest(made[1]) as manifest:
        frame = manifest.frames[0]
    content[frame.offset + 30] ^= 1
    (tmp_path / "m").write_bytes(content)
    with open_manifest(tmp_path / "m") as manifest, pytest.raises(ManifestError):
        select(manifest, parse_sample("10", seed="s", stratified=True))
