"""A manifest of a whole source judges one folder of it exactly: what lies below it, and nothing else."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drp.errors import ManifestError, NotFound
from drp.hashing.sampling import Sample
from drp.hashing.selection import drawn_paths
from drp.hashing.tree import TreeHasher, create_manifest
from drp.hashing.verification import Plan, verify_tree
from drp.manifests.layout import Group
from drp.manifests.opening import open_manifest
from drp.manifests.part import rooted
from tests.support.trees import HOSTILE_NAMES, copy, ordinary, write

LARGE = 3000
"""More entries than one group holds: the directory is cut, and lies over frames."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A source of several applications whose names begin alike, and its manifest."""
    folder = tmp_path_factory.mktemp("part")
    tree = folder / "srv"
    tree.mkdir()
    for number, name in enumerate(("ehr", "ehr.old", "ehr-x", "ehr0", "lis", "zzz")):
        ordinary(tree / name, files=20, seed=number)
    many = tree / "ehr" / "many"
    many.mkdir()
    for number in range(LARGE):
        write(many / f"patient-with-a-rather-long-name-{number:06}", b"%d" % number)
    hostile = tree / "ehr" / "names"
    hostile.mkdir()
    for name in HOSTILE_NAMES:
        write(os.fsencode(hostile) + b"/" + name, b"x")
    (tree / "void").mkdir()
    (tree / "current").symlink_to("ehr")
    create_manifest(tree, folder / "whole.drpm", application="server")
    return tree, folder / "whole.drpm"


def counted(tree: Path) -> tuple[int, int, int]:
    """Return entries, regular files and their bytes below a folder."""
    entries = [Path(place) / name for place, folders, names in os.walk(tree) for name in (*folders, *names)]
    files = [each for each in entries if each.is_file() and not each.is_symlink()]
    return len(entries), len(files), sum(each.stat().st_size for each in files)


@pytest.mark.parametrize("name", ["ehr", "ehr.old", "ehr-x", "ehr0", "lis", "zzz", "ehr/many", "ehr/names", "void"])
def test_a_folder_is_counted_and_compared_as_if_it_were_alone(whole, tmp_path, name):
    tree, manifest = whole
    with open_manifest(manifest) as opened:
        before = opened.summary()
        opened.narrow(name.encode())
        said = opened.summary()
    part = said.part
    assert part is not None
    assert (part.path, part.entries, part.files, part.total_bytes) == (name, *counted(tree / name))
    assert (said.id, said.merkle_root, said.entries) == (before.id, before.merkle_root, before.entries)
    difference = verify_tree(copy(tree / name, tmp_path / "twin"), manifest, Plan(below=name.encode())).difference
    assert difference.clean
    assert (difference.entries_expected, difference.files_hashed) == (part.entries, part.files)


def test_damage_inside_is_named_by_its_path_below_the_folder(whole, tmp_path):
    tree, manifest = whole
    twin = copy(tree / "ehr", tmp_path / "twin")
    write(twin / "many" / "patient-with-a-rather-long-name-000777", b"other")
    (twin / "many" / "patient-with-a-rather-long-name-002999").unlink()
    write(twin / "many" / "zzz-unexpected", b"x")
    write(twin / "unexpected", b"x")
    shutil.rmtree(twin / "names")
    difference = verify_tree(twin, manifest, Plan(below=b"ehr")).difference
    paths = {kind: {each.path for each in difference.deviations if each.kind == kind} for kind in difference.counts}
    assert "many/patient-with-a-rather-long-name-000777" in paths["changed"]
    assert {"many/patient-with-a-rather-long-name-002999", "names"} <= paths["missing"]
    assert paths["unexpected"] == {"many/zzz-unexpected", "unexpected"}
    assert difference.counts["missing"] == 1 + 1 + len(HOSTILE_NAMES)


def test_nothing_of_the_folder_there_is_all_missing_and_nothing_else_is(whole, tmp_path):
    tree, manifest = whole
    (tmp_path / "twin").mkdir()
    difference = verify_tree(tmp_path / "twin", manifest, Plan(below=b"lis")).difference
    assert dict(difference.counts) == {"missing": counted(tree / "lis")[0]}


@pytest.mark.parametrize(
    ("below", "why"),
    [
        (b"nope", "no folder nope"),
        (b"eh", "no folder eh"),
        (b"ehr/nope/deeper", "no folder ehr/nope"),
        (b"current", "a symlink"),
        (b"current/many", "current: it is a symlink"),
        (b"ehr/exact", "a file"),
        (b"ehr/exact/below", "ehr/exact: it is a file"),
        (b"../etc", r"no folder \.\."),
        (b"ehr\0many", "no folder"),
    ],
)
def test_what_is_no_folder_of_it_is_refused(whole, below, why):
    with open_manifest(whole[1]) as opened, pytest.raises(NotFound, match=why):
        opened.narrow(below)


