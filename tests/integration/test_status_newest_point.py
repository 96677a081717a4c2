"""`drp status` looks at the repositories: a backup job that died is critical, whatever the last drill said."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.test_status import drp, hold
from tests.support.restic_tools import PASSWORD, Restic, executable, make_tree
from tests.support.sites import write_site

pytestmark = pytest.mark.real

EHR = """\
name: ehr
title: Electronic health record
tier: 0
objectives: {rto: 4h, rpo: 1h}
backup: {repositories: [vault, shelf], points: {tags: [app=ehr]}}
runbook: {kind: postgres}
checks:
  - {name: database, verifier: postgres}
"""


@pytest.fixture
def vault(tmp_path: Path) -> tuple[Path, Restic]:
    """A site with a repository in a directory, one on a medium that is not attached, and a drill that passed."""
    repositories = f"""\
repositories:
  vault:
    executable: {executable("current")}
    location: {{directory: {tmp_path / "vault"}}}
    password: {{file: secrets/vault}}
  shelf:
    location: {{medium: {{mount: {tmp_path / "shelf"}, label: SHELF-A}}}}
    password: {{file: secrets/vault}}
"""
    files = {"inventory/repositories.yml": repositories, "inventory/applications/ehr.yml": EHR}
    others = {"inventory/applications/documents.yml": None, "inventory/drills/hospital.yml": None}
    site = write_site(tmp_path / "site", {**files, **others})
    (site / "secrets").mkdir()
    (site / "secrets" / "vault").write_text(PASSWORD + "\n")
    (site / "secrets" / "vault").chmod(0o600)
    make_tree(tmp_path / "tree", files=2)
    hold(site)
    return site, Restic(executable("current"), str(tmp_path / "vault")).init()


def backup(restic: Restic, tree: Path, age: timedelta) -> None:
    at = (datetime.now(UTC) - age).strftime("%Y-%m-%d %H:%M:%S")
    restic.run("backup", str(tree), "--tag", "app=ehr", "--time", at)


def test_the_newest_point_of_any_repository_is_judged_now(vault: tuple[Path, Restic], tmp_path: Path) -> None:
    site, restic = vault
    before = sorted((site / "state").rglob("*"))
    empty = drp(site, "status")
    assert (empty.returncode, "its repositories list no recovery point" in empty.stdout) == (1, False), (
        "one was not asked"
    )
    assert "the repositories that could be looked at list no recovery point" in empty.stdout
    assert "newest recovery point of ehr not looked at: shelf" in empty.stdout

    backup(restic, tmp_path / "tree", timedelta(days=100))
    dead = drp(site, "status")
    assert dead.returncode == 2
    assert "ehr: newest recovery point is 100 d" in dead.stdout.splitlines()[0]

    backup(restic, tmp_path / "tree", timedelta(minutes=5))
    alive = drp(site, "status")
    assert alive.returncode == 0, alive.stdout
    (told,) = json.loads(drp(site, "status", "--json").stdout)["applications"]
    assert told["newest"]["repository"] == "vault"

    backup(restic, tmp_path / "tree", timedelta(days=-3))
    ahead = drp(site, "status")
    assert ahead.returncode == 2
    assert "1 of its recovery points cannot be read" in ahead.stdout, "it is dated after it was read"
    assert sorted((site / "state").rglob("*")) == before, "looking leaves nothing"


def test_a_repository_that_cannot_be_asked_is_named_and_no_verdict(vault: tuple[Path, Restic]) -> None:
    site, _ = vault
    (site / "secrets" / "vault").write_text("not the password\n")
    done = drp(site, "status")
    assert done.returncode == 0
    assert "newest recovery point of ehr not looked at: vault: " in done.stdout
