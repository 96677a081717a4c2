"""The written format is the format: a reader made from its page alone reads what drp writes, and refuses what drp refuses."""

from __future__ import annotations

import ast
import base64
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drp.errors import ManifestError
from drp.hashing.tree import create_manifest
from drp.manifests import codec, merkle
from drp.manifests.entries import entries
from drp.manifests.layout import FIXED, OWNER, Group, Tag, encode, sort_key
from drp.manifests.opening import open_manifest
from drp.manifests.proof import prove
from drp.manifests.writer import Writer
from tests.support import manifest_merkle, manifest_reader
from tests.support.manifest_reader import DIRECTORY, FILE, KINDS, LINK, Refused
from tests.support.trees import hostile, write

PAGE = Path(codec.__file__).with_name("FORMAT.md").read_text(encoding="utf-8")
DUMPED = re.compile(r"^[0-9a-f]{3}  ((?:[0-9a-f]{2} ?)+)$", re.MULTILINE)
EXAMPLE = bytes.fromhex("".join(DUMPED.findall(PAGE)))
HEADER = {
    "algorithms": ["blake3", "sha256"], "application": "a", "host": "h", "key": "00" * 32, "root": "/srv", "tool": "t",
    "started_at": "2026-11-29T09:25:35+00:00",
}  # fmt: skip


@pytest.mark.parametrize("module", [manifest_reader, manifest_merkle])
def test_the_reader_knows_nothing_of_drp(module):
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not [name for name in imported if name.startswith(("drp", "tests.")) and name != manifest_merkle.__name__]


