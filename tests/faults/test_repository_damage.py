"""Really damaged repositories, with both restic versions: damage is told and named, and never passes for whole."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from drp.domain.ports import Repository
from drp.domain.recovery_point import PointListing
from drp.domain.repository import DirectoryLocation, WaitLimits
from drp.domain.restore import RestoreReceipt
from drp.errors import AccessDenied, RepositoryError
from drp.repositories.kind import create
from drp.repositories.restic.settings import ResticSettings
from tests.support.fixtures_repositories import application, carry_out, keep_secret, resolve
from tests.support.restic_tools import KINDS, PASSWORD, Restic, executable, flip, make_tree, packs

pytestmark = pytest.mark.real
EHR = application(tags=("ehr",))


@dataclass(frozen=True)
class Healthy:
    """A repository of two points; the second has a data pack of its own."""

    program: Path
    folder: Path
    source: Path
    older: str
    newer: str


@pytest.fixture(scope="module", params=KINDS)
def healthy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Healthy:
    base = tmp_path_factory.mktemp(f"damage-{request.param}")
    writer = Restic(executable(request.param), str(base / "repository")).init()
    source = make_tree(base / "source", files=20)
    older = writer.backup(source, tags=("ehr",))
    make_tree(source / "more", files=10, size=60_000, seed=2)
    newer = writer.backup(source, tags=("ehr",))
    return Healthy(writer.program, base / "repository", source, older, newer)


@pytest.fixture
def repository_of(tmp_path: Path, healthy: Healthy) -> Callable[..., Repository]:
    def build(folder: Path, *, password: str = PASSWORD) -> Repository:
        return create(
            ResticSettings(
                name="main",
                location=DirectoryLocation(path=folder),
                password=keep_secret(tmp_path, "password", password),
                executable=str(healthy.program),
                limits=WaitLimits(command_seconds=90, idle_seconds=90),
            ),
            resolve=resolve,
            cache_directory=tmp_path / "cache",
        )

    return build


@pytest.fixture
def damaged(tmp_path: Path, healthy: Healthy) -> Path:
    """A copy that the test may damage."""
    return Path(shutil.copytree(healthy.folder, tmp_path / "damaged"))


def restore(repository: Repository, listing: PointListing, target: Path) -> RestoreReceipt:
    point = listing.points[0]
    order = repository.restore_order(point)
    return repository.receipt(point, carry_out(order, repository.secrets(), target))


def biggest_pack(folder: Path) -> Path:
    return packs(folder)[-1]


def tree_pack(folder: Path) -> Path:
    return packs(folder)[0]


def only(folder: Path, part: str) -> Path:
    return sorted((folder / part).iterdir())[0]


def truncate(path: Path) -> None:
    path.chmod(0o600)
    with path.open("r+b") as stream:
        stream.truncate(path.stat().st_size // 2)


def test_healthy_repository_comes_back_whole(
    healthy: Healthy, repository_of: Callable[..., Repository], tmp_path: Path
) -> None:
    repository = repository_of(healthy.folder)
    listing = repository.points(EHR)
    assert [point.id for point in listing.points] == [healthy.newer, healthy.older]
    order = repository.restore_order(listing.points[0])
    assert order.source_root == str(healthy.source)
    receipt = repository.receipt(listing.points[0], carry_out(order, repository.secrets(), tmp_path / "restored"))
    assert receipt.unrestored == ()
    assert receipt.bytes_restored == sum(path.stat().st_size for path in healthy.source.rglob("*") if path.is_file())
    assert receipt.files_restored >= 30
    restored = tmp_path / "restored" / order.source_root.lstrip("/")
    for original in healthy.source.rglob("*.bin"):
        assert (restored / original.relative_to(healthy.source)).read_bytes() == original.read_bytes()


def flip_blob(folder: Path) -> None:
    flip(biggest_pack(folder), 1000)


def flip_header(folder: Path) -> None:
    flip(biggest_pack(folder), -20)


def flip_tree(folder: Path) -> None:
    for path in packs(folder):
        if path.stat().st_size < 20_000:
            flip(path, 50)


def truncate_index(folder: Path) -> None:
    for path in (folder / "index").iterdir():
        truncate(path)


def remove_index(folder: Path) -> None:
    shutil.rmtree(folder / "index")
    (folder / "index").mkdir()


@pytest.mark.parametrize("damage", [flip_blob, flip_tree, truncate_index, remove_index])
def test_damage_that_the_restore_meets_is_named(
    damage: Callable[[Path], None], damaged: Path, repository_of: Callable[..., Repository], tmp_path: Path
) -> None:
    damage(damaged)
    repository = repository_of(damaged)
    receipt = restore(repository, repository.points(EHR), tmp_path / "restored")
    assert receipt.unrestored
    if damage is flip_blob:
        assert any(".bin" in name for name in receipt.unrestored), receipt


@pytest.mark.slow  # the reduced version tries for 43 seconds to read each pack that is broken off
@pytest.mark.parametrize(
    ("healthy", "how"),
    [("current", "missing"), ("current", "truncated"), ("reduced", "missing")],
    indirect=["healthy"],
)
def test_a_pack_that_is_not_there_or_not_whole_is_named(
    how: str, damaged: Path, repository_of: Callable[..., Repository], tmp_path: Path
) -> None:
    pack = biggest_pack(damaged)
    pack.unlink() if how == "missing" else truncate(pack)
    repository = repository_of(damaged)
    receipt = restore(repository, repository.points(EHR), tmp_path / "restored")
    assert len(receipt.unrestored) <= 10
    assert any(".bin" in name for name in receipt.unrestored), receipt


def test_a_flipped_pack_header_harms_no_file(
    damaged: Path, repository_of: Callable[..., Repository], tmp_path: Path
) -> None:
    flip_header(damaged)
    repository = repository_of(damaged)
    assert restore(repository, repository.points(EHR), tmp_path / "restored").unrestored == ()


def test_a_corrupt_snapshot_file_is_named_and_the_others_are_listed(
    healthy: Healthy, damaged: Path, repository_of: Callable[..., Repository]
) -> None:
    repository_of(damaged).points(EHR)  # a cache must not hide what comes now
    flip(damaged / "snapshots" / healthy.newer, 20)
    listing = repository_of(damaged).points(EHR)
    assert [point.id for point in listing.points] == [healthy.older]
    (name,) = listing.unreadable
    assert healthy.newer in name


def test_a_snapshot_file_that_is_gone_is_no_point(
    healthy: Healthy, damaged: Path, repository_of: Callable[..., Repository]
) -> None:
    (damaged / "snapshots" / healthy.newer).unlink()
    listing = repository_of(damaged).points(EHR)
    assert [point.id for point in listing.points] == [healthy.older]


def corrupt_key(folder: Path) -> None:
    key = only(folder, "keys")
    flip(key, key.read_bytes().index(b'"data"'))


def corrupt_parameters_of_the_key(folder: Path) -> None:
    key = only(folder, "keys")
    flip(key, key.read_bytes().index(b"scrypt"))


def corrupt_config(folder: Path) -> None:
    flip(folder / "config", 20)


def remove_config(folder: Path) -> None:
    (folder / "config").unlink()


def remove_keys(folder: Path) -> None:
    shutil.rmtree(folder / "keys")


@pytest.mark.parametrize(
    "damage", [corrupt_key, corrupt_parameters_of_the_key, corrupt_config, remove_config, remove_keys]
)
def test_damage_to_what_opens_the_repository_makes_its_points_unreadable(
    damage: Callable[[Path], None], damaged: Path, repository_of: Callable[..., Repository]
) -> None:
    damage(damaged)
    repository = repository_of(damaged)
    listing = repository.points(EHR)
    assert listing.points == ()
    assert listing.unreadable
    assert repository.preflight().remarks


def test_wrong_password_is_access_denied(healthy: Healthy, repository_of: Callable[..., Repository]) -> None:
    repository = repository_of(healthy.folder, password="not-the-password")
    for call in (repository.preflight, lambda: repository.points(EHR)):
        with pytest.raises(AccessDenied) as caught:
            call()
        assert caught.value.exit_status == 12
        assert "not-the-password" not in str(caught.value)


def test_a_folder_that_is_no_repository_is_an_error(tmp_path: Path, repository_of: Callable[..., Repository]) -> None:
    with pytest.raises(RepositoryError) as caught:
        repository_of(tmp_path / "nothing").points(EHR)
    assert caught.value.exit_status == 13
