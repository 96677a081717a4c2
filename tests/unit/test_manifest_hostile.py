"""Manifests of an enemy, whose digests are right: each is refused as malformed, and never by an accident."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from drp.codec import canonical, from_json, to_data
from drp.domain.manifest import ManifestSummary
from drp.errors import ManifestError
from drp.hashing.sampling import Sample
from drp.hashing.selection import select
from drp.manifests.entries import entries
from drp.manifests.opening import open_manifest
from tests.support.hostile_manifests import HEADER, ODD, SOUND, Entry, forged, group, malformed, with_header

MALFORMED = dict(malformed())


def read(path: Path) -> ManifestSummary:
    """Read all of it, as what verifies, exports and proves does."""
    with open_manifest(path) as manifest:
        for _ in entries(manifest):
            pass
        return manifest.summary()


@pytest.mark.parametrize("name", MALFORMED)
def test_what_contradicts_itself_is_malformed(name: str, tmp_path: Path) -> None:
    path = tmp_path / "m"
    path.write_bytes(MALFORMED[name])
    with pytest.raises(ManifestError) as refused:
        read(path)
    assert len(str(refused.value)) < 1000
    assert not set("\x1b\u202e\ud800") & set(str(refused.value))


@pytest.mark.parametrize(
    "sound",
    [
        forged(),
        with_header(root="/srv/été", facts={"postgres": {"rows": {"público.événement": 1 << 63}, "share": 0.5}}),
        forged(header={name: said for name, said in HEADER.items() if name not in {"facts", "options", "recovery_point"}}),
        with_header(started_at="2026-11-29T10:25:35+01:00"),
        forged([[group([Entry(b"a\nb"), Entry(b"l", 0o120777, 1, ((1, b"\xff"),)), Entry(b"\xff\x1b")])]]),
        forged([[SOUND[0], group([Entry(b"f")], b"a", flags=1)], [group([Entry(b"g")], b"a", flags=2)]]),
        forged([[group([Entry(b"gone", 0, 0, ((5, b"\x05\0\0\0"),))])]], trailer={"errors": 1}),
    ],
    ids=["plain", "facts", "earlier version", "zone", "odd names", "a directory in two frames", "unreadable"],
)  # fmt: skip
def test_what_is_odd_and_sound_is_read(sound: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m"
    path.write_bytes(sound)
    summary = read(path)
    assert from_json(ManifestSummary, canonical(to_data(summary))) == summary, "a journal cannot give it back"


def test_claims_take_no_memory(tmp_path: Path) -> None:
    """Of a file of some kilobytes, nothing grows to what it claims."""
    path = tmp_path / "m"
    path.write_bytes(forged([[bytes(64 << 20)]], rows=2_000_000, files=2_000_000))
    tracemalloc.start()
    try:
        with open_manifest(path) as manifest, pytest.raises(ManifestError):
            select(manifest, Sample(share=0.5, seed="s"))
        assert tracemalloc.get_traced_memory()[1] < 200 << 20
    finally:
        tracemalloc.stop()


def test_every_odd_value_was_tried_in_every_place() -> None:
    assert len(MALFORMED) > len(ODD) * (len(HEADER) + 6)
