"""Whatever the tree: digests are those of a plain reader and of b3sum, and what is exported checks out elsewhere."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drp.hashing.difference import differences
from drp.hashing.tree import TreeHasher, create_manifest
from drp.manifests.entries import entries
from drp.manifests.export import export
from drp.manifests.layout import FIXED, OWNER, Group, decode, encode
from drp.manifests.merkle import branch, climb, tree
from drp.manifests.opening import open_manifest
from tests.support import manifest_reader
from tests.support.trees import write

pytestmark = pytest.mark.usefixtures("core")

names = st.binary(min_size=1, max_size=30).filter(
    lambda name: name not in (b".", b"..") and b"/" not in name and b"\0" not in name
)
trees = st.recursive(
    st.binary(max_size=3000) | st.sampled_from([b"", b"x" * (1 << 20), b"y" * ((1 << 20) + 1)]),
    lambda children: st.dictionaries(names, children, max_size=5),
    max_leaves=12,
).filter(lambda made: isinstance(made, dict) and made)


def build(root: bytes, content) -> None:
    os.mkdir(root)
    for name, inner in content.items():
        if isinstance(inner, dict):
            build(root + b"/" + name, inner)
        else:
            write(root + b"/" + name, inner)


def reference(root: bytes) -> dict[bytes, tuple[bytes, bytes]]:
    """Read the tree in the plainest way there is."""
    found = {}
    for directory, _, files in os.walk(root):
        for name in files:
            path = directory + b"/" + name
            if stat.S_ISREG(os.lstat(path).st_mode):
                content = Path(os.fsdecode(path)).read_bytes()
                found[path[len(root) + 1 :]] = (blake3(content).digest(), hashlib.sha256(content).digest())
    return found


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(trees)
def test_digests_exports_and_comparison(content):
    with tempfile.TemporaryDirectory() as folder:
        root = os.fsencode(folder) + b"/tree"
        build(root, content)
        path = Path(folder) / "m"
        create_manifest(Path(os.fsdecode(root)), path, application="a", algorithms=("blake3", "sha256"), workers=1)
        with open_manifest(path) as manifest:
            mine = {
                entry.path: (entry.digest(manifest.algorithms, "blake3"), entry.digest(manifest.algorithms, "sha256"))
                for entry in entries(manifest)
                if entry.is_file
            }
            assert mine == reference(root)
            assert list(differences(manifest, manifest)) == []
            assert manifest_reader.read(path.read_bytes()).trailer == manifest.trailer
            ordered = [tuple(entry.path.split(b"/")[:-1]) for entry in entries(manifest)]
            assert ordered == sorted(ordered)
            if mine:
                check(
                    root, b"".join(export(manifest, "sha256sum")), ["sha256sum", "--check", "--strict", "--quiet", "-"]
                )
                if all(_is_text(name) for name in mine):
                    check(root, b"".join(export(manifest, "b3sum")), ["b3sum", "--check", "--quiet", "-"])
        assert TreeHasher(workers=1).compare(Path(os.fsdecode(root)), path, uid_offset=0).clean


def _is_text(name: bytes) -> bool:
    """b3sum refuses names that are no UTF-8 and its replacement character, and drops a carriage return at the end."""
    try:
        text = name.decode()
    except UnicodeDecodeError:
        return False
    return "\ufffd" not in text and not text.endswith("\r")


def check(root: bytes, text: bytes, command: list[str]) -> None:
    done = subprocess.run(command, cwd=os.fsdecode(root), input=text, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr + text


@given(
    st.lists(names, min_size=0, max_size=30, unique=True),
    st.binary(max_size=20).filter(lambda name: b"/" not in name and b"\0" not in name and name not in (b".", b"..")),
    st.dictionaries(
        st.integers(0, 29), st.dictionaries(st.integers(1, 7), st.binary(max_size=40), min_size=1), max_size=5
    ),
)
def test_groups_survive_encoding(listed, directory, extras):
    group = Group(directory, True, True, sorted(listed))
    count = len(listed)
    group.fixed = b"".join(FIXED.pack(0o100644, number, number - 5) for number in range(count))
    group.owners = OWNER.pack(1, 2) * count
    group.digests = bytes(range(32)) * count
    group.extras = {row: tags for row, tags in extras.items() if row < count}
    assert decode(encode(group)) == group


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=700), st.data())
def test_every_branch_climbs_to_the_top(nodes, data):
    index = data.draw(st.integers(0, len(nodes) - 1))
    assert climb(nodes[index], branch(nodes, index)) == tree(nodes)


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 1025, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 33 << 20, 65 << 20])
def test_sizes_around_every_border(tmp_path, size):
    root = tmp_path / "tree"
    root.mkdir()
    content = os.urandom(size)
    write(root / "file", content)
    create_manifest(root, tmp_path / "m", application="a", algorithms=("blake3", "sha256"), workers=1)
    with open_manifest(tmp_path / "m") as manifest:
        (entry,) = entries(manifest)
        assert entry.row.digest == blake3(content).digest() + hashlib.sha256(content).digest()
    told = subprocess.run(["b3sum", "--no-names", str(root / "file")], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == entry.row.digest[:32].hex()
