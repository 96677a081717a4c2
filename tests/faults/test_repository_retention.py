"""A recovery point that retention removes while it is used is gone, which is no damage; what is damaged stays damage."""

from __future__ import annotations

from pathlib import Path

import pytest

from drp.domain.recovery_point import RecoveryPoint
from drp.domain.repository import DirectoryLocation
from drp.errors import PointGone
from drp.repositories.kind import create
from drp.repositories.restic.repository import ResticRepository
from drp.repositories.restic.settings import ResticSettings
from tests.support.fixtures_repositories import application, carry_out, keep_secret, resolve
from tests.support.restic_tools import PASSWORD, Restic, make_tree, packs

pytestmark = pytest.mark.real


@pytest.fixture
def writer(restic_program: Path, tmp_path: Path) -> Restic:
    return Restic(restic_program, str(tmp_path / "repository")).init()


@pytest.fixture
def repository(restic_program: Path, tmp_path: Path) -> ResticRepository:
    settings = ResticSettings(
        name="main",
        location=DirectoryLocation(path=tmp_path / "repository"),
        password=keep_secret(tmp_path, "password", PASSWORD),
        executable=str(restic_program),
    )
    made = create(settings, resolve=resolve, cache_directory=tmp_path / "cache")
    assert isinstance(made, ResticRepository)
    return made


def newest(writer: Restic, repository: ResticRepository, tmp_path: Path) -> RecoveryPoint:
    for number in range(2):
        writer.backup(make_tree(tmp_path / f"tree-{number}", files=2, seed=number), tags=("ehr",))
    return repository.points(application(tags=("ehr",))).points[0]


@pytest.mark.parametrize("prune", [(), ("--prune",)])
def test_a_point_that_retention_removed_is_gone(
    writer: Restic, repository: ResticRepository, tmp_path: Path, prune: tuple[str, ...]
) -> None:
    point = newest(writer, repository, tmp_path)
    order = repository.restore_order(point)
    writer.run("forget", point.id, *prune)
    outcome = carry_out(order, repository.secrets(), tmp_path / "restored")
    assert outcome.exit_code != 0
    with pytest.raises(PointGone, match="since it was selected"):
        repository.receipt(point, outcome)
    with pytest.raises(PointGone):
        repository.restore_order(point)


def test_lost_packs_of_a_point_that_is_there_are_damage(
    writer: Restic, repository: ResticRepository, tmp_path: Path
) -> None:
    point = newest(writer, repository, tmp_path)
    order = repository.restore_order(point)
    for pack in packs(tmp_path / "repository")[-2:]:
        pack.unlink()
    writer.run(
        "repair" if "0.18" in str(writer.program) else "rebuild-index",
        *(["index"] if "0.18" in str(writer.program) else []),
    )
    receipt = repository.receipt(point, carry_out(order, repository.secrets(), tmp_path / "restored"))
    assert receipt.unrestored
    assert [line for line in receipt.unrestored if "github.com" in line or "\n" in line] == []
