"""Nothing that was on a volume on disk can be read afterwards: the image's own blocks are searched, on their disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drp.errors import SandboxError
from drp.sandboxes.host import encryption, erasure, image, reaper
from tests.support.fixtures_sandboxes import Rig

pytestmark = pytest.mark.real

MARKER = "PATIENT-CANARY-DUPONT"
LEAVE_MARKERS = f"""set -e; cd /data/files
for i in $(seq 1 2000); do echo "{MARKER} $i DIAGNOSIS"; done > lines
echo {MARKER} > {MARKER}-as-a-name
ln -s /{MARKER}/as/a/target/that/is/longer/than/an/inode/has/room/for/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx link
echo {MARKER} > removed; sync -f removed; rm removed
python3 -c "import os
os.setxattr('lines', 'user.{MARKER}', b'short')
os.setxattr('{MARKER}-as-a-name', 'user.value', b'{MARKER} ' * 30)"
sync -f .; echo written"""
"""In contents, names, targets, extended attributes (in the inode and in a block of its own), and freed blocks."""


def markers(place: Path) -> int:
    """Count them in all that a file, or a device, holds."""
    return place.read_bytes().count(MARKER.encode())


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """A file system of our own, and the file that it lies in: what its free blocks hold can be searched there."""
    file, path = tmp_path / "disk", tmp_path / "volumes"
    path.mkdir()
    image.allocate(file, 160 << 20)
    image.mount(file, path, uid=0)
    path.chmod(0o700)
    yield path, file
    assert image.detach(file, path)


def synced(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
    os.sync()


@pytest.mark.parametrize(("erase", "by"), [("encrypt", "key"), ("overwrite", "overwrite")])
def test_no_marker_is_left_on_the_disk(disk: tuple[Path, Path], rig: Rig, erase: str, by: str) -> None:
    path, file = disk
    handle = rig.open(data_backing="disk", volumes=(str(path),), erase=erase)
    assert rig.shell(handle, LEAVE_MARKERS) == "written\n"
    synced(path)
    lines = markers(file)
    if by == "overwrite":
        assert lines > 2000, "or the search finds nothing that is there"
    else:
        assert 0 < lines < 300, "extended attributes alone are there in clear"
    (made,) = handle.volumes
    assert (made.erased_by, made.why) == (by, "asked")
    residue = rig.driver.destroy(handle)
    assert residue.clean
    (erased,) = residue.erased
    assert (erased.erased_by, erased.done, erased.left) == (by, True, "")
    synced(path)
    assert markers(file) == 0
    assert list(path.iterdir()) == []


def test_what_is_ciphertext_is_not_overwritten(rig: Rig) -> None:
    handle = rig.open(data_backing="disk", erase="encrypt", data_bytes=64 << 20)
    rig.shell(handle, "dd if=/dev/zero of=/data/files/big bs=1M count=40 && sync -f /data/files")
    (erased,) = rig.driver.destroy(handle).erased
    assert 0 < erased.overwritten_bytes < 10 << 20


def test_auto_measures_both_and_says_what_it_took(rig: Rig) -> None:
    handle = rig.open(data_backing="disk")
    (made,) = handle.volumes
    assert made.erased_by in {"key", "overwrite"}
    assert made.why == "faster"
    assert made.encrypted_bytes_per_second is not None
    assert made.encrypted_bytes_per_second > 0
    assert rig.shell(handle, "ls -A /data /data/files") == "/data:\nfiles\nsockets\n\n/data/files:\n"
    (erased,) = rig.driver.destroy(handle).erased
    assert (erased.done, erased.erased_by) == (True, made.erased_by)


def test_a_kernel_that_cannot_encrypt_is_told_before_anything_is_there(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encryption, "_FEATURE", tmp_path / "nothing")
    with pytest.raises(SandboxError, match="cannot encrypt"):
        rig.open(data_backing="disk", erase="encrypt")
    assert list(rig.run_directory.glob("*.image*")) == []
    (made,) = rig.open(data_backing="disk").volumes
    assert (made.erased_by, made.why, made.encrypted_bytes_per_second) == ("overwrite", "no-encryption", None)


def test_where_ciphertext_lies_nobody_can_tell_all_is_overwritten(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    handle = rig.open(data_backing="disk", erase="encrypt", data_bytes=64 << 20)
    rig.shell(handle, "dd if=/dev/zero of=/data/files/big bs=1M count=40 && sync -f /data/files")

    def refuse(_folder: Path) -> list[tuple[int, int]]:
        raise OSError

    monkeypatch.setattr(encryption, "ciphertext", refuse)
    (erased,) = rig.driver.destroy(handle).erased
    assert (erased.erased_by, erased.done) == ("overwrite", True)
    assert erased.overwritten_bytes > 40 << 20


def test_a_file_system_that_writes_elsewhere_gets_a_key_or_says_what_nobody_can_look_at(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "elsewhere", lambda _place: "btrfs")
    by_key = rig.open(data_backing="disk")
    assert [(each.erased_by, each.why) for each in by_key.volumes] == [("key", "copy-on-write")]
    overwritten = rig.open(data_backing="disk", erase="overwrite")
    for handle in (by_key, overwritten):
        (erased,) = rig.driver.destroy(handle).erased
        assert "btrfs may keep" in erased.left


def test_what_a_crash_left_is_residue_until_the_next_start_overwrites_it(disk: tuple[Path, Path], rig: Rig) -> None:
    path, file = disk
    name = "drp-0123456789ab"
    left = path / f"{name}.image"
    image.note(rig.run_directory, name, [left])
    image.allocate(left, 16 << 20)
    with left.open("r+b") as stream:
        stream.write(MARKER.encode() * 1000)
    synced(path)
    assert markers(file) == 1000
    (seen,) = reaper.reap(rig.run_directory, dry_run=True)
    assert seen.paths == (str(left),)
    assert markers(file) == 1000
    (reaped,) = reaper.reap(rig.run_directory)
    assert [(each.erased_by, each.done) for each in reaped.erased] == [("overwrite", True)]
    synced(path)
    assert markers(file) == 0
    assert reaper.reap(rig.run_directory) == ()


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 8)), max_size=6),
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 8)), max_size=6),
)
def test_what_is_overwritten_is_just_what_is_no_ciphertext(
    some: list[tuple[int, int]], kept: list[tuple[int, int]]
) -> None:
    written = encryption.joined([(begin, begin + size) for begin, size in some])
    ciphertext = encryption.joined([(begin, begin + size) for begin, size in kept])
    found = list(erasure.without(iter(written), ciphertext))
    places = {each for begin, end in found for each in range(begin, end)}
    expected = {each for begin, end in written for each in range(begin, end)}
    assert places == expected - {each for begin, end in ciphertext for each in range(begin, end)}
    assert sum(end - begin for begin, end in found) == len(places), "nothing twice"
