"""Air-gapped media that are absent, mistaken, forged or pulled out; and ends of restores that are no damage."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from drp.domain.ports import Repository
from drp.domain.repository import MediumLocation
from drp.domain.restore import RestoreOutcome
from drp.errors import MediaNeeded, StorageFull
from drp.repositories.kind import create
from drp.repositories.locations.medium import Medium, file_system_label, mounted_device
from drp.repositories.restic.settings import ResticSettings
from tests.support.fixtures_repositories import application, carry_out, keep_secret, resolve
from tests.support.restic_tools import KINDS, PASSWORD, Restic, executable, make_tree

pytestmark = pytest.mark.real
EHR = application(tags=("ehr",))


@pytest.fixture(scope="module", params=KINDS)
def shelf(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A medium as it lies on the shelf: a labelled folder with a repository in it, and the restic beside it."""
    shelf = tmp_path_factory.mktemp(f"shelf-{request.param}")
    (shelf / "medium").mkdir()
    (shelf / "medium" / ".drp-medium").write_text("weekly-3\nkept in the safe\n", encoding="utf-8")
    program = executable(request.param)
    (shelf / "restic").symlink_to(program)
    writer = Restic(program, str(shelf / "medium" / "restic")).init()
    writer.backup(make_tree(shelf / "source", files=5, size=400_000), tags=("ehr",))
    return shelf


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    """Where a medium appears when it is attached; empty now."""
    return tmp_path / "drive"


@pytest.fixture
def repository(shelf: Path, drive: Path, tmp_path: Path) -> Repository:
    settings = ResticSettings(
        name="tape-safe",
        location=MediumLocation(mount=drive, label="weekly-3", path="restic"),
        password=keep_secret(tmp_path, "password", PASSWORD),
        executable=str(shelf / "restic"),
    )
    return create(settings, resolve=resolve, cache_directory=tmp_path / "cache")


def attach(shelf: Path, drive: Path) -> Path:
    return Path(shutil.copytree(shelf / "medium", drive))


def assert_needed(repository: Repository) -> str:
    said = ""
    for call in (repository.preflight, lambda: repository.points(EHR)):
        with pytest.raises(MediaNeeded) as caught:
            call()
        assert (caught.value.label, caught.value.exit_status) == ("weekly-3", 13)
        said = str(caught.value)
    return said


def test_an_absent_medium_is_needed_and_found_when_it_comes(repository: Repository, shelf: Path, drive: Path) -> None:
    assert "not attached" in assert_needed(repository)
    drive.mkdir()
    assert "not attached" in assert_needed(repository)
    drive.rmdir()
    attach(shelf, drive)
    abilities = repository.preflight()
    assert (abilities.air_gapped, abilities.object_lock) == (True, False)
    (point,) = repository.points(EHR).points
    protection = repository.immutability(point)
    assert (protection.mode, protection.provenance) == ("offline", "declared")
    assert protection.holds_at(point.consistent_at)


def test_another_medium_is_named(repository: Repository, shelf: Path, drive: Path) -> None:
    (attach(shelf, drive) / ".drp-medium").write_text("weekly-4\n", encoding="utf-8")
    assert "'weekly-4' is attached" in assert_needed(repository)


@pytest.mark.parametrize("how", ["none", "link", "pipe", "huge", "folder"])
def test_what_is_no_label_file_labels_nothing(how: str, repository: Repository, shelf: Path, drive: Path) -> None:
    label = attach(shelf, drive) / ".drp-medium"
    label.unlink()
    if how == "link":
        label.symlink_to(shelf / "medium" / ".drp-medium")
    elif how == "pipe":
        os.mkfifo(label)
    elif how == "huge":
        label.write_text("weekly-3" * 100_000, encoding="utf-8")
    elif how == "folder":
        label.mkdir()
    assert_needed(repository)


def test_a_medium_that_is_pulled_out_is_needed_and_not_damaged(
    repository: Repository, shelf: Path, drive: Path, tmp_path: Path
) -> None:
    attach(shelf, drive)
    (point,) = repository.points(EHR).points
    order = repository.restore_order(point)
    drive.rename(tmp_path / "pulled")
    outcome = carry_out(order, repository.secrets(), tmp_path / "restored")
    assert outcome.exit_code != 0
    with pytest.raises(MediaNeeded):
        repository.receipt(point, outcome)
    with pytest.raises(MediaNeeded):
        repository.restore_order(point)
    with pytest.raises(MediaNeeded):
        repository.immutability(point)


