"""How often restic is asked: one listing serves all applications as long as it is of the very same files."""

from __future__ import annotations

from pathlib import Path

import pytest

from drp.domain.ports import Repository
from drp.domain.repository import DirectoryLocation
from drp.repositories.kind import create
from drp.repositories.restic.settings import ResticSettings
from tests.support.fixtures_repositories import application, keep_secret, resolve
from tests.support.restic_tools import PASSWORD, Restic, executable, make_tree

pytestmark = pytest.mark.real
EHR, LAB = application(tags=("ehr",)), application(tags=("lab",))
COUNTING = '#!/bin/sh\necho "$*" >>"{calls}"\nexec "{restic}" "$@"\n'


class Asked:
    """A repository, and what restic was asked for since the last time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._calls, program = folder / "calls", folder / "restic"
        program.write_text(COUNTING.format(calls=self._calls, restic=executable("current")))
        program.chmod(0o755)
        self.writer = Restic(executable("current"), str(folder / "repository")).init()
        settings = ResticSettings(
            name="main",
            location=DirectoryLocation(path=folder / "repository"),
            password=keep_secret(folder, "password", PASSWORD),
            executable=str(program),
        )
        self.repository: Repository = create(settings, resolve=resolve, cache_directory=folder / "cache")

    def since(self) -> list[str]:
        words = self._calls.read_text().splitlines() if self._calls.exists() else []
        self._calls.write_text("")
        return [each for line in words for each in line.split() if each in {"snapshots", "cat", "ls"}]


def test_one_listing_serves_all_until_a_file_is_another_one(tmp_path: Path) -> None:
    asked = Asked(tmp_path)
    tree = make_tree(tmp_path / "srv", files=2)
    ids = [asked.writer.backup(tree, tags=(tag,)) for tag in ("ehr", "lab")]
    for one in (EHR, LAB):
        assert len(asked.repository.points(one).points) == 1
        asked.repository.preflight()
    assert asked.since() == ["snapshots"]
    ids.append(asked.writer.backup(tree, tags=("lab",)))
    assert len(asked.repository.points(LAB).points) == 2
    assert asked.since() == ["snapshots"]
    damaged = tmp_path / "repository" / "snapshots" / ids[0]
    damaged.chmod(0o600)
    damaged.write_bytes(bytes(damaged.stat().st_size))
    found = asked.repository.points(EHR)
    assert not found.points
    assert any(ids[0] in line for line in found.unreadable)
    assert asked.since() == ["snapshots"]


def test_without_a_listing_the_password_is_tried(tmp_path: Path) -> None:
    asked = Asked(tmp_path)
    asked.repository.preflight()
    assert asked.since() == ["cat"]