def agree(content: bytes, folder: Path) -> manifest_reader.Manifest:
    """Read a manifest both ways, find the same, and return it."""
    path = folder / "m.drpm"
    path.write_bytes(content)
    told = manifest_reader.read(content)
    with open_manifest(path) as manifest:
        assert (manifest.id, manifest.header, manifest.trailer) == (told.id, told.header, told.trailer)
        for entry, other in zip(entries(manifest), told.entries, strict=True):
            row = entry.row
            assert (entry.path, row.extras) == (other.path, other.extras)
            assert (row.mode, row.size, row.mtime_ns) == (other.mode, other.size, other.mtime_ns)
            assert (row.uid, row.gid, row.digest) == (other.uid, other.gid, b"".join(other.digests.values()))
        for other in told.entries[:: max(1, len(told.entries) // 20)]:
            proof = prove(manifest, other.path)
            assert manifest_merkle.proven(proof, told.trailer["merkle_root"]) == (other.path, other.statement)
    return told


def test_the_example_of_the_page_is_read_as_the_page_says(tmp_path):
    told = agree(EXAMPLE, tmp_path)
    assert f"id `{told.id}`" in PAGE
    assert f"merkle root `{told.trailer['merkle_root']}`" in PAGE
    for entry in told.entries:
        assert f"`{entry.salt.hex()}`" in PAGE
        assert f"`{manifest_merkle.leaf(entry.path, entry.statement, entry.salt).hex()}`" in PAGE
    assert [entry.path for entry in told.entries] == [b"a", b"l\xe9", b"sub"]
    assert told.entries[1].extras == {1: b"a"}


def test_no_byte_of_the_example_can_be_another(tmp_path):
    """But for the two reserved ones, which are no part of what it says; the id covers them too."""
    path = tmp_path / "m.drpm"
    for at in (*range(12), *range(12, len(EXAMPLE) - 60, 4), *range(len(EXAMPLE) - 60, len(EXAMPLE))):
        changed = bytearray(EXAMPLE)
        changed[at] ^= 0x10
        path.write_bytes(changed)
        if at in {6, 7}:
            assert manifest_reader.read(bytes(changed)).id != manifest_reader.read(EXAMPLE).id
            continue
        with pytest.raises(Refused):
            manifest_reader.read(bytes(changed))
        with pytest.raises(ManifestError), open_manifest(path) as manifest:
            list(entries(manifest))


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """A tree with every kind of entry and name, attributes, a large directory, and enough for several frames."""
    root = hostile(tmp_path_factory.mktemp("format") / "tree")
    os.setxattr(root / "empty", b"user.origin", b"pacs")
    large = root / "large"
    large.mkdir()
    for number in range(1100):
        (large / f"image-{number:05}-{number * 7919 % 1103:09}").touch()
    for folder in range(4):
        (root / f"patient{folder}").mkdir()
        for number in range(30):
            write(root / f"patient{folder}" / f"{number:03}.dcm", os.urandom(8))
    return root


@pytest.mark.parametrize("packed", ["zstd", "zlib"])
def test_a_real_tree_is_read_by_the_page(packed, tree, tmp_path, monkeypatch):
    monkeypatch.setattr(codec, "DEFAULT", packed)
    monkeypatch.setattr("drp.manifests.writer._LARGEST", 16 << 10)
    path = tmp_path / "made"
    create_manifest(tree, path, application="a", algorithms=("blake3", "sha256"), workers=1)
    told = agree(path.read_bytes(), tmp_path)
    parts = [group for frame in told.frames for group in frame if group.directory == b"large"]
    assert len(told.frames) > 1
    assert len(parts) > 1
    assert {entry.kind for entry in told.entries} >= (
        {FILE, DIRECTORY, LINK, 1, 0xC} | ({2} if os.geteuid() == 0 else set())
    )
    assert {tag for entry in told.entries for tag in entry.extras} >= {
        Tag.TARGET,
        Tag.LINK_TO,
        Tag.SPARSE,
        Tag.ATTRIBUTES,
    }
    kept = next(entry.extras[Tag.ATTRIBUTES] for entry in told.entries if entry.path == b"empty")
    assert set(manifest_reader.attributes(kept)) == {b"user.origin"}


names = st.binary(min_size=1, max_size=12).filter(lambda name: name not in (b".", b"..") and not {0, 0x2F} & set(name))
paths = st.lists(names, max_size=3).map(b"/".join)
extras = st.fixed_dictionaries(
    {},
    optional={
        1: names, 2: paths.filter(bool), 3: st.binary(min_size=8, max_size=8), 4: st.binary(min_size=32, max_size=32),
        5: st.integers(1, 4095).map(lambda errno: errno.to_bytes(4, "little")), 6: st.just(b""), 7: st.just(b""),
        9: st.binary(max_size=9).map(lambda name: b"\x0c\0user." + name[:7].ljust(7, b"x") + bytes(16)),
    },
)  # fmt: skip
modes = st.builds(lambda kind, rights: kind << 12 | rights, st.sampled_from(sorted(KINDS)), st.integers(0, 0o7777))
entry_rows = st.tuples(
    modes, st.integers(0, 1 << 48), st.integers(-(1 << 63), (1 << 63) - 1), st.integers(0, 0xFFFFFFFF), st.binary(min_size=64, max_size=64), extras
)  # fmt: skip
unlisted = st.integers(1, 4095)
directories = st.dictionaries(paths, st.dictionaries(names, entry_rows, max_size=6) | unlisted, min_size=1, max_size=6)


def groups_of(content: dict, cut: int) -> Iterator[Group]:
    """Yield groups in order, directories with more than ``cut`` entries in parts; a number: why one was not listed."""
    for directory in sorted(content, key=sort_key):
        if isinstance(content[directory], int):
            yield Group(directory, errno=content[directory])
            continue
        rows = sorted(content[directory].items())
        starts = range(0, max(1, len(rows)), cut)
        for start in starts:
            part = rows[start : start + cut]
            group = Group(directory, start == 0, start == starts[-1], [name for name, _ in part])
            for number, (_, (mode, size, mtime, owner, digest, more)) in enumerate(part):
                group.fixed += FIXED.pack(mode, size, mtime)
                group.owners += OWNER.pack(owner, owner ^ 0xFF)
                group.digests += digest if mode >> 12 == FILE else b""
                group.size += size if mode >> 12 == FILE else 0
                group.errors += 5 in more or 7 in more
                if more:
                    group.extras[number] = more
            yield group


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    directories.filter(lambda content: any(isinstance(each, dict) and each for each in content.values())),
    st.sampled_from(["zstd", "zlib"]),
    st.integers(1, 4),
    st.integers(1, 400),
)
def test_whatever_is_written_is_read_by_the_page(content, packed, cut, frame):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("drp.manifests.writer._LARGEST", frame)
        with (Path(folder) / "written").open("wb") as stream:
            writer = Writer(stream, {**HEADER, "codec": packed})
            for group in groups_of(content, cut):
                writer.add(encode(group), merkle.tree(merkle.leaves(group, bytes(32), 64)))
            writer.finish({"finished_at": "2026-11-29T09:25:36+00:00"})
        told = agree((Path(folder) / "written").read_bytes(), Path(folder))
        assert sum(len(each) for each in content.values() if isinstance(each, dict)) == len(told.entries)


@pytest.mark.parametrize("packed", ["zstd", "zlib"])
def test_nothing_follows_what_is_packed(packed):
    raw = b"index" * 100
    content = codec.compressor(packed)(raw)
    unpack = codec.decompressor(packed)
    assert unpack(content, len(raw)) == raw == manifest_reader.unpack(packed, content, len(raw))
    for changed in (content + b"more", content[:-2]):
        with pytest.raises(ManifestError):
            unpack(changed, len(raw))
    with pytest.raises(ManifestError):
        unpack(content, len(raw) - 1)


def test_what_no_reader_takes_is_not_written(tmp_path):
    """A file has at most 64 KiB of names of attributes, so a thousand of them have more than a frame may hold."""
    kept = b"".join(b"\x0a\0user.%05d" % number + bytes(16) for number in range(2400))
    group = Group(b"", True, True, [b"%04d" % number for number in range(1000)])
    group.fixed, group.owners = FIXED.pack(0o120777, 0, 0) * 1000, OWNER.pack(0, 0) * 1000
    group.extras = {row: {Tag.ATTRIBUTES: kept} for row in range(1000)}
    with (tmp_path / "m").open("wb") as stream:
        writer = Writer(stream, {**HEADER, "codec": "zlib"})
        with pytest.raises(ManifestError, match="more extended attributes") as refused:
            writer.add(encode(group), bytes(32))
    assert "--no-attributes" in (refused.value.hint or "")


def test_a_proof_for_another_root_or_entry_is_refused(tmp_path):
    path = tmp_path / "m.drpm"
    path.write_bytes(EXAMPLE)
    with open_manifest(path) as manifest:
        proof = prove(manifest, b"sub")
        known = manifest.trailer["merkle_root"]
    for changed in (
        {"path_b64": base64.b64encode(b"sud").decode()},
        {"salt_b64": base64.b64encode(bytes(16)).decode()},
        {"entries": 4},
        {"steps": proof["steps"][:1]},
    ):
        with pytest.raises(Refused):
            manifest_merkle.proven({**proof, **changed}, known)
    with pytest.raises(Refused):
        manifest_merkle.proven(proof, "00" * 32)
