"""Recovery points that vanish from a real repository, which restic itself never misses, and what people say of it."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from drp.config.site import load_site
from drp.monitoring.situation import look
from drp.service.overview import overview
from drp.service.wiring import Wiring
from tests.cli.test_check import RESTIC, application, back_up, check, problems, run, write
from tests.cli.test_check import site as site  # noqa: PLC0414 - a fixture
from tests.support.restic_tools import Restic, flip


@pytest.fixture
def kept(site: Path) -> Path:
    """The site with four points, each a day older, and a journal as a drill leaves one."""
    for days in range(1, 4):
        back_up(site, "ehr", manifest=False, at=datetime.now(UTC) - timedelta(days=days))
    wiring = Wiring(load_site(site))
    wiring.journal()
    wiring.close()
    return site


def points(site: Path) -> tuple[int, list[tuple[str, str]], dict[str, Any]]:
    """List the points; return the exit status, the findings by code and beginning of a point, and the document."""
    done = run(site, "repo", "points", "vault", "--json")
    document = json.loads(done.stdout)
    return done.returncode, [(each["code"], each["subject"]) for each in document["findings"]], document


def ids(site: Path) -> list[str]:
    """Return the snapshots, newest first."""
    listed = Restic(RESTIC, str(site / "vault")).snapshots()
    return [str(each["id"]) for each in sorted(listed, key=lambda each: str(each["time"]), reverse=True)]


def snapshot(site: Path, identity: str) -> Path:
    return site / "vault" / "snapshots" / identity


def test_nothing_is_compared_or_made_before_there_is_a_journal(site: Path) -> None:
    before = {path for path in site.rglob("*") if path.is_file() and "cache" not in path.parts}
    status, found, document = points(site)
    assert (status, found) == (0, [])
    assert "no journal yet" in document["not_compared"]
    assert {path for path in site.rglob("*") if path.is_file() and "cache" not in path.parts} == before
    done = run(site, "repo", "accept", "vault", "--all", "--reason", "moved")
    assert done.returncode == 10


def test_a_point_that_was_forgotten_is_told_until_somebody_accepts_it(kept: Path) -> None:
    assert points(kept)[:2] == (0, [("DRP-L064", "ehr")])
    assert points(kept)[:2] == (0, [])
    gone = ids(kept)[1]
    Restic(RESTIC, str(kept / "vault")).run("forget", gone, "--prune")
    for _ in range(2):
        assert points(kept)[:2] == (1, [("DRP-L060", gone[:8])])
    status, found = check(kept)
    assert status == 1
    assert ("vault", "there", "wrong") in problems(found["ehr"])
    assert gone[:8] in json.dumps(found)
    plain = run(kept, "repo", "points", "vault")
    assert f"DRP-L060 {gone[:8]}: not listed, missed since" in plain.stdout
    assert run(kept, "repo", "accept", "vault", "--point", "0000", "--reason", "moved").returncode == 10
    assert run(kept, "repo", "accept", "vault", "--reason", "moved").returncode == 2
    said = run(kept, "repo", "accept", "vault", "--point", gone[:12], "--by", "Ada", "--reason", "moved to tape")
    assert said.returncode == 0, said.stderr
    assert "1 point accepted by Ada" in said.stdout
    assert points(kept)[:2] == (0, [])
    assert check(kept)[0] == 0


def test_a_snapshot_file_that_is_removed_spoilt_or_put_back_is_told(kept: Path, tmp_path: Path) -> None:
    copies = tmp_path / "copies"
    shutil.copytree(kept / "vault" / "snapshots", copies)
    points(kept)
    newest, second, third, _ = ids(kept)
    snapshot(kept, newest).unlink()
    flip(snapshot(kept, third), 40)
    status, found, _ = points(kept)
    assert status == 1
    assert sorted(found) == sorted([("DRP-L060", newest[:8]), ("DRP-L061", third[:8])])
    shutil.copy(copies / newest, snapshot(kept, newest))
    snapshot(kept, third).chmod(0o600)
    shutil.copy(copies / third, snapshot(kept, third))
    status, found, _ = points(kept)
    assert status == 1, "what could not be read, and now can, was another one meanwhile"
    assert sorted(found) == sorted([("DRP-L066", newest[:8]), ("DRP-L061", third[:8])])
    assert run(kept, "repo", "accept", "vault", "--all", "--reason", "restored from the copy", "--json").returncode == 0
    assert points(kept)[0] == 0
    assert points(kept)[:2] == (0, [])
    assert second in ids(kept)


def test_a_point_that_is_dated_back_is_told_once_and_a_new_one_is_not(kept: Path) -> None:
    points(kept)
    back_up(kept, "ehr", manifest=False)
    assert points(kept)[:2] == (0, [])
    back_up(kept, "ehr", manifest=False, at=datetime.now(UTC) - timedelta(days=40))
    status, found, _ = points(kept)
    assert (status, [code for code, _ in found]) == (0, ["DRP-L063"])
    assert points(kept)[:2] == (0, [])


def test_what_the_application_declares_accounts_for_what_retention_removed(kept: Path) -> None:
    declared = application("ehr").replace("backup: {", "backup: {kept_for: 30h, ")
    write(kept, {"inventory/applications/ehr.yml": declared})
    points(kept)
    _, _, third, oldest = ids(kept)
    Restic(RESTIC, str(kept / "vault")).run("forget", third, oldest)
    assert points(kept)[:2] == (0, [])


def test_a_worker_notes_what_it_lists_at_a_tick_and_a_status_only_looks(kept: Path) -> None:
    def known(*, notes: bool) -> tuple[int, str]:
        with closing(Wiring(load_site(kept))) as wiring:
            found = overview(wiring, notes=notes)
            (standing,) = found.standings
            state = wiring.register_to_read().state()
            told = " ".join(map(str, standing.reasons))
            return len(state.repositories["vault"].expected) if "vault" in state.repositories else 0, told

    assert known(notes=False)[0] == 0
    assert known(notes=True)[0] == 4
    gone = ids(kept)[0]
    snapshot(kept, gone).unlink()
    for notes in (False, True, True):
        assert f"gone or altered: {gone[:8]}" in known(notes=notes)[1]
    with closing(Wiring(load_site(kept))) as wiring:
        (standing,) = overview(wiring).repositories
        assert [each.point for each in standing.missing] == [gone]
        assert [each.kind for each in look(wiring, overview(wiring)).causes if each.repository] == ["points-lost"]
