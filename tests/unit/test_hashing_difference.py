"""Two manifests are compared as two trees would be."""

from __future__ import annotations

import os

import pytest

from drp.errors import UsageError
from drp.hashing.difference import differences
from drp.hashing.tree import create_manifest
from drp.manifests.opening import open_manifest
from tests.support.trees import copy, hostile, ordinary, write


def make(tree, path, **options):
    create_manifest(tree, path, application="a", workers=1, **options)
    return path


def diff(left, right):
    with open_manifest(left) as ours, open_manifest(right) as theirs:
        return [(found.kind, found.path) for found in differences(ours, theirs)]


@pytest.mark.parametrize("maker", [ordinary, hostile])
def test_same_tree_has_no_difference(tmp_path, maker):
    tree = maker(tmp_path / "tree")
    first, second = make(tree, tmp_path / "a"), make(tree, tmp_path / "b")
    assert diff(first, first) == []
    assert diff(first, second) == []


def test_every_kind_both_ways(tmp_path):
    tree = ordinary(tmp_path / "tree")
    before = make(tree, tmp_path / "a")
    twin = copy(tree, tmp_path / "twin")
    (twin / "exact").unlink()
    write(twin / "added", b"")
    os.chmod(twin / "d0", 0o700)
    victim = twin / "d1" / "e1" / "f0001"
    write(victim, b"other", mtime_ns=victim.stat().st_mtime_ns)
    (twin / "large").unlink()
    (twin / "large").mkdir()
    write(twin / "large" / "inner", b"")
    after = make(twin, tmp_path / "b")
    forwards = diff(before, after)
    assert set(forwards) == {
        ("missing", b"exact"),
        ("unexpected", b"added"),
        ("metadata", b"d0"),
        ("changed", b"d1/e1/f0001"),
        ("kind", b"large"),
        ("unexpected", b"large/inner"),
    }
    swapped = {"missing": "unexpected", "unexpected": "missing"}
    assert set(diff(after, before)) == {(swapped.get(kind, kind), path) for kind, path in forwards}


def test_one_insertion_leaves_most_frames_alone(tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    for directory in range(120):
        (tree / f"d{directory:03}").mkdir()
        for number in range(60):
            write(tree / f"d{directory:03}" / f"a-rather-long-name-{number:05}", b"%d" % number)
    before = make(tree, tmp_path / "a")
    write(tree / "d000" / "inserted", b"x")
    after = make(tree, tmp_path / "b")
    assert diff(before, after) == [("unexpected", b"d000/inserted")]
    with open_manifest(before) as left, open_manifest(after) as right:
        assert len(left.frames) > 2
        ours = {left.packed(frame) for frame in left.frames}
        theirs = {right.packed(frame) for frame in right.frames}
        assert len(ours & theirs) >= len(ours) - 1


def test_huge_directory_in_parts(tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    for number in range(5000):
        write(tree / f"{number:06}", b"")
    before = make(tree, tmp_path / "a")
    with open_manifest(before) as manifest:
        groups = list(manifest.all_groups())
        assert len(groups) > 3
        assert [group.first for group in groups] == [True] + [False] * (len(groups) - 1)
        assert [group.last for group in groups] == [False] * (len(groups) - 1) + [True]
    (tree / "002500").unlink()
    write(tree / "0000001", b"x")
    assert set(diff(before, make(tree, tmp_path / "b"))) == {("missing", b"002500"), ("unexpected", b"0000001")}


def test_different_algorithms_are_refused(tmp_path):
    tree = ordinary(tmp_path / "tree", files=3)
    one = make(tree, tmp_path / "a")
    other = make(tree, tmp_path / "b", algorithms=("sha256",))
    with pytest.raises(UsageError, match="different digests"):
        diff(one, other)