def test_the_medium_is_not_written_to(repository: Repository, shelf: Path, drive: Path, tmp_path: Path) -> None:
    attach(shelf, drive)

    def state() -> list[tuple[str, int, int]]:
        return sorted((str(path), path.lstat().st_mtime_ns, path.lstat().st_size) for path in drive.rglob("*"))

    before = state()
    repository.preflight()
    (point,) = repository.points(EHR).points
    order = repository.restore_order(point)
    assert dict(order.read_only_binds) == {str(drive / "restic"): "/run/base/repository"}
    receipt = repository.receipt(point, carry_out(order, repository.secrets(), tmp_path / "restored"))
    assert receipt.unrestored == ()
    assert state() == before


def in_namespace(script: str, order_argv: tuple[str, ...], executable_path: str, cache: Path) -> RestoreOutcome:
    """Run a restore after ``script`` in a user and mount namespace of its own, with one user id."""
    done = subprocess.run(
        [
            "unshare",
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            f'{script}; exec "$0" "$@"',
            executable_path,
            *order_argv[1:],
        ],
        env={
            "PATH": os.defpath + ":/usr/sbin:/sbin",
            "HOME": "/nonexistent",
            "RESTIC_PASSWORD": PASSWORD,
            "RESTIC_CACHE_DIR": str(cache),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    lines = tuple((done.stderr + done.stdout).splitlines())
    errors = tuple(line for line in lines if line.startswith("ignoring error") or '"error"' in line)
    return RestoreOutcome(exit_code=done.returncode, errors=errors[:200], tail=lines[-40:])


def test_a_full_disk_is_no_damage(repository: Repository, shelf: Path, drive: Path, tmp_path: Path) -> None:
    attach(shelf, drive)
    (point,) = repository.points(EHR).points
    order = repository.restore_order(point)
    (tmp_path / "small").mkdir()
    paths = {"/run/base/repository": str(drive / "restic"), "/data/files": str(tmp_path / "small" / "restore")}
    argv = tuple(paths.get(word, word) for word in order.argv)
    script = f"mount -t tmpfs -o size=1m tmpfs {tmp_path / 'small'}"
    outcome = in_namespace(script, argv, order.executables[0], tmp_path / "cell")
    assert outcome.exit_code == 1
    with pytest.raises(StorageFull) as caught:
        repository.receipt(point, outcome)
    assert caught.value.exit_status == 15


def test_owners_that_a_sandbox_cannot_give_are_no_damage(
    repository: Repository, shelf: Path, drive: Path, tmp_path: Path
) -> None:
    attach(shelf, drive)
    program = (shelf / "restic").resolve()
    source = make_tree(tmp_path / "owned", files=4)
    root = os.geteuid() == 0
    for path in source.iterdir():
        os.chown(path, 33 if root else -1, 33 if root else -1)
    Restic(program, str(drive / "restic")).backup(source, tags=("ehr",))
    point = repository.points(EHR).points[0]
    order = repository.restore_order(point)
    paths = {"/run/base/repository": str(drive / "restic"), "/data/files": str(tmp_path / "restored")}
    argv = tuple(paths.get(word, word) for word in order.argv)
    outcome = in_namespace("true", argv, order.executables[0], tmp_path / "cell")
    assert repository.receipt(point, outcome).unrestored == ()
    if root:  # otherwise everything belongs to the one user that the sandbox maps
        assert outcome.exit_code == 1
        unseen = replace(
            outcome, errors=outcome.errors[:2], tail=tuple(line for line in outcome.tail if "There were" in line)
        )
        assert repository.receipt(point, unseen).unrestored == ("2 further errors that were not kept",)
        counted = replace(unseen, summary={"cannot_be_made": 2})
        assert repository.receipt(point, counted).unrestored == ()


def test_the_label_of_a_file_system_is_read(tmp_path: Path) -> None:
    image = tmp_path / "disk.img"
    image.touch()
    os.truncate(image, 8 << 20)
    subprocess.run(["/sbin/mkfs.ext4", "-q", "-L", "weekly-5", str(image)], check=True)
    assert file_system_label(image, tmp_path / "no-udev") == "weekly-5"
    links = tmp_path / "by-label"
    links.mkdir()
    (links / r"weekly\x206").symlink_to(image)
    assert file_system_label(image, links) == "weekly 6"
    mounts = tmp_path / "mountinfo"
    place = tmp_path / "my drive"
    place.mkdir()
    escaped = str(place).replace(" ", r"\040")
    mounts.write_text(
        f"30 1 254:1 / / rw - ext4 /dev/vda1 rw\n31 30 7:0 / {escaped} rw,nosuid shared:7 - ext4 /dev/loop0 rw\n",
        encoding="utf-8",
    )
    assert mounted_device(place, mounts) == Path("/dev/loop0")
    assert mounted_device(tmp_path, mounts) is None
    assert Medium(place, "weekly-5").found_label() is None
