"""A manifest that was cut, edited, reordered, doubled or comes from the future is refused, never half believed."""

from __future__ import annotations

import hashlib
import io
import json
import struct

import pytest

from drp.errors import ManifestError
from drp.hashing.tree import TreeHasher, create_manifest
from drp.manifests.container import FOOTER, FRAME, PRELUDE
from drp.manifests.layout import FIXED, OWNER, Group, encode
from drp.manifests.opening import open_manifest, read_summary
from drp.manifests.writer import Writer
from tests.support.trees import ordinary, write


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("damage")
    tree = ordinary(folder / "tree")
    for number in range(4000):
        directory = tree / f"many{number % 40}"
        directory.mkdir(exist_ok=True)
        write(directory / f"name-{number}", b"")
    create_manifest(tree, folder / "m", application="a", workers=1)
    with open_manifest(folder / "m") as manifest:
        assert len(manifest.frames) > 1
    return tree, (folder / "m").read_bytes()


def compare(tree, path):
    return TreeHasher(workers=1).compare(tree, path, uid_offset=0)


def test_every_truncation_is_refused(made, tmp_path):
    path = tmp_path / "m"
    content = made[1]
    for length in [0, 1, 3, 4, 11, 12, 50, len(content) // 2, len(content) - FOOTER.size, len(content) - 1]:
        path.write_bytes(content[:length])
        with pytest.raises(ManifestError):
            read_summary(path)


def read_everything(path):
    with open_manifest(path) as manifest:
        for _ in manifest.all_groups():
            pass


def test_every_flipped_byte_is_noticed(made, tmp_path):
    content = made[1]
    path = tmp_path / "m"
    path.write_bytes(content)
    step = max(1, len(content) // 120)
    for position in [*range(0, len(content), step), *range(len(content) - FOOTER.size, len(content))]:
        damaged = bytearray(content)
        damaged[position] ^= 0x40
        path.write_bytes(damaged)
        if position in (6, 7):  # reserved
            continue
        with pytest.raises(ManifestError):
            read_everything(path)


def test_flipped_frame_stops_the_comparison(made, tmp_path):
    tree, content = made
    path = tmp_path / "m"
    path.write_bytes(content)
    with open_manifest(path) as manifest:
        frame = manifest.frames[1]
    damaged = bytearray(content)
    damaged[frame.offset + FRAME.size + frame.packed // 2] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(ManifestError, match="not what the index says"):
        compare(tree, path)


def test_appended_bytes(made, tmp_path):
    path = tmp_path / "m"
    path.write_bytes(made[1] + b"\0")
    with pytest.raises(ManifestError):
        read_summary(path)


def test_newer_format(made, tmp_path):
    path = tmp_path / "m"
    content = bytearray(made[1])
    struct.pack_into("<H", content, 4, 9)
    path.write_bytes(content)
    with pytest.raises(ManifestError, match="format 9"):
        read_summary(path)


def test_a_format_that_there_never_was(made, tmp_path):
    path = tmp_path / "m"
    content = bytearray(made[1])
    struct.pack_into("<H", content, 4, 0)
    path.write_bytes(content)
    with pytest.raises(ManifestError, match="format 0"):
        read_summary(path)


@pytest.mark.parametrize("key", ["zz" * 32, "", "00", None, 7, "0" * 63])
def test_a_key_that_is_none_is_damage(tmp_path, key):
    forge(tmp_path / "m", [group(b"", [b"a"])], key=key)
    with pytest.raises(ManifestError, match=r"malformed manifest: .* key is "):
        read_summary(tmp_path / "m")


def test_not_a_manifest(tmp_path):
    path = tmp_path / "m"
    path.write_bytes(b"#!/bin/sh\necho hello\n" * 100)
    with pytest.raises(ManifestError, match="not a manifest"):
        read_summary(path)
    with pytest.raises(ManifestError, match="cannot read"):
        read_summary(tmp_path / "absent")
    with pytest.raises(ManifestError):
        read_summary(tmp_path)


def header(**more):
    return {
        "application": "a",
        "algorithms": ["blake3"],
        "codec": "zlib",
        "facts": {},
        "host": "h",
        "key": "00" * 32,
        "options": {},
        "root": "/r",
        "started_at": "2026-01-01T00:00:00+00:00",
        "tool": "drp",
        **more,
    }


def group(directory: bytes, names: list[bytes]) -> bytes:
    made = Group(directory, True, True, names)
    made.fixed = FIXED.pack(0o100644, 0, 0) * len(names)
    made.owners = OWNER.pack(0, 0) * len(names)
    made.digests = bytes(32) * len(names)
    return encode(made)


def forge(path, groups, **more):
    """Write a manifest whose checksums all fit, whatever it holds."""
    stream = io.BytesIO()
    writer = Writer(stream, header(**more))
    for stored in groups:
        writer._last = None
        writer.add(stored, bytes(32))
    writer.finish({"finished_at": "2026-01-01T00:00:00+00:00"})
    path.write_bytes(stream.getvalue())


@pytest.mark.parametrize(
    "groups",
    [
        [group(b"b", [b"x"]), group(b"a", [b"x"])],
        [group(b"a", [b"x"]), group(b"a", [b"x"])],
        [group(b"a", [b"y", b"x"])],
        [group(b"a", [b"x", b"x"])],
        [group(b"a", [b".."])],
        [group(b"a", [b"."])],
        [group(b"a", [b"x/../../etc/passwd"])],
        [group(b"a/../..", [b"x"])],
        [group(b"/etc", [b"passwd"])],
        [group(b"", [b""])],
    ],
)
def test_well_formed_but_impossible(tmp_path, groups):
    path, tree = tmp_path / "m", tmp_path / "tree"
    tree.mkdir()
    forge(path, groups)
    with pytest.raises(ManifestError):
        compare(tree, path)
    with pytest.raises(ManifestError):
        read_everything(path)


def test_unknown_algorithm_or_codec(tmp_path):
    forge(tmp_path / "m", [group(b"", [b"x"])], algorithms=["md4"])
    with pytest.raises(ManifestError, match="algorithms"):
        read_summary(tmp_path / "m")
    with pytest.raises(ManifestError, match="packed with"):
        forge(tmp_path / "m", [group(b"", [b"x"])], codec="lzma")


def test_header_that_lacks_something(tmp_path):
    forge(tmp_path / "m", [group(b"", [b"x"])], started_at="yesterday")
    with pytest.raises(ManifestError, match="lacks"):
        read_summary(tmp_path / "m")


def test_totals_that_do_not_fit(made, tmp_path):
    content = made[1]
    offset, packed, raw, length, _, magic = FOOTER.unpack(content[-FOOTER.size :])
    trailer = json.loads(content[offset + packed : offset + packed + length])
    trailer["files"] += 1
    text = json.dumps(trailer, sort_keys=True, separators=(",", ":")).encode()
    _, _, _, header_length = PRELUDE.unpack(content[: PRELUDE.size])
    start = content[PRELUDE.size : PRELUDE.size + header_length]
    seal = hashlib.blake2b(start + content[offset : offset + packed] + text, digest_size=32).digest()
    footer = FOOTER.pack(offset, packed, raw, len(text), seal, magic)
    (tmp_path / "m").write_bytes(content[: offset + packed] + text + footer)
    with pytest.raises(ManifestError, match="totals"):
        read_summary(tmp_path / "m")
