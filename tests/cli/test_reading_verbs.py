"""Verbs that only look: for whom may read they change nothing; whom something is closed to is told what, and no more."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from drp.config.site import load_site
from drp.domain.events import DrillDeclared, EvidenceSealed
from drp.evidence.record import RECORD_NAME, make_record, record_bytes
from drp.service.wiring import Wiring
from tests.support import fixtures_records as sample
from tests.support.fixtures_anybody import Anybody
from tests.support.sites import write_site

READER = 64031


@pytest.fixture(scope="module")
def sealed(anybody: Anybody) -> Iterator[Path]:
    """Root's site with a sealed drill, closed to others as drp makes it."""
    site = write_site(anybody.folder / "reading")
    wiring = Wiring(load_site(site))
    for entry in sample.passed_journal():
        wiring.journal().append("ehr-1", entry.event)
    record = record_bytes(make_record(wiring.journal().entries("ehr-1"), sample.TOOLS))
    receipt = wiring.sink().put("ehr-1", RECORD_NAME, record)
    wiring.journal().append("ehr-1", EvidenceSealed(record_digest=receipt.digest, location=receipt.location))
    wiring.journal().close()  # type: ignore[attr-defined]
    (site / "state/lock").touch(0o640)
    yield site
    shutil.rmtree(site)


def everything(site: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(site)): (path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(site.rglob("*"))
    }


VERBS = (
    ("drill", "list"), ("drill", "show", "latest"), ("report", "latest"), ("evidence", "list"), ("evidence", "show", "latest"),
)  # fmt: skip


def test_whom_the_state_is_closed_to_is_told_so(sealed: Path, anybody: Anybody) -> None:
    before = everything(sealed)
    for verb in (("drill", "list"), ("report", "latest"), ("drill", "exec", "latest", "--", "id"), ("drill", "clean")):
        done = anybody.drp("--site", str(sealed), *verb, user=READER)
        assert done.returncode == 12, (verb, done.stderr)
        assert "Permission denied [DRP-E101]" in done.stderr
        assert "HINT: run " in done.stderr
        assert "space" not in done.stderr
    done = anybody.drp("--site", str(sealed), "status", user=READER)
    assert done.returncode == 3
    assert done.stdout.startswith("DRP UNKNOWN - ")
    assert "Permission denied" in done.stdout
    done = anybody.drp("--site", str(sealed), "drill", "run", "--app", "ehr", user=READER)
    assert done.returncode == 15
    assert "run drp as the user who may write there" in done.stderr
    assert everything(sealed) == before


def test_who_may_read_sees_everything_and_changes_nothing(sealed: Path, anybody: Anybody) -> None:
    """A monitoring user in the group that the state was given to."""
    for path in (
        *(sealed / "state").rglob("*"),
        sealed / "state",
        *(sealed / "evidence").rglob("*"),
        sealed / "evidence",
    ):
        os.chown(path, 0, READER)
    before = everything(sealed)
    for user, verbs in ((READER, VERBS), (0, VERBS[:1])):
        for verb in verbs:
            done = anybody.drp("--site", str(sealed), *verb, user=user)
            assert done.returncode == 0, (verb, done.stderr)
            assert "ehr-1" in done.stdout or "Electronic" in done.stdout
        done = anybody.drp("--site", str(sealed), "status", user=user)
        assert done.returncode in {0, 1, 2}, done.stdout
        assert "of 2 applications drilled" in done.stdout
        assert everything(sealed) == before


@pytest.mark.parametrize("part", ["state/journal.sqlite", "inventory/applications"])
def test_one_thing_that_cannot_be_read_makes_the_status_unknown(part: str, sealed: Path, anybody: Anybody) -> None:
    path = sealed / part
    mode = path.stat().st_mode & 0o777
    path.chmod(0o700)
    os.chown(path, 0, 0)
    try:
        done = anybody.drp("--site", str(sealed), "status", user=READER)
    finally:
        path.chmod(mode)
        os.chown(path, 0, READER)
    is_unknown(done)


def is_unknown(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 3, done.stdout + done.stderr
    assert done.stdout.startswith("DRP UNKNOWN - "), done.stdout
    assert "Permission denied" in done.stdout or "unable to open" in done.stdout


@pytest.mark.parametrize("closed", ["lock", "leases/ehr-1"])
def test_an_open_drill_of_which_nobody_can_tell_whether_it_runs_makes_the_status_unknown(
    closed: str, anybody: Anybody
) -> None:
    site = write_site(anybody.folder / f"open-{Path(closed).name}")
    wiring = Wiring(load_site(site))
    declared = sample.passed_journal()[0].event
    assert isinstance(declared, DrillDeclared)
    wiring.journal().append("ehr-1", replace(declared, host=socket.gethostname()))
    wiring.journal().close()  # type: ignore[attr-defined]
    shown = anybody.drp("--site", str(site), "status", user=0)
    assert shown.returncode == 1, shown.stdout
    path = site / "state" / closed
    path.parent.mkdir(exist_ok=True, mode=0o755)
    path.touch(0o600)
    for each in (site / "state").rglob("*"):
        if each != path:
            each.chmod(0o755)
    (site / "state").chmod(0o755)
    try:
        is_unknown(anybody.drp("--site", str(site), "status", user=READER))
    finally:
        shutil.rmtree(site)
