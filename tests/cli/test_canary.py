"""`drp canary write` as cron runs it: files and programs, what it prints, and how it ends."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support import warm
from tests.support.sites import DOCUMENTS, EHR, write_site


def drp(site: Path, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    done = warm.drp(*arguments, environment={**warm.ENVIRONMENT, "DRP_SITE": str(site)})
    assert done.returncode == status, done.stdout + done.stderr
    return done


def site_with(tmp_path: Path, canary: str) -> Path:
    return write_site(tmp_path / "site", {"inventory/applications/documents.yml": f"{DOCUMENTS}canary: {canary}\n"})


def test_a_file_canary_says_one_line_and_nothing_when_quiet(tmp_path: Path) -> None:
    path = tmp_path / "tree" / "drp-canary"
    path.parent.mkdir()
    site = site_with(tmp_path, f"{{kind: file, path: {path}}}")
    done = drp(site, "canary", "write", "documents")
    assert done.stdout.startswith("documents: heartbeat 20")
    assert len(done.stdout.splitlines()) == 1
    told = json.loads(drp(site, "canary", "write", "documents", "--json").stdout)
    assert told["schema"] == "drp/canary/1"
    assert path.read_text() == f"{told['at']}\n"
    assert abs(datetime.now(UTC) - datetime.fromisoformat(told["at"])) < timedelta(minutes=1)
    assert path.stat().st_mode & 0o777 == 0o644
    quiet = drp(site, "--quiet", "canary", "write", "documents")
    assert quiet.stdout == quiet.stderr == ""
    assert not (site / "state").exists(), "production needs no journal"


def test_the_line_for_cron_names_site_and_application_and_writes_nothing(tmp_path: Path) -> None:
    site = site_with(tmp_path, f"{{kind: file, path: {tmp_path}/drp-canary}}")
    line = drp(site, "canary", "write", "documents", "--print-cron").stdout
    assert line.startswith("*/5 * * * * ")
    assert f"--site {site} --quiet canary write documents" in line
    assert not (tmp_path / "drp-canary").exists()


def test_a_program_gets_the_instant_and_its_exit_status_is_told(tmp_path: Path) -> None:
    script = tmp_path / "beat"
    script.write_text(f"#!/bin/sh\ncat > {tmp_path}/got\nexit $(cat {tmp_path}/status)\n")
    script.chmod(0o755)
    site = site_with(tmp_path, f"{{kind: command, argv: [{script}]}}")
    for said, status in (("0", 0), ("12", 12), ("13", 13), ("1", 13)):
        (tmp_path / "status").write_text(said)
        drp(site, "canary", "write", "documents", status=status)
    assert datetime.fromisoformat((tmp_path / "got").read_text().strip()).tzinfo is not None
    script.unlink()
    drp(site, "canary", "write", "documents", status=10)


@pytest.mark.parametrize(
    ("canary", "status"),
    [
        ("{kind: file, path: /nonexistent/tree/drp-canary}", 10),
        ("{kind: postgres, host: 127.0.0.1, port: 9, database: ehr, user: drp}", 13),
        ("{kind: mariadb, host: 127.0.0.1, port: 9, database: ehr, user: drp}", 13),
        ("{kind: orthanc, url: 'http://127.0.0.1:9', user: drp, study: 2.25.1, password: {file: secret}}", 13),
        ("{kind: orthanc, user: drp, study: 2.25.1, password: {file: absent}}", 10),
    ],
)
def test_what_is_not_there_has_its_exit_status(tmp_path: Path, canary: str, status: int) -> None:
    site = site_with(tmp_path, canary)
    (site / "secret").write_text("word\n")
    (site / "secret").chmod(0o600)
    drp(site, "canary", "write", "documents", status=status)


def test_an_application_without_a_canary_says_how_to_get_one(tmp_path: Path) -> None:
    done = drp(write_site(tmp_path), "canary", "write", "ehr", status=10)
    assert "has no canary" in done.stderr
    assert "HINT:" in done.stderr
    drp(tmp_path, "canary", "write", "eht", status=10)


@pytest.mark.parametrize(
    ("canary", "problem"),
    [
        ("{kind: postgress, database: a, user: b}", "postgres"),
        ("{kind: postgres, database: a, user: b, password: geheim}", "a secret never stands in a file"),
        ("{kind: file, path: relative/canary}", "must be absolute"),
        ("{kind: orthanc, url: 'http://pacs:8042', user: a, study: 2.25.1, password: {file: a}}", "in the clear"),
        ("{kind: command, argv: [beat]}", "whole path"),
        ("{kind: postgres, database: a, user: b, pasword: {file: a}}", "did you mean `password`"),
    ],
)
def test_mistakes_are_told_with_their_place(tmp_path: Path, canary: str, problem: str) -> None:
    site = write_site(tmp_path, {"inventory/applications/ehr.yml": f"{EHR}canary: {canary}\n"})
    done = drp(site, "config", "check", status=10)
    assert problem in done.stdout, done.stdout
    assert "inventory/applications/ehr.yml:" in done.stdout
