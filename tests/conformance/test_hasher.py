"""What every Hasher must do, whatever it is made of (the contract in drp/domain/ports.py)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from drp.domain.manifest import MAX_DEVIATIONS, decode_path, show_path
from drp.domain.ports import Hasher
from drp.errors import Interrupted, ManifestError, NotFound
from drp.hashing.tree import TreeHasher, create_manifest
from drp.hashing.verification import compare_tree
from tests.support.trees import copy, ordinary, write

pytestmark = pytest.mark.usefixtures("core")


@pytest.fixture(params=[1, 2, 5], ids=lambda workers: f"{workers} workers")
def hasher(request) -> Hasher:
    return TreeHasher(workers=request.param)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hasher")
    tree = ordinary(folder / "tree")
    for number in range(300):
        write(tree / "d0" / f"extra-{number:03}", b"%d" % number)
    return tree, folder / "m", create_manifest(tree, folder / "m", application="a", workers=1)


def compare(hasher: Hasher, tree: Path, manifest: Path):
    return hasher.compare(tree, manifest, uid_offset=None, report=lambda _: None, cancelled=lambda: False)


def test_a_faithful_tree_is_clean_and_counted(hasher, source):
    difference = compare(hasher, source[0], source[1])
    assert difference.clean
    assert (difference.files_hashed, difference.bytes_hashed) == (source[2].files, source[2].total_bytes)
    assert (difference.manifest_id, difference.entries_expected) == (source[2].id, source[2].entries)
    assert not difference.ownership_judged


def test_counts_are_exact_and_the_first_of_each_kind_are_named_in_path_order(hasher, source, tmp_path):
    twin = copy(source[0], tmp_path / "twin")
    victims = sorted((twin / "d0").glob("extra-*"))[:250]
    for victim in victims:
        victim.unlink()
    difference = compare(hasher, twin, source[1])
    assert dict(difference.counts) == {"missing": 250}
    named = [deviation.path for deviation in difference.deviations]
    assert named == [f"d0/extra-{number:03}" for number in range(MAX_DEVIATIONS)]
    for deviation in difference.deviations:
        assert show_path(decode_path(deviation.path_b64)) == deviation.path


def test_the_same_comparison_gives_the_same_answer(hasher, source, tmp_path):
    twin = copy(source[0], tmp_path / "twin")
    (twin / "exact").unlink()
    write(twin / "added", b"x")
    first, second = compare(hasher, twin, source[1]), compare(hasher, twin, source[1])
    assert (first.counts, first.deviations) == (second.counts, second.deviations)


def test_only_the_named_errors(hasher, source, tmp_path):
    with pytest.raises(ManifestError):
        compare(hasher, tmp_path / "absent", source[1])
    with pytest.raises(ManifestError):
        compare(hasher, source[0], tmp_path / "absent")
    with pytest.raises(ManifestError):
        compare(hasher, source[0], source[0] / "exact")
    write(tmp_path / "file", b"x")
    with pytest.raises(ManifestError):
        compare(hasher, tmp_path / "file", source[1])


def test_stops_soon_when_asked(source, tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    for number in range(3000):
        directory = tree / f"{number // 100}"
        directory.mkdir(exist_ok=True)
        write(directory / f"{number}", bytes(40_000))
    create_manifest(tree, tmp_path / "m", application="a", workers=1)
    with pytest.raises(Interrupted):
        compare_tree(tree, tmp_path / "m", uid_offset=None, cancelled=lambda: True, rate=1000.0)


def test_nothing_is_left_open(hasher, source):
    before = sorted(os.listdir("/proc/self/fd"))
    compare(hasher, source[0], source[1])
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_a_tree_has_one_digest_whoever_computes_it(hasher, source, tmp_path):
    digest = hasher.tree_digest(source[0], report=lambda _: None, cancelled=lambda: False)
    algorithm, _, value = digest.partition(":")
    assert (algorithm, len(value)) == ("blake3", 64)
    twin = copy(source[0], tmp_path / "twin")
    assert hasher.tree_digest(twin, report=lambda _: None, cancelled=lambda: False) == digest
    write(twin / "added", b"x")
    assert hasher.tree_digest(twin, report=lambda _: None, cancelled=lambda: False) != digest
    with pytest.raises(NotFound):
        hasher.tree_digest(tmp_path / "absent", report=lambda _: None, cancelled=lambda: False)
