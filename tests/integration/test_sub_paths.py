"""One snapshot of several applications: of each, only its own folder comes back, by every kind and version."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from drp.domain.application import Application, BackupJob
from drp.domain.repository import DirectoryLocation
from drp.domain.repository_port import Repository
from drp.domain.restore import RestoreReceipt
from drp.errors import RepositoryError
from drp.repositories.kind import create
from drp.repositories.restic.settings import ResticSettings
from tests.support.copies import copies, state_of
from tests.support.fixtures_repositories import application, carry_out, keep_secret, resolve
from tests.support.restic_tools import KINDS, PASSWORD, Restic, VersionKind, executable, make_tree
from tests.support.trees import write

pytestmark = pytest.mark.real
HOSTILE = "e*r [x]? -rf"
APPLICATIONS = ("ehr", "ehr-x", "lis", HOSTILE)


def source_of(folder: Path) -> Path:
    """Make what a server backs up: several applications, and what is none."""
    source = folder / "srv"
    for number, name in enumerate(APPLICATIONS):
        make_tree(source / name, files=3, seed=number)
        make_tree(source / name / "inner", files=2, seed=100 + number)
    os.link(source / "ehr" / "file-0000.bin", source / "lis" / "linked")
    (source / "ehr" / "link").symlink_to("inner")
    (source / "current").symlink_to("ehr")
    (source / "void").mkdir()
    write(source / "a file", b"x")
    return source


@dataclass
class Kept:
    """A repository with one point of a whole source."""

    repository: Repository
    source: Path

    def application(self, sub_path: str) -> Application:
        return replace(application(), backup_job=BackupJob(sub_path=sub_path))

    def at(self, name: str) -> str:
        return f"{self.source}/{name}"

    def restored(self, name: str, target: Path) -> tuple[Path, RestoreReceipt]:
        """Restore an application's newest point, and return where its tree begins, and the receipt."""
        point = self.repository.points(self.application(self.at(name))).points[0]
        order = self.repository.restore_order(point)
        outcome = carry_out(order, self.repository.secrets(), target)
        return target / order.source_root.lstrip("/"), self.repository.receipt(point, outcome)


def writer_of(folder: Path, kind: VersionKind) -> Restic:
    return Restic(executable(kind), str(folder / "repository")).init()


def reader_of(folder: Path, kind: VersionKind) -> Repository:
    settings = ResticSettings(
        name="main",
        location=DirectoryLocation(path=folder / "repository"),
        password=keep_secret(folder, "password", PASSWORD),
        executable=str(executable(kind)),
    )
    return create(settings, resolve=resolve, cache_directory=folder / "cache")


def restic(folder: Path, kind: VersionKind) -> Kept:
    source = source_of(folder)
    writer_of(folder, kind).backup(source)
    return Kept(reader_of(folder, kind), source)


def dated(folder: Path) -> Kept:
    source = source_of(folder)
    kept = folder / "kept" / "2026-11-28"
    kept.parent.mkdir()
    shutil.copytree(source, kept, symlinks=True)
    return Kept(copies(folder / "kept", "%Y-%m-%d", root=str(source)), source)


MAKERS: dict[str, Callable[[Path], Kept]] = {
    "restic-reduced": lambda folder: restic(folder, "reduced"),
    "restic-current": lambda folder: restic(folder, "current"),
    "copies": dated,
}


@pytest.fixture(scope="module", params=MAKERS)
def kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return MAKERS[request.param](tmp_path_factory.mktemp(request.param))


@pytest.mark.parametrize("name", ["ehr", "lis", HOSTILE, "ehr/inner"])
def test_only_the_folder_comes_back_with_all_that_is_in_it(kept: Kept, tmp_path: Path, name: str) -> None:
    root, receipt = kept.restored(name, tmp_path / "files")
    assert receipt.unrestored == ()
    restored, wanted = state_of(root), state_of(kept.source / name)
    assert restored == wanted
    above = [path for path in (tmp_path / "files").rglob("*") if not path.is_relative_to(root)]
    assert all(root.is_relative_to(path) for path in above)
    files = [path for path in (kept.source / name).rglob("*") if path.is_file() and not path.is_symlink()]
    assert receipt.counted
    assert receipt.bytes_restored == sum(path.stat().st_size for path in files)
    assert receipt.files_restored >= len(files)


