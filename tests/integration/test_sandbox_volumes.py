"""Data volumes: reserved before anything is restored, in the first folder that has room, and erased in the end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from drp.domain.volume import image_bytes
from drp.errors import SandboxError, StorageFull, Untrusted
from drp.sandboxes.host import cgroups, image, ledger, mounts, on_disk, volume
from drp.sandboxes.host.volume import Volumes
from tests.support.fixtures_sandboxes import Rig, profile
from tests.support.reaping import reap

pytestmark = pytest.mark.real


@pytest.mark.parametrize("backing", ["memory", "disk"])
def test_restored_data_is_under_quota(rig: Rig, backing: str) -> None:
    handle = rig.open(data_backing=backing, data_bytes=32 << 20)
    assert "No space left" in rig.shell(handle, "dd if=/dev/zero of=/data/files/big bs=1M count=64")
    usage = volume.usage(handle.data_path)
    assert usage.used >= 30 << 20, "the quota is what restored data may take"
    assert usage.total <= (32 << 20) * 17 // 16
    assert usage.free < 1 << 20
    rig.shell(handle, "rm /data/files/big")
    assert volume.usage(handle.data_path).used < 2 << 20
    assert rig.driver.destroy(handle).clean


def test_a_disk_volume_is_all_its_own_and_keeps_its_name_until_it_was_erased(rig: Rig) -> None:
    handle = rig.open(data_backing="disk", erase="overwrite")
    assert "ext4" in rig.shell(handle, "grep ' /data ' /proc/mounts")
    assert "nosuid,nodev" in rig.shell(handle, "grep ' /data ' /proc/mounts")
    (made,) = handle.volumes
    assert (made.backing, made.size_bytes, made.directory) == ("disk", 32 << 20, str(rig.run_directory))
    (file,) = image.noted(rig.run_directory, handle.id)
    found = file.stat()
    assert found.st_blocks * 512 >= found.st_size == image_bytes(32 << 20), "reserved, not hoped for"
    assert found.st_mode & 0o777 == 0o600
    rig.shell(handle, "dd if=/dev/urandom of=/data/files/a bs=1M count=3")
    residue = rig.driver.destroy(handle)
    assert residue.clean
    (erased,) = residue.erased
    assert erased.done
    assert 3 << 20 < erased.overwritten_bytes < 24 << 20, "what was written, and not the whole quota"
    assert list(rig.run_directory.glob("*.image*")) == []


def test_what_cannot_be_erased_is_residue_and_found_again(rig: Rig) -> None:
    handle = rig.open(data_backing="disk")
    (file,) = image.noted(rig.run_directory, handle.id)
    other = file.with_name("somebody-else's")
    other.hardlink_to(file)
    residue = rig.driver.destroy(handle)
    assert not residue.clean
    assert residue.paths == (str(file),)
    assert [each.done for each in residue.erased] == [False]
    assert image.noted(rig.run_directory, handle.id) == (file,)
    other.unlink()
    again = rig.driver.destroy(handle)
    assert again.clean
    assert [each.done for each in again.erased] == [True]


def test_the_image_of_a_disk_volume_is_cached_once_where_its_file_system_can(rig: Rig, tmp_path: Path) -> None:
    path = Path(rig.open(data_backing="disk").data_path)
    number = path.stat().st_dev
    by_direct_io = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}/loop/dio").read_text().strip() == "1"
    assert by_direct_io == image.pass_by_cache(path), "it could have been, and was not"
    assert not image.pass_by_cache(tmp_path), "no loop device"
    assert not image.pass_by_cache(Path("/proc")), "no device at all"


def test_no_room_on_disk_is_storage_full(rig: Rig) -> None:
    with pytest.raises(StorageFull, match="no room for a data volume"):
        rig.open(data_backing="disk", data_bytes=1 << 50)


@pytest.mark.parametrize("quota", [1, 15 << 20, 64 << 20, 479 << 20, 480 << 20, 1 << 30, 9 << 30, 700 << 30])
def test_an_image_has_room_for_the_whole_quota(tmp_path: Path, quota: int) -> None:
    file, place = tmp_path / "drp-0123456789ab.image", tmp_path / "place"
    place.mkdir()
    with file.open("wb") as made:
        made.truncate(image_bytes(quota))  # sparse here, so that large ones can be tried
    image.mount(file, place, uid=0)
    try:
        assert volume.usage(place).free >= quota
        assert not (place / "lost+found").exists()
    finally:
        assert image.detach(file, place)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with 64 MiB, whose room can be told to the page."""
    place = tmp_path / "small"
    place.mkdir()
    mounts.mount_tmpfs(place, size_bytes=64 << 20, uid=0)
    yield place
    mounts.unmount(place)


