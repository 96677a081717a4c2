"""What `drp manifest export` writes is accepted by the real bagit.py and mtree, and they notice what drp would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.trees import HOSTILE_NAMES, copy, hostile, ordinary, write

pytestmark = pytest.mark.real
DRP = [sys.executable, "-m", "drp", "manifest"]
_PATTERNS = frozenset(b"*?[")


def exported(tree: Path, form: str, output: Path) -> list[bytes]:
    manifest = output.with_suffix(".drpm")
    subprocess.run([*DRP, "create", tree, "-o", manifest, "--algorithm", "both"], check=True, capture_output=True)
    subprocess.run([*DRP, "export", manifest, "--format", form, "-o", output], check=True)
    return output.read_bytes().splitlines()


def bagit(bag: Path) -> subprocess.CompletedProcess[bytes]:
    tool = str(Path(sys.executable).with_name("bagit.py"))
    return subprocess.run([tool, "--validate", "--processes", "2", str(bag)], capture_output=True, check=False)


def mtree(tree: Path, specification: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["mtree", "-p", str(tree), "-f", str(specification)], capture_output=True, check=False)


def test_bag_of_a_restored_tree_is_valid(tmp_path):
    bag = tmp_path / "bag"
    bag.mkdir()
    tree = ordinary(bag / "data")
    names = (
        b"new\nline",
        b"carriage\rreturn",
        b"-rf",
        b"..like",
        "é".encode(),
        b"Case",
        b"case",
        b"x" * 200,
    )
    for name in names:
        write(os.fsencode(tree) + b"/" + name, name)
    lines = exported(tree, "bagit", tmp_path / "manifest-sha256.txt")
    assert any(line.endswith(b"  data/new%0Aline") for line in lines)
    write(tree / "50%", b"")
    percent = exported(tree, "bagit", tmp_path / "percent")  # as RFC 8493 asks; bagit.py does not decode it
    assert any(line.endswith(b"  data/50%25") for line in percent)
    (tree / "50%").unlink()
    (tmp_path / "manifest-sha256.txt").rename(bag / "manifest-sha256.txt")
    (bag / "bagit.txt").write_text("BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
    good = bagit(bag)
    assert good.returncode == 0, good.stderr
    write(tree / "exact", b"other")
    assert bagit(bag).returncode != 0


def test_mtree_accepts_a_hostile_tree_and_sees_damage(tmp_path):
    tree = hostile(tmp_path / "tree")
    ordinary(tree / "ordinary")
    for name in HOSTILE_NAMES:
        if not _PATTERNS.isdisjoint(name):  # NetBSD's mtree takes these for patterns, however they are written
            os.unlink(os.fsencode(tree) + b"/" + name)
    lines = exported(tree, "mtree", tmp_path / "specification")
    assert lines[:2] == [b"#mtree", b". type=dir"]
    assert any(line.startswith(b"./new\\012line type=file") for line in lines)
    good = mtree(tree, tmp_path / "specification")
    assert (good.returncode, good.stdout) == (0, b"")
    twin = copy(tree, tmp_path / "twin")
    assert mtree(twin, tmp_path / "specification").returncode == 0
    write(twin / "ordinary" / "exact", b"other")
    (twin / "empty").unlink()
    bad = mtree(twin, tmp_path / "specification")
    assert bad.returncode == 2
    assert b"exact" in bad.stdout
    assert b"missing: ./empty" in bad.stdout
