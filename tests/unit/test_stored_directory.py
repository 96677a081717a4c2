"""Objects of a directory and of a medium: listed, read, and nothing else followed or opened."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from drp.domain.repository import DirectoryLocation, MediumLocation, WaitLimits
from drp.domain.worm.objects import ObjectVersion
from drp.errors import MediaNeeded, ObjectAbsent, RepositoryError, ShortBody
from drp.repositories.locations.stored import Odd, stored_objects
from drp.repositories.locations.stored_directory import StoredDirectory, file_system_of


def no_secret(reference: object) -> str:
    raise AssertionError(reference)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    place = tmp_path / "repository"
    (place / "data" / "aa").mkdir(parents=True)
    (place / "data" / "aa" / "one").write_bytes(b"0123456789")
    (place / "empty").write_bytes(b"")
    return place


def test_files_are_objects_under_their_paths(place: Path) -> None:
    stored = stored_objects("main", DirectoryLocation(path=place), no_secret, WaitLimits())
    seen = {one.key: one for one in stored.versions()}
    assert {(key, one.size, one.version) for key, one in seen.items()} == {("data/aa/one", 10, ""), ("empty", 0, "")}
    assert [one.key for one in stored.versions("data/aa/")] == ["data/aa/one"]
    assert list(stored.versions("nothing")) == []
    assert b"".join(stored.read("data/aa/one", None)) == b"0123456789"
    assert b"".join(stored.read("data/aa/one", "", offset=3, length=4)) == b"3456"
    assert b"".join(stored.read("data/aa/one", None, offset=8, length=9)) == b"89"
    assert b"".join(stored.read("empty", None)) == b""


def test_what_is_no_file_is_told_and_left_alone(place: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"secret")
    (place / "link").symlink_to(tmp_path / "outside" / "secret")
    (place / "data" / "bb").symlink_to(tmp_path / "outside")
    os.mkfifo(place / "pipe")
    bound = socket.socket(socket.AF_UNIX)
    here = Path.cwd()
    try:
        os.chdir(place)  # addresses of sockets are short
        bound.bind("socket")
    finally:
        os.chdir(here)
        bound.close()
    stored = StoredDirectory("main", place)
    odd = {one.key: str(one.why) for one in stored.everything() if isinstance(one, Odd)}
    assert odd == {"link": "a symlink", "data/bb": "a symlink", "pipe": "a named pipe", "socket": "a socket"}
    for key in ("link", "data/bb/secret", "pipe", "socket", "data", "../outside/secret", "data/../empty", "absent"):
        with pytest.raises(RepositoryError) as raised:
            list(stored.read(key, None))
        assert "secret" not in str(raised.value) or "secret" in key
    with pytest.raises(ObjectAbsent):
        list(stored.read("empty", "v1"))


def test_a_file_that_ends_early_is_no_end(place: Path) -> None:
    pieces = StoredDirectory("main", place)
    big = place / "big"
    big.write_bytes(bytes(9 << 20))
    reading = pieces.read("big", None)
    next(reading)
    os.truncate(big, 5 << 20)
    with pytest.raises(ShortBody) as raised:
        list(reading)
    assert raised.value.received == 5 << 20


def test_a_medium_that_is_away_is_no_emptiness(tmp_path: Path) -> None:
    mount = tmp_path / "medium"
    (mount / "restic" / "data").mkdir(parents=True)
    (mount / "restic" / "config").write_bytes(b"c")
    (mount / ".drp-medium").write_text("weekly-1\n")
    location = MediumLocation(mount=mount, label="weekly-1", path="restic")
    stored = stored_objects("vault", location, no_secret, WaitLimits())
    assert [one.key for one in stored.versions()] == ["config"]
    listing: Iterator[ObjectVersion] = stored.versions()
    next(listing)
    mount.rename(tmp_path / "pulled")
    with pytest.raises(MediaNeeded):
        list(listing)
    with pytest.raises(MediaNeeded):
        list(stored.versions())
    with pytest.raises(MediaNeeded):
        list(stored.read("config", None))


def test_the_label_at_the_root_of_a_medium_is_no_object(tmp_path: Path) -> None:
    (tmp_path / ".drp-medium").write_text("weekly-1\n")
    (tmp_path / "lost+found").mkdir()
    (tmp_path / "config").write_bytes(b"c")
    stored = stored_objects("vault", MediumLocation(mount=tmp_path, label="weekly-1"), no_secret, WaitLimits())
    assert [one.key for one in stored.everything() if isinstance(one, ObjectVersion)] == ["config"]


def test_a_folder_that_is_closed_is_told(place: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may look into every folder")
    (place / "data" / "aa").chmod(0)
    try:
        odd = [one for one in StoredDirectory("main", place).everything() if isinstance(one, Odd)]
        assert [(one.key, one.unlisted) for one in odd] == [("data/aa", True)]
    finally:
        (place / "data" / "aa").chmod(0o700)


def test_the_file_system_of_a_place_is_known(tmp_path: Path) -> None:
    device = tmp_path.stat().st_dev
    here = f"{os.major(device)}:{os.minor(device)}"
    mounts = tmp_path / "mounts"
    mounts.write_text(f"22 1 0:1 / / rw - ext4 /dev/sda rw\n23 1 {here} / /x rw shared:1 - nfs4 host:/x rw\n")
    assert file_system_of(tmp_path, mounts) == "nfs4"
    mounts.write_text("22 1 0:1 / / rw - ext4 /dev/sda rw\nshort\n")
    assert file_system_of(tmp_path, mounts) == ""
    assert file_system_of(tmp_path / "absent") == ""
    assert file_system_of(Path("/proc")) == "proc"