def test_links_that_lead_out_of_the_folder_are_judged_among_those_inside(tmp_path):
    tree = ordinary(tmp_path / "srv", files=3)
    (tree / "ehr").mkdir()
    for name in ("one", "two", "alone"):
        write(tree / "ehr" / name, name.encode())
    os.link(tree / "ehr" / "one", tree / "a-first-link-outside")
    os.link(tree / "ehr" / "one", tree / "ehr" / "one-again")
    os.link(tree / "ehr" / "two", tree / "z-last-link-outside")
    create_manifest(tree, tmp_path / "m", application="server")
    shutil.copytree(tree / "ehr", tmp_path / "kept", copy_function=shutil.copy2)
    (tmp_path / "kept" / "one-again").unlink()
    os.link(tmp_path / "kept" / "one", tmp_path / "kept" / "one-again")
    assert verify_tree(tmp_path / "kept", tmp_path / "m", Plan(below=b"ehr")).difference.clean
    (tmp_path / "kept" / "one-again").unlink()
    shutil.copy2(tmp_path / "kept" / "one", tmp_path / "kept" / "one-again")
    torn = verify_tree(tmp_path / "kept", tmp_path / "m", Plan(below=b"ehr")).difference
    assert [(each.path, each.expected) for each in torn.deviations] == [("one-again", "hard link to one")]
    (tmp_path / "kept" / "two").unlink()
    os.link(tmp_path / "kept" / "alone", tmp_path / "kept" / "two")
    assert verify_tree(tmp_path / "kept", tmp_path / "m", Plan(below=b"ehr")).difference.counts["changed"] == 1


@pytest.mark.parametrize("stratified", [False, True])
def test_a_sample_is_drawn_within_the_folder(whole, tmp_path, stratified):
    tree, manifest = whole
    sample = Sample(files=50, seed="s", stratified=stratified)
    with open_manifest(manifest) as opened:
        opened.narrow(b"ehr")
        paths = list(drawn_paths(opened, Sample(files=50, seed="s")))
    assert len(set(paths)) == 50
    assert all((tree / "ehr" / os.fsdecode(path)).is_file() for path in paths)
    result = verify_tree(copy(tree / "ehr", tmp_path / "twin"), manifest, Plan(below=b"ehr", sample=sample))
    assert result.difference.clean
    assert result.drawn == result.difference.files_hashed
    assert f"of {counted(tree / 'ehr')[1]} files" in result.sentence


def test_a_sample_of_the_folder_sees_damage_in_it(whole, tmp_path):
    tree, manifest = whole
    twin = copy(tree / "lis", tmp_path / "twin")
    for path in twin.rglob("*"):
        if path.is_file():
            write(path, path.read_bytes() + b"!")
    result = verify_tree(twin, manifest, Plan(below=b"lis", sample=Sample(files=5, seed="s")))
    assert result.difference.counts["changed"] == result.drawn == 5


def test_every_turn_of_a_rotation_together_sees_the_folder_once_and_nothing_else(whole, tmp_path):
    tree, manifest = whole
    twin = copy(tree / "ehr-x", tmp_path / "twin")
    plans = [Plan(below=b"ehr-x", sample=Sample(rotation=3, turn=turn, seed="s")) for turn in range(3)]
    seen = [verify_tree(twin, manifest, plan).difference for plan in plans]
    assert all(difference.clean for difference in seen)
    assert sum(difference.files_hashed for difference in seen) == counted(tree / "ehr-x")[1]


def test_the_port_compares_a_narrowed_manifest_with_what_was_restored_at_its_own_place(whole, tmp_path):
    tree, manifest = whole
    root = tmp_path / "files" / "srv" / "lis"
    root.parent.mkdir(parents=True)
    copy(tree / "lis", root)
    with open_manifest(manifest) as opened:
        opened.narrow(b"lis")
        compare = TreeHasher(workers=1).compare
        assert compare(root, opened, uid_offset=0, within=tmp_path / "files").clean
        write(root.parent / "of another application", b"x")
        found = compare(root, opened, uid_offset=0, within=tmp_path / "files")
    assert [each.path for each in found.deviations] == ["/srv/of another application"]


def test_errors_are_counted_where_they_are(tmp_path):
    tree = ordinary(tmp_path / "srv", files=3)
    (tree / "ehr").mkdir()
    write(tree / "ehr" / "fine", b"x")
    (tree / "lis").mkdir()
    write(tree / "lis" / "fine", b"x")
    (tree / "lis" / "socket-like").mkdir()
    create_manifest(tree, tmp_path / "m", application="server")
    with open_manifest(tmp_path / "m") as opened:
        opened.trailer["errors"] = 1  # somewhere: so every group of the folder is looked at
        opened.narrow(b"lis")
        assert opened.summary().own.errors == 0
        assert opened.summary().own.files == 1


def test_a_group_out_of_the_folder_is_never_taken_for_one_in_it():
    with pytest.raises(ManifestError, match="out of order"):
        rooted(Group(b"ehr-x"), b"ehr")


NAMES = st.sampled_from([b"a", b"a-b", b"a.b", b"a b", b"b", b"a\xff", b"a\x01"])


@settings(max_examples=40, deadline=None)
@given(paths=st.sets(st.lists(NAMES, min_size=2, max_size=4).map(b"/".join), min_size=1, max_size=12))
def test_any_folder_of_any_tree_has_exactly_its_own_files(tmp_path_factory, paths):
    folder = tmp_path_factory.mktemp("any")
    tree = os.fsencode(folder / "tree")
    for path in sorted(paths):
        place = os.path.join(tree, path)
        try:
            os.makedirs(os.path.dirname(place), exist_ok=True)
            write(place, path)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            continue
    create_manifest(Path(os.fsdecode(tree)), folder / "m", application="any", workers=1)
    for place, folders, _ in os.walk(tree):
        for name in folders:
            below = os.path.relpath(os.path.join(place, name), tree)
            with open_manifest(folder / "m") as opened:
                opened.narrow(below)
                own = {group.path(each) for share in opened.shares() for group in opened.own_groups(share.frame) for each in group.names}  # fmt: skip
                count = opened.summary().own
            there = {os.path.relpath(os.path.join(at, each), os.path.join(tree, below)) for at, inner, names in os.walk(os.path.join(tree, below)) for each in (*inner, *names)}  # fmt: skip
            assert own == there
            assert count.entries == len(there)
