"""File systems that share blocks between files, and file systems that go away under the reader."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from drp.hashing import creation
from drp.hashing.tree import create_manifest
from drp.hashing.verification import Plan, verify_tree
from drp.manifests.entries import entries
from drp.manifests.opening import open_manifest
from tests.support.trees import write

_FICLONE = 0x40049409
"""ioctl_ficlone(2)"""
_SHUTDOWN = 0x8004587D
"""EXT4_IOC_SHUTDOWN and XFS_IOC_GOINGDOWN: what a file system does by itself when its device is gone."""
_NO_FLUSH = 2
pytestmark = pytest.mark.real


def clone(source: Path, target: Path) -> None:
    """Make a file that shares all its blocks with another."""
    with source.open("rb") as reading, target.open("wb") as writing:
        fcntl.ioctl(writing.fileno(), _FICLONE, reading.fileno())
    os.utime(target, ns=(source.stat().st_mtime_ns, source.stat().st_mtime_ns))


@pytest.mark.parametrize("form", ["btrfs", "xfs"])
def test_reflinks_are_files_of_their_own(mounted, tmp_path, form):
    root = mounted(form) / "tree"
    root.mkdir()
    content = os.urandom(3 << 20)
    write(root / "original", content)
    clone(root / "original", root / "clone")
    with (root / "holes").open("wb") as stream:
        stream.truncate(64 << 20)
    clone(root / "holes", root / "cloned-holes")
    create_manifest(root, tmp_path / "m", application="a", workers=2)
    with open_manifest(tmp_path / "m") as manifest:
        rows = {entry.path: entry for entry in entries(manifest)}
        assert rows[b"original"].row.digest == rows[b"clone"].row.digest
        assert rows[b"holes"].row.digest == rows[b"cloned-holes"].row.digest
        assert not any("hard_link_to" in entry.document(manifest.algorithms) for entry in rows.values())
    assert verify_tree(root, tmp_path / "m", Plan(workers=2)).difference.clean

    with (root / "clone").open("r+b") as stream:  # copied on write: the original keeps its bytes
        stream.seek(1 << 20)
        stream.write(bytes([content[1 << 20] ^ 1]))
    mtime = (root / "original").stat().st_mtime_ns
    os.utime(root / "clone", ns=(mtime, mtime))
    difference = verify_tree(root, tmp_path / "m", Plan(workers=2)).difference
    assert [(one.kind, one.path) for one in difference.deviations] == [("changed", "clone")]


@pytest.mark.parametrize("form", ["ext4", "xfs"])
def test_file_system_that_goes_away_while_it_is_read(mounted, tmp_path, form):
    """Everything is a finding with its errno; nothing that was not read counts as verified; and there is an end."""
    place = mounted(form)
    root = place / "tree"
    for number in range(40):
        (root / f"d{number:02}").mkdir(parents=True)
        for image in range(10):
            write(root / f"d{number:02}" / f"f{image}", os.urandom(100_000))
    create_manifest(root, tmp_path / "m", application="a", workers=2)
    gone: list[int] = []

    def go_away(files: int, size: int, seen: int) -> None:
        if size > 4 << 20 and not gone:
            gone.append(files)
            shut_down(place)

    plan = Plan(workers=2, rate=float(10 << 20))
    difference = verify_tree(root, tmp_path / "m", plan, watch=go_away).difference
    assert gone
    assert 0 < difference.files_hashed < 400
    assert set(difference.counts) == {"unreadable"}
    assert difference.files_hashed + sum(1 for one in difference.deviations if "/" in one.path) <= 400
    assert all("EIO" in one.observed for one in difference.deviations)


def shut_down(place: Path) -> None:
    descriptor = os.open(place, os.O_RDONLY)
    try:
        fcntl.ioctl(descriptor, _SHUTDOWN, _NO_FLUSH.to_bytes(4, "little"))
    finally:
        os.close(descriptor)


def test_file_system_that_goes_away_while_a_manifest_is_made(mounted, tmp_path):
    place = mounted("xfs")
    root = place / "tree"
    for number in range(40):
        (root / f"d{number:02}").mkdir(parents=True)
        for image in range(10):
            write(root / f"d{number:02}" / f"f{image}", os.urandom(100_000))
    gone: list[int] = []

    def go_away(files: int, size: int, seen: int) -> None:
        if size > 4 << 20 and not gone:
            gone.append(files)
            shut_down(place)

    made = creation.create_manifest(
        root, tmp_path / "m", application="a", workers=2, watch=go_away, rate=float(10 << 20)
    )
    assert gone
    assert made.errors > 0
    with open_manifest(tmp_path / "m") as manifest:
        unread = [entry for entry in entries(manifest) if entry.errno]
        assert all(entry.errno == errno.EIO for entry in unread)
