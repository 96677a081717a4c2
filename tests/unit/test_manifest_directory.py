"""A directory of manifests gives out only what the recovery point names."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest

from drp.domain.recovery_point import RecoveryPoint
from drp.errors import ManifestError
from drp.hashing.tree import TreeHasher, create_manifest
from drp.manifests.directory import ManifestDirectory
from tests.support.trees import ordinary


def point(manifest_id: str | None) -> RecoveryPoint:
    return RecoveryPoint(
        id="a" * 64,
        repository="r",
        application="ehr",
        consistent_at=datetime(2026, 1, 1, tzinfo=UTC),
        size_bytes=None,
        manifest_id=manifest_id,
    )


@pytest.fixture
def kept(tmp_path):
    create_manifest(ordinary(tmp_path / "tree"), tmp_path / "new", application="ehr", workers=1)
    source = ManifestDirectory(tmp_path / "manifests")
    return source, source.keep(tmp_path / "new")


def test_gives_the_named_manifest(kept, tmp_path):
    source, summary = kept
    assert source.place("ehr", summary.id).is_file()
    manifest = source.expected(point(summary.id))
    assert manifest is not None
    with manifest:
        assert manifest.summary() == summary


def test_what_was_checked_is_what_is_read_whatever_takes_its_name_meanwhile(kept, tmp_path):
    source, summary = kept
    manifest = source.expected(point(summary.id))
    assert manifest is not None
    restored = ordinary(tmp_path / "restored")
    next(path for path in sorted(restored.rglob("*")) if path.is_file()).write_bytes(b"not what was backed up")
    create_manifest(restored, tmp_path / "other", application="ehr", workers=1)
    (tmp_path / "other").replace(source.place("ehr", summary.id))
    with manifest:
        difference = TreeHasher(workers=1).compare(restored, manifest, uid_offset=0)
        assert manifest.summary() == summary
    assert difference.manifest_id == summary.id
    assert difference.counts["changed"] == 1


@pytest.mark.parametrize("byte", [5, 40, -20, -200])
def test_a_flipped_bit_is_said_of_the_manifest(kept, byte):
    source, summary = kept
    place = source.place("ehr", summary.id)
    content = bytearray(place.read_bytes())
    content[byte] ^= 1
    place.write_bytes(content)
    with pytest.raises(ManifestError):
        source.expected(point(summary.id))


def test_what_is_no_file_is_never_waited_for(kept):
    source, summary = kept
    place = source.place("ehr", summary.id)
    place.unlink()
    os.mkfifo(place)
    with pytest.raises(ManifestError, match="is no file"):
        source.expected(point(summary.id))


def test_none_when_absent_or_unnamed(kept):
    source, _ = kept
    assert source.expected(point(None)) is None
    assert source.expected(point("0" * 64)) is None


def test_refuses_another_file_under_the_name(kept, tmp_path):
    source, summary = kept
    create_manifest(tmp_path / "tree", tmp_path / "other", application="ehr", workers=1)
    (tmp_path / "other").replace(source.place("ehr", summary.id))
    with pytest.raises(ManifestError, match="was changed"):
        source.expected(point(summary.id))


@pytest.mark.parametrize("name", ["../../etc/passwd", "A" * 64, "", "0" * 63])
def test_refuses_what_is_no_id(kept, name):
    with pytest.raises(ManifestError, match="no manifest id"):
        kept[0].expected(point(name))