def test_the_point_says_what_of_it_is_restored_and_how_much_that_is(kept: Kept) -> None:
    (point,) = kept.repository.points(kept.application(kept.at("ehr"))).points
    assert (point.sub_path, point.size_bytes) == (kept.at("ehr"), None)
    held = kept.repository.at_sub_path(point, counted=True)  # type: ignore[attr-defined]
    files = [path for path in (kept.source / "ehr").rglob("*") if path.is_file() and not path.is_symlink()]
    assert held.lacking == ""
    assert held.size_bytes == sum(path.stat().st_size for path in files)
    (whole,) = kept.repository.points(application()).points
    assert (whole.id, whole.sub_path) == (point.id, "")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nope", "there is no {source}/nope in it"),
        ("nope/deeper", "there is no {source}/nope in it"),
        ("ehr/inne", "there is no {source}/ehr/inne in it"),
        ("void", "{source}/void in it is an empty folder"),
        ("a file", "{source}/a file in it is no folder: file"),
        ("a file/below", "{source}/a file in it is no folder: file"),
        ("current", "{source}/current in it is no folder: symlink"),
        ("current/inner", "{source}/current in it is no folder: symlink"),
        ("ehr/link", "{source}/ehr/link in it is no folder: symlink"),
        ("e*", "there is no {source}/e* in it"),
        ("ehr?", "there is no {source}/ehr? in it"),
    ],
)
def test_what_is_not_there_is_said_and_never_restored_as_nothing(kept: Kept, name: str, why: str) -> None:
    (point,) = kept.repository.points(kept.application(kept.at(name))).points
    expected = why.format(source=kept.source)
    assert kept.repository.at_sub_path(point).lacking == expected  # type: ignore[attr-defined]
    assert kept.repository.look_into(point) == (expected,)  # type: ignore[attr-defined]
    with pytest.raises(RepositoryError, match="has nothing at"):
        kept.repository.restore_order(point)


def test_a_sample_is_restored_of_the_folder_alone(kept: Kept, tmp_path: Path) -> None:
    (point,) = kept.repository.points(kept.application(kept.at("ehr"))).points
    order = kept.repository.restore_order(point, only=[b"inner/file-0001.bin"])
    carry_out(order, kept.repository.secrets(), tmp_path / "files")
    files = [path for path in (tmp_path / "files").rglob("*") if path.is_file()]
    assert files == [tmp_path / "files" / order.source_root.lstrip("/") / "inner" / "file-0001.bin"]


@pytest.mark.parametrize("kind", KINDS)
def test_damage_outside_of_the_folder_is_another_applications(tmp_path: Path, kind: VersionKind) -> None:
    source = source_of(tmp_path)
    writer = writer_of(tmp_path, kind)
    packs = set[Path]()
    own: dict[str, set[Path]] = {}
    for name in ("ehr", "lis"):  # each alone before, so that their content lies in packs of its own
        writer.backup(source / name, tags=("first",))
        there = {path for path in (tmp_path / "repository" / "data").rglob("*") if path.is_file()}
        own[name], packs = there - packs, packs | there
    writer.backup(source, tags=("whole",))
    for path in own["lis"]:
        content = bytearray(path.read_bytes())
        content[len(content) // 4] ^= 0xFF
        path.chmod(0o600)
        path.write_bytes(content)
    repository = reader_of(tmp_path, kind)
    found = {}
    for name in ("ehr", "lis"):
        wanted = replace(application(tags=("whole",)), backup_job=BackupJob(sub_path=f"{source}/{name}"))
        (point,) = repository.points(wanted).points
        outcome = carry_out(repository.restore_order(point), repository.secrets(), tmp_path / f"restored-{name}")
        found[name] = repository.receipt(point, outcome).unrestored
    assert found["ehr"] == ()
    assert found["lis"] != ()


def test_a_tree_that_was_backed_up_from_where_it_lies_is_found_by_its_place_in_production(tmp_path: Path) -> None:
    """``cd /srv; restic backup ehr lis``: paths are absolute, the tree begins at the names."""
    source = source_of(tmp_path)
    writer = writer_of(tmp_path, "current")
    writer.run("backup", "ehr", "lis", "--host", "server", cwd=source)
    kept = Kept(reader_of(tmp_path, "current"), source)
    root, receipt = kept.restored("ehr/inner", tmp_path / "files")
    assert (root, receipt.unrestored) == (tmp_path / "files" / "ehr" / "inner", ())
    assert state_of(root) == state_of(source / "ehr" / "inner")
    kept.restored("lis", tmp_path / "lis")
    assert sorted(os.listdir(tmp_path / "lis")) == ["lis"]
    assert kept.repository.points(kept.application(kept.at("void"))).points == ()


def test_snapshots_of_other_folders_are_no_points_of_the_application(tmp_path: Path) -> None:
    source = source_of(tmp_path)
    writer = writer_of(tmp_path, "current")
    held = writer.backup(source)
    writer.backup(make_tree(tmp_path / "etc", files=1))
    repository = reader_of(tmp_path, "current")
    wanted = replace(application(), backup_job=BackupJob(sub_path=f"{source}/ehr"))
    assert [point.id for point in repository.points(wanted).points] == [held]


def test_a_folder_beside_what_copies_hold_is_refused(tmp_path: Path) -> None:
    kept = dated(tmp_path)
    with pytest.raises(RepositoryError, match="has the sub-path /etc"):
        kept.repository.points(kept.application("/etc"))
