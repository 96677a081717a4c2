"""What was restored is on its medium before it is hashed, and what the host's storage refuses is never the backup's."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from drp.errors import MediumFailed
from drp.sandboxes.host import image
from drp.sandboxes.host.medium import Medium, errors_noted

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="loop devices are root's")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system in memory with room for 32 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", place], check=True)
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def mounted(file: Path, place: Path) -> Medium:
    place.mkdir()
    image.mount(file, place, uid=0)
    return Medium(place, file)


def test_a_medium_that_takes_everything_has_it_all_afterwards(tmp_path: Path) -> None:
    file, place = tmp_path / "drp-000000000001.image", tmp_path / "place"
    image.allocate(file, 32 << 20)
    medium = mounted(file, place)
    try:
        (place / "folder").mkdir()
        (place / "folder" / "data").write_bytes(b"MARKER" * 100_000)
        (place / "pipe").with_name("link").symlink_to("/etc/passwd")
        os.mkfifo(place / "pipe")
        medium.settle()
        medium.settle()
        assert b"MARKER" * 1000 in file.read_bytes()
        assert errors_noted(place) == 0
        assert (place / "folder" / "data").read_bytes() == b"MARKER" * 100_000
    finally:
        medium.close()
        assert image.detach(file, place)


def fill(place: Path, medium: Medium) -> None:
    for number in range(48):
        (place / str(number)).write_bytes(os.urandom(1 << 20))
        medium.settle()


def test_what_the_storage_below_refuses_is_told_as_the_hosts(small: Path, tmp_path: Path) -> None:
    """An image that was not reserved, as drp made them once: the kernel takes every write, and then loses it."""
    file, place = small / "drp-000000000002.image", tmp_path / "place"
    with file.open("wb") as made:
        made.truncate(64 << 20)
    medium = mounted(file, place)
    try:
        with pytest.raises(MediumFailed, match="the storage of this host failed"):
            fill(place, medium)
    finally:
        medium.close()
        assert image.detach(file, place)


def test_in_memory_there_is_no_medium(tmp_path: Path) -> None:
    Medium(tmp_path, None).settle()


def test_nothing_gives_back_what_was_reserved(tmp_path: Path) -> None:
    """ext4 zeroes the inode tables of a new file system later, in a thread that punches holes into the image."""
    file, place = tmp_path / "drp-000000000003.image", tmp_path / "place"
    image.allocate(file, 32 << 20)
    medium = mounted(file, place)
    try:
        options = Path("/proc/self/mounts").read_text(encoding="utf-8")
        (line,) = [each for each in options.splitlines() if each.split()[1] == str(place)]
        assert "noinit_itable" in line.split()[3].split(",")
        medium.settle()
        assert file.stat().st_blocks * 512 >= file.stat().st_size
    finally:
        medium.close()
        assert image.detach(file, place)
