"""What `drp manifest export` writes is accepted by the real tools, whatever the names, and they notice what drp would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from drp.errors import UsageError
from drp.hashing.tree import create_manifest
from drp.manifests.export import export
from drp.manifests.opening import open_manifest
from tests.support import warm
from tests.support.trees import copy, hostile, ordinary, write

pytestmark = pytest.mark.real
_SPECIAL = [bytes((byte,)) for byte in range(1, 256) if byte != ord("/")]
_SPECIAL += [
    text.encode() for text in ("\x85", "\xa0", "é", "e\u0301", "\u2028", "\u2029", "\u202e", "\ufeff", "\ufffd", "😀")
]
_NAMES = {made for each in _SPECIAL for made in (each, each + b"x", b"x" + each, b"x" + each + b"y")}
_NAMES |= {
    b"--check",
    b" -",
    b"*-",
    b"\\-",
    b"..x",
    b"~root",
    b"$HOME",
    b"%0A",
    b"a\\nb",
    b"\\\\",
    b"x\r\n",
    b"type=dir",
}
_NAMES |= {b"[ab]", b"[!x]", b"a*", b"**", b"\\[a]", b"*\\", b"SHA256 (x) = " + b"0" * 64, b"BLAKE3 (x) = " + b"0" * 64}
_NAMES -= {b".", b".."}
_MISREAD = [("b3sum", b"\xff"), ("b3sum", b"\xef\xbf\xbd"), ("b3sum", b"end\r"), ("bagit", b"\xff"), ("mtree", b"\\*")]


def exported(tree: Path, form: str, output: Path) -> list[bytes]:
    manifest = output.with_suffix(".drpm")
    warm.drp("manifest", "create", tree, "-o", manifest, "--algorithm", "both").check_returncode()
    warm.drp("manifest", "export", manifest, "--format", form, "-o", output).check_returncode()
    return output.read_bytes().splitlines()


def bagit(bag: Path) -> subprocess.CompletedProcess[bytes]:
    tool = str(Path(sys.executable).with_name("bagit.py"))
    return subprocess.run([tool, "--validate", "--processes", "2", str(bag)], capture_output=True, check=False)


def mtree(tree: Path, specification: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["mtree", "-p", str(tree), "-f", str(specification)], capture_output=True, check=False)


def readable_by_b3sum(name: bytes) -> bool:
    try:
        return "\ufffd" not in name.decode() and not name.endswith(b"\r")
    except UnicodeDecodeError:
        return False


def grown(root: Path, names: set[bytes], folders: tuple[bytes, ...]) -> list[bytes]:
    """Make a tree of files with these names in each folder; returns their paths."""
    paths = [folder + name for folder in folders for name in sorted(names)]
    for folder in folders:
        os.makedirs(os.fsencode(root) + b"/" + folder, exist_ok=True)
    for path in paths:
        write(os.fsencode(root) + b"/" + path, b"content of " + path)
    return paths


def spoil(root: Path, paths: list[bytes]) -> None:
    """Change one bit of each file."""
    for path in paths:
        descriptor = os.open(os.fsencode(root) + b"/" + path, os.O_RDWR)
        os.pwrite(descriptor, b"C", 0)
        os.close(descriptor)


@pytest.mark.parametrize(("tool", "readable"), [("sha256sum", lambda _: True), ("b3sum", readable_by_b3sum)])
def test_every_name_is_checked_as_itself(tmp_path, tool, readable):
    tree = tmp_path / "tree"
    paths = grown(tree, {name for name in _NAMES if readable(name)}, (b"", b"folder/", b"-folder/"))
    exported(tree, tool, tmp_path / "sums")
    text = (tmp_path / "sums").read_bytes()

    def check() -> bytes:
        return subprocess.run([tool, "--check"], cwd=tree, input=text, capture_output=True, check=False).stdout

    assert check().count(b": OK\n") == len(paths)
    spoil(tree, paths)
    assert check().count(b": FAILED\n") == len(paths)


def test_mtree_takes_every_name_for_itself(tmp_path):
    tree = tmp_path / "tree"
    names = {name for name in _NAMES if not re.search(rb"\\[*?\[]", name)} | {b"a", b"b", b"[b]"}
    paths = grown(tree, names, (b"", b"folder[ab]/", b"foldera/", b"folder*/"))
    exported(tree, "mtree", tmp_path / "specification")
    good = mtree(tree, tmp_path / "specification")
    assert (good.returncode, good.stdout) == (0, b"")
    spoil(tree, paths)
    assert mtree(tree, tmp_path / "specification").stdout.count(b"\tsha256 (") == len(paths)


def test_a_name_that_would_be_read_as_another_stops_the_export(tmp_path):
    for number, (form, name) in enumerate(_MISREAD):
        tree = tmp_path / str(number)
        tree.mkdir()
        write(os.fsencode(tree) + b"/" + name, b"content")
        create_manifest(tree, tmp_path / "m", application="a", algorithms=("blake3", "sha256"), workers=1)
        with open_manifest(tmp_path / "m") as manifest, pytest.raises(UsageError, match="1 names for others"):
            next(export(manifest, form))
    done = warm.drp("manifest", "export", tmp_path / "m", "--format", form, text=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"sha256sum can" in done.stderr


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
