"""TreeHasher tells every departure of a tree from its manifest, and nothing else."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from drp.domain.manifest import ManifestDifference, decode_path
from drp.errors import Interrupted, ManifestError, NotFound, UsageError
from drp.hashing.tree import TreeHasher, create_manifest
from drp.hashing.verification import compare_tree
from drp.manifests.opening import read_summary
from tests.support.manifest_reader import read
from tests.support.trees import copy, hostile, ordinary, write

pytestmark = pytest.mark.usefixtures("core")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hashing")
    tree = ordinary(folder / "tree")
    summary = create_manifest(
        tree, folder / "m.drpm", application="ehr", algorithms=("blake3", "sha256"), facts={"rows": {"t": 3}}, workers=2
    )
    return tree, folder / "m.drpm", summary


@pytest.fixture
def restored(source, tmp_path):
    return copy(source[0], tmp_path / "restored")


def compare(tree: Path, manifest: Path, uid_offset: int | None = 0, workers: int = 2) -> ManifestDifference:
    return TreeHasher(workers=workers).compare(
        tree, manifest, uid_offset=uid_offset, report=lambda _: None, cancelled=lambda: False
    )


def kinds(difference: ManifestDifference) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for deviation in difference.deviations:
        found.setdefault(deviation.kind, []).append(decode_path(deviation.path_b64))
    assert {kind: len(paths) for kind, paths in found.items()} == dict(difference.counts)
    return found


def test_summary_says_what_was_made(source):
    tree, path, summary = source
    assert read_summary(path) == summary
    assert summary.application == "ehr"
    assert summary.algorithms == ("blake3", "sha256")
    assert summary.facts == {"rows": {"t": 3}}
    assert summary.files == 62
    assert summary.total_bytes == sum(file.stat().st_size for file in tree.rglob("*") if file.is_file())
    assert summary.entries == sum(1 for _ in tree.rglob("*"))
    assert summary.errors == 0
    assert read(path.read_bytes()).trailer["merkle_root"] == summary.merkle_root


def test_faithful_copy_is_clean(source, restored):
    difference = compare(restored, source[1])
    assert difference.clean
    assert difference.files_hashed == 62
    assert difference.bytes_hashed == source[2].total_bytes
    assert difference.entries_expected == source[2].entries
    assert difference.manifest_id == source[2].id
    assert difference.ownership_judged


def test_flipped_bit_with_same_size_and_mtime(source, restored):
    victim = restored / "d1" / "e1" / "f0001"
    for victim in sorted(restored.rglob("f0*")):
        if victim.stat().st_size == 4096:
            break
    before = victim.stat()
    content = bytearray(victim.read_bytes())
    content[100] ^= 1
    write(victim, bytes(content), mtime_ns=before.st_mtime_ns)
    assert kinds(compare(restored, source[1])) == {"changed": [os.fsencode(victim.relative_to(restored))]}


def test_every_kind_of_departure(source, restored):
    (restored / "exact").unlink()
    write(restored / "added", b"x")
    (restored / "added-directory").mkdir()
    write(restored / "added-directory" / "inner", b"x")
    os.chmod(restored / "d0" / "e0" / "f0000", 0o600)
    target = restored / "d1" / "e1" / "f0001"
    target.unlink()
    target.symlink_to("elsewhere")
    os.utime(restored / "large", ns=(5, 5))
    assert kinds(compare(restored, source[1])) == {
        "missing": [b"exact"],
        "unexpected": [b"added", b"added-directory", b"added-directory/inner"],
        "metadata": [b"d0/e0/f0000", b"large"],
        "kind": [b"d1/e1/f0001"],
    }


def test_missing_directory_names_all_that_was_in_it(source, restored):
    import shutil

    shutil.rmtree(restored / "d2")
    found = kinds(compare(restored, source[1]))
    assert set(found) == {"missing"}
    assert b"d2" in found["missing"]
    assert sum(path.startswith(b"d2/") for path in found["missing"]) == sum(1 for _ in (source[0] / "d2").rglob("*"))


def test_directory_replaced_by_link_to_the_original_is_not_followed(source, restored):
    import shutil

    shutil.rmtree(restored / "d3")
    (restored / "d3").symlink_to(source[0] / "d3")
    found = kinds(compare(restored, source[1]))
    assert found["kind"] == [b"d3"]
    assert len(found["missing"]) == sum(1 for _ in (source[0] / "d3").rglob("*"))


def test_owner_is_judged_relative_to_the_offset(source, restored):
    for path in [restored, *restored.rglob("*")]:
        os.chown(path, 100_000, 100_000, follow_symlinks=False)
    assert compare(restored, source[1], uid_offset=100_000).clean
    unjudged = compare(restored, source[1], uid_offset=None)
    assert unjudged.clean
    assert not unjudged.ownership_judged
    assert compare(restored, source[1], uid_offset=0).counts["metadata"] == source[2].entries
    os.chown(restored / "exact", 100_001, 100_000)
    assert kinds(compare(restored, source[1], uid_offset=100_000)) == {"metadata": [b"exact"]}


def test_unreadable_is_a_deviation_with_its_errno(source, restored, unprivileged):
    os.chmod(restored / "exact", 0o000)
    os.chmod(restored / "d4", 0o000)
    difference = unprivileged(compare, restored, source[1], None)
    os.chmod(restored / "d4", 0o755)
    found = kinds(difference)
    assert b"exact" in found["unreadable"]
    assert b"d4" in found["unreadable"]
    assert set(found["metadata"]) == {b"exact", b"d4"}
    assert all("EACCES" in item.observed for item in difference.deviations if item.kind == "unreadable")
    assert difference.files_hashed < 62


def test_mode_change_of_a_directory_is_judged_but_not_its_time(source, restored):
    os.utime(restored / "d5", ns=(1, 1))
    assert compare(restored, source[1]).clean
    os.chmod(restored / "d5", 0o700)
    assert kinds(compare(restored, source[1])) == {"metadata": [b"d5"]}


@pytest.mark.parametrize("workers", [1, 3])
def test_hostile_tree_round_trip(tmp_path, workers):
    tree = hostile(tmp_path / "tree")
    summary = create_manifest(tree, tmp_path / "m", application="a", algorithms=("blake3",), workers=workers)
    assert summary.errors == 0
    twin = copy(tree, tmp_path / "twin")
    assert kinds(compare(twin, tmp_path / "m", workers=workers)) == {}


def test_hard_links_are_judged(tmp_path):
    tree = hostile(tmp_path / "tree")
    create_manifest(tree, tmp_path / "m", application="a", algorithms=("blake3",), workers=2)
    twin = copy(tree, tmp_path / "twin")
    mtime = (twin / "second-name").stat().st_mtime_ns
    (twin / "second-name").unlink()
    write(twin / "second-name", b"linked", mtime_ns=mtime)
    assert kinds(compare(twin, tmp_path / "m")) == {"metadata": [b"second-name"]}
    joined = copy(tree, tmp_path / "joined")
    (joined / "empty").unlink()
    os.link(joined / "zz" / "third-name", joined / "empty")
    found = kinds(compare(joined, tmp_path / "m"))
    assert found["changed"] == [b"empty"]
    assert b"first-name" in found["metadata"] or b"empty" in found["metadata"]


def test_link_target_is_judged(tmp_path):
    tree = hostile(tmp_path / "tree")
    create_manifest(tree, tmp_path / "m", application="a", algorithms=("blake3",), workers=1)
    (tree / "dangling").unlink()
    os.symlink(b"somewhere", tree / "dangling")
    difference = compare(tree, tmp_path / "m")
    assert kinds(difference) == {"metadata": [b"dangling"]}
    assert difference.deviations[0].expected == "target nowhere\\xff"


def test_missing_root_is_an_error(source, tmp_path):
    with pytest.raises(ManifestError, match="cannot open the tree"):
        compare(tmp_path / "nothing", source[1])
    with pytest.raises(NotFound):
        create_manifest(tmp_path / "nothing", tmp_path / "m", application="a", algorithms=("blake3",))
    with pytest.raises(UsageError):
        create_manifest(tmp_path, tmp_path / "m", application="a", algorithms=("md5",))


def test_empty_tree_makes_no_usable_manifest(tmp_path):
    (tmp_path / "tree").mkdir()
    with pytest.raises(ManifestError, match="lists nothing"):
        create_manifest(tmp_path / "tree", tmp_path / "m", application="a", algorithms=("blake3",))


def test_cancelled(source, restored):
    started = time.monotonic()
    with pytest.raises(Interrupted):
        compare_tree(restored, source[1], uid_offset=0, workers=1, rate=1000.0, cancelled=lambda: True)
    assert time.monotonic() - started < 120


def test_from_a_process_with_threads(source, restored):
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert compare(restored, source[1]).clean
    finally:
        stop.set()
        thread.join()


def test_progress_reaches_the_report(source, restored):
    seen = []
    TreeHasher(workers=2).compare(restored, source[1], uid_offset=0, report=seen.append, cancelled=lambda: False)
    assert seen[-1].done_files == 62
    assert seen[-1].total_files == 62
    assert seen[-1].done_bytes == seen[-1].total_bytes == source[2].total_bytes