def test_an_image_fits_with_exactly_enough_and_not_with_a_block_less(small: Path) -> None:
    quota = 16 << 20
    file = small / "drp-0123456789ab.image"
    filler = small / "filler"
    with filler.open("wb") as made:
        os.posix_fallocate(made.fileno(), 0, image.room(small) - image_bytes(quota))
    image.allocate(file, quota)
    assert image.room(small) == 0
    file.unlink()
    with filler.open("r+b") as made:
        os.posix_fallocate(made.fileno(), filler.stat().st_size, 4096)
    with pytest.raises(StorageFull, match="no room for a data volume of 16 MiB"):
        image.allocate(file, quota)
    assert not file.exists()
    filler.write_bytes(b"")
    spare = image.room(small) - image_bytes(quota)
    image.allocate(file, quota, spare_bytes=spare)
    file.unlink()
    with pytest.raises(StorageFull):
        image.allocate(file, quota, spare_bytes=spare + 1)
    assert not file.exists()


def test_an_image_lies_in_the_first_folder_that_has_room(rig: Rig, small: Path, tmp_path: Path) -> None:
    folders = (str(small / "volumes"), str(tmp_path / "more"))
    first = rig.open(data_backing="disk", volumes=folders)
    second = rig.open(data_backing="disk", volumes=folders)
    assert [each.volumes[0].directory for each in (first, second)] == list(folders)
    assert (small / "volumes").stat().st_mode & 0o777 == 0o700
    with pytest.raises(StorageFull, match="no room for a data volume"):
        rig.open(data_backing="disk", volumes=folders[:1])
    assert rig.driver.destroy(first).clean
    third = rig.open(data_backing="disk", volumes=folders[:1])
    assert third.volumes[0].directory == folders[0], "what was let go is there again"


def test_no_image_is_made_where_others_may_write(rig: Rig, tmp_path: Path) -> None:
    place = tmp_path / "open"
    place.mkdir()
    place.chmod(0o777)
    with pytest.raises(Untrusted):
        rig.open(data_backing="disk", volumes=(str(place),))
    assert list(place.iterdir()) == []


def test_images_in_other_folders_are_found_after_a_crash_by_what_was_written_down(rig: Rig, tmp_path: Path) -> None:
    handle = rig.open(data_backing="disk", volumes=(str(tmp_path / "volumes"),))
    (file,) = image.noted(rig.run_directory, handle.id)
    assert file.parent == tmp_path / "volumes"
    (note,) = rig.run_directory.glob("*.images")
    kept = note.read_bytes()
    assert rig.driver.destroy(handle).clean
    file.write_bytes(b"Mustermann" * 1000)
    note.write_bytes(kept)
    (orphan,) = reap(rig.run_directory)
    assert orphan.paths == (str(file),)
    assert [each.done for each in orphan.erased] == [True]
    assert not file.exists()
    assert not note.exists()


def test_quotas_in_memory_add_up_and_limits_follow_what_is_in_force(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(ledger, "ledger_directory", lambda run: run / "ledger")
    monkeypatch.setattr(ledger.cgroups, "used_bytes", lambda: 0)
    monkeypatch.setattr(volume, "available_memory", lambda: 128 << 20)
    first, second = rig.open(data_bytes=1 << 30), rig.open(data_bytes=1 << 30)
    assert [each.volumes[0].size_bytes for each in (first, second)] == [96 << 20, 24 << 20]
    assert [volume.usage(each.data_path).total for each in (first, second)] == [96 << 20, 24 << 20]
    for handle in (first, second):
        limits = [each / "memory.limit_in_bytes" for each in cgroups.find(handle.id)]
        found = [int(each.read_text()) for each in limits if each.exists()]
        assert all(each == (256 << 20) + handle.volumes[0].size_bytes for each in found)
    with pytest.raises(StorageFull, match="no room in memory for a data volume: 6 MiB"):
        rig.open(data_bytes=1 << 30)
    assert rig.open(data_bytes=6 << 20).volumes[0].size_bytes == 6 << 20, "the little that is asked for is there"
    assert rig.driver.destroy(first).clean
    assert rig.open(data_bytes=1 << 30).volumes[0].size_bytes == int((128 - 24 - 6) * 0.75 * (1 << 20))


def test_a_plain_user_is_told_what_a_volume_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(volume, "standing", lambda: "user")
    with pytest.raises(SandboxError, match="needs root, or the drill worker"):
        Volumes(tmp_path, tmp_path).make(profile(), uid=1)
    monkeypatch.setattr(volume, "standing", lambda: "mapped")
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setattr(on_disk, "obstacle", lambda: ("no fuse2fs", "install it"))
    with pytest.raises(SandboxError, match="cannot be had: no fuse2fs"):
        Volumes(other, tmp_path).make(profile(data_backing="disk"), uid=1)


def test_what_is_only_cached_counts_as_free(tmp_path: Path) -> None:
    (tmp_path / "memory" / "drp").mkdir(parents=True)
    stat = tmp_path / "memory" / "drp" / "memory.stat"
    stat.write_text("cache 9000\nrss 1\nshmem 1\ntotal_cache 9000\ntotal_rss 300\ntotal_shmem 40\n")
    assert cgroups.used_bytes(root=tmp_path) == 340
    unified = tmp_path / "unified"
    (unified / "drp").mkdir(parents=True)
    assert cgroups.used_bytes(root=unified) is None
    (unified / "drp" / "memory.stat").write_text("anon 70\nfile 9000\nshmem 8\n")
    assert cgroups.used_bytes(root=unified) == 78
