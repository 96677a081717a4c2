"""Repositories in directories that attributes or snapshots protect: told as far as they are, on real file systems."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from drp.domain.recovery_point import RecoveryPoint
from drp.domain.repository import DirectoryLocation, WormSettings
from drp.domain.repository_port import LocksSeen
from drp.domain.worm.attestation import LockDemand
from drp.domain.worm.hardened import SeenFolder, attestation_of
from drp.domain.worm.judging import immutability_of
from drp.errors import PointGone
from drp.repositories.kind import create
from drp.repositories.locations.attributes import in_read_only_snapshot
from drp.repositories.locations.protection import observe
from drp.repositories.restic.settings import ResticSettings
from tests.support.copies import copies_settings
from tests.support.fixtures_file_systems import Mounted
from tests.support.fixtures_repositories import application, keep_secret, resolve
from tests.support.restic_tools import PASSWORD, Restic, executable, make_tree

pytestmark = pytest.mark.real
EHR = application(tags=("ehr",))
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def chattr(sign: str, *paths: Path) -> None:
    done = subprocess.run(["chattr", sign, *map(str, paths)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def harden(repository: Path, *, again: bool = False) -> None:
    """Do what an administrator's job does after each backup: files never change again, and folders stay where they are.

    Folders that files come into stay open: restic writes a file under another name first, which `+a` forbids.
    """
    for place, _, files in os.walk(repository):
        if files and Path(place).name != "locks":
            chattr("+i", *(Path(place, name) for name in files))
    if not again:
        chattr("+i", repository, repository / "data")


def attested(path: Path, folder: Path, demand: LockDemand | None = None, **more: Any) -> Any:
    settings = ResticSettings(
        name="main",
        location=DirectoryLocation(path=path),
        password=keep_secret(folder, "password", PASSWORD),
        executable=str(executable("current")),
        **more,
    )
    repository = create(settings, resolve=resolve, cache_directory=folder / "cache")
    points = repository.points(EHR).points
    assert isinstance(repository, LocksSeen)
    found = repository.attest(
        points, demand or LockDemand(until={each.id: NOW + timedelta(days=30) for each in points})
    )
    assert immutability_of(found).mode == repository.immutability(points[0]).mode
    return found


def codes(found: Any) -> list[str]:
    return [each.code for each in found.findings]


def test_a_hardened_repository_takes_backups_and_gives_up_nothing(mounted: Mounted, tmp_path: Path) -> None:
    disk = mounted("ext4")
    (disk / "place").mkdir()
    writer = Restic(executable("current"), str(disk / "place" / "restic")).init()
    source, path = make_tree(tmp_path / "source", files=3), disk / "place" / "restic"
    writer.backup(source, tags=["ehr"])
    bare = attested(path, tmp_path)
    assert (bare.modes, codes(bare)) == ({"none": 1}, ["DRP-L070"])
    assert codes(attested(path, tmp_path, LockDemand())) == []  # nobody asked for it

    harden(path)
    held = attested(path, tmp_path, worm=WormSettings(mode="governance"))
    assert set(held.modes) == {"governance"}
    assert held.asked == held.needed == sum(1 for place, _, names in os.walk(path) for _ in (place, *names)) - 1
    assert codes(held) == []
    assert codes(attested(path, tmp_path)) == ["DRP-L073"]  # compliance is demanded, and root can lift it

    writer.backup(make_tree(tmp_path / "more", files=2, seed=5), tags=["ehr"])  # it works, and what it added is bare
    after = attested(path, tmp_path)
    assert after.modes["none"] >= 3
    assert codes(after) == ["DRP-L070"]
    assert {each.key.partition("/")[0] for each in after.weakest} <= {"data", "index", "snapshots"}
    harden(path, again=True)
    assert set(attested(path, tmp_path).modes) == {"governance"}
    forgotten = writer.run("forget", "--group-by", "", "--keep-last", "1", "--prune", check=False)
    assert forgotten.returncode != 0
    assert len(list((path / "snapshots").iterdir())) == 2


@pytest.mark.parametrize("undone", ["config", "data", "."])
def test_one_thing_without_its_attribute_is_enough(mounted: Mounted, tmp_path: Path, undone: str) -> None:
    disk = mounted("ext4")
    (disk / "place").mkdir()
    path = disk / "place" / "restic"
    Restic(executable("current"), str(path)).init().backup(make_tree(tmp_path / "source", files=2), tags=["ehr"])
    harden(path)
    chattr("-i", path / undone)
    found = attested(path, tmp_path)
    bare = {
        "config": {"config"},
        "data": {f"data/{number:02x}" for number in range(256)},
        ".": {"index", "keys", "snapshots"},
    }
    assert {each.key for each in found.weakest} <= bare[undone]
    assert found.modes["none"] >= len(bare[undone])
    assert immutability_of(found).mode == "none"


def test_a_file_that_may_grow_is_not_as_it_was(mounted: Mounted) -> None:
    disk = mounted("ext4")
    (disk / "restic").mkdir()
    for name in ("config", "pack"):
        (disk / "restic" / name).write_bytes(b"x")
    chattr("+a", disk / "restic", disk / "restic" / "pack")
    chattr("+i", disk / "restic" / "config")
    assert observe(disk / "restic", 100, grows=True).bare == ("pack",)
    (disk / "restic" / "elsewhere").symlink_to("/")
    assert observe(disk / "restic", 100, grows=True).bare == ("elsewhere", "pack")
    assert observe(disk / "restic", 100).bare == (".",)  # a finished copy takes no new files
    sampled = observe(disk / "restic", 1, grows=True)
    assert (sampled.asked, sampled.needed) == (2, 4)
    assert any("drawn with the seed" in each for each in sampled.remarks)


def test_read_only_snapshots_of_btrfs_are_seen_wherever_the_repository_lies_in_them(mounted: Mounted) -> None:
    disk = mounted("btrfs")
    live, kept, copy = disk / "live", disk / "kept", disk / "copy"
    subprocess.run(["btrfs", "subvolume", "create", str(live)], check=True, capture_output=True)
    (live / "deep" / "restic").mkdir(parents=True)
    (live / "deep" / "restic" / "config").write_bytes(b"x")
    subprocess.run(["btrfs", "subvolume", "snapshot", "-r", str(live), str(kept)], check=True, capture_output=True)
    subprocess.run(["btrfs", "subvolume", "snapshot", str(live), str(copy)], check=True, capture_output=True)
    for place, expected in ((live, (".",)), (kept, ()), (copy, (".",))):
        for below in ("deep/restic", "deep", "."):
            seen = observe(place / below, 10, grows=True)
            assert seen.bare == expected, (place, below)
            assert any("read-only snapshot" in each for each in seen.remarks) == (not expected)
    (kept_file := kept / "deep" / "restic" / "config").read_bytes()
    with pytest.raises(OSError, match="Read-only"):
        kept_file.write_bytes(b"y")


def test_a_snapshot_of_zfs_is_told_by_what_the_kernel_says_of_its_mount(tmp_path: Path) -> None:
    facts = tmp_path.stat()
    number = f"{os.major(facts.st_dev)}:{os.minor(facts.st_dev)}"
    line = f"36 35 {number} / {tmp_path} ro,relatime shared:1 - zfs {{}} ro,xattr\n"
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        assert in_read_only_snapshot(tmp_path, descriptor, line.format("tank/backup@2026-11-30"))
        assert not in_read_only_snapshot(tmp_path, descriptor, line.format("tank/backup"))
        odd = line.replace(number, "0:999999").format("tank/backup@2026-11-30")
        assert not in_read_only_snapshot(tmp_path, descriptor, odd)
        assert not in_read_only_snapshot(tmp_path, descriptor, "\n - \nmalformed")
    finally:
        os.close(descriptor)


def test_what_every_user_may_write_to_is_told_without_being_asked(tmp_path: Path) -> None:
    (tmp_path / "restic").mkdir(mode=0o755)
    (tmp_path / "restic").chmod(0o777)
    seen = observe(tmp_path / "restic", 10, grows=True)
    assert codes(attestation_of("main", [seen], LockDemand(), at=NOW, mode="governance")) == ["DRP-L071"]
    (tmp_path / "restic").chmod(0o1777)  # sticky: nobody removes what is another's
    assert observe(tmp_path / "restic", 10, grows=True).open_to_all == ()


def test_a_folder_that_cannot_be_listed_is_unknown_and_never_protected() -> None:
    seen = SeenFolder(asked=9, needed=9, unlisted=("data/ab",), writable=True)
    found = attestation_of("main", [seen], LockDemand(required=True), at=NOW, mode="governance")
    assert "data/ab" in found.unknown
    assert codes(found) == ["DRP-L077", "DRP-L072"]
    assert immutability_of(found).mode == "unknown"


def test_nothing_at_all_is_protected_by_nothing() -> None:
    found = attestation_of("main", [], LockDemand(), at=NOW, mode="governance")
    assert (found.needed, found.modes, immutability_of(found).mode) == (0, {}, "none")


def test_copies_are_attested_by_the_same_eyes(tmp_path: Path) -> None:
    for day in ("2026-11-27T020000Z", "2026-11-28T020000Z"):
        (tmp_path / "kept" / day).mkdir(parents=True)
        (tmp_path / "kept" / day / "a").write_bytes(b"x")
    settings = replace(
        copies_settings(tmp_path / "kept"), patterns=("%Y-%m-%dT%H%M%SZ",), worm=WormSettings(mode="governance")
    )
    repository = create(settings, resolve=resolve, cache_directory=tmp_path / "cache")
    assert isinstance(repository, LocksSeen)
    points: tuple[RecoveryPoint, ...] = repository.points(application()).points
    kept = list((tmp_path / "kept").rglob("*"))
    chattr("+i", *kept)
    try:
        assert repository.attest(points, LockDemand(required=True)).modes == {"governance": 4}
        chattr("-i", tmp_path / "kept" / "2026-11-27T020000Z" / "a")
        weak = repository.attest(points, LockDemand(required=True))
        assert (weak.modes, codes(weak)) == ({"governance": 3, "none": 1}, ["DRP-L070"])
    finally:
        chattr("-i", *kept)
    gone = replace(points[0], id="0" * 64)
    assert repository.attest((gone,), LockDemand(required=True)).unknown
    with pytest.raises(PointGone):
        observe(tmp_path / "nowhere", 1)
