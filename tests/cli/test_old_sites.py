"""A site, journal and records of drp 0.1 live on: they open, are shown, resumed, verified and reported by today's drp."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from drp.clock import SystemClock
from drp.domain.fold import fold
from drp.evidence.record import read_record
from drp.journal import SqlJournal
from tests.support.fixtures_journal import PostgresServer
from tests.support.old_sites import OLD, VERDICTS, lay

NAMES = sorted(path.name for path in OLD.iterdir() if path.is_dir())


@pytest.fixture(params=NAMES)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return lay(request.param, tmp_path)


def drp(site: Path, *arguments: str, status: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "drp", "--site", str(site), *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=300, env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}, check=False,
    )  # fmt: skip
    assert done.returncode == status, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def records(site: Path) -> dict[str, bytes]:
    return {path.parent.name: path.read_bytes() for path in (site / "evidence").glob("*/record.json")}


def told_as_recorded(journal: SqlJournal, site: Path) -> None:
    """What an old journal folds to is what its records say."""
    sealed = records(site)
    states = {drill: fold(journal.entries(drill)) for drill in journal.drills()}
    assert [state.concluded.verdict for state in states.values() if state.concluded is not None] == VERDICTS
    assert [state.sealed is not None for state in states.values()] == [True] * 4 + [False]
    for drill, content in sealed.items():
        (recovery,) = read_record(content).recoveries
        progress = states[drill].recoveries[recovery.recovery]
        assert recovery.verify == progress.outputs.verify
        assert {finding.code for finding in recovery.findings} <= {finding.code for finding in progress.findings}
        assert len(set(progress.findings)) == len(progress.findings), "each once"


def test_it_opens_and_is_shown(site: Path) -> None:
    drp(site, "config", "check")
    drills = json.loads(drp(site, "drill", "list", "--json"))["items"]
    assert [drill["verdict"] for drill in drills] == [*VERDICTS, "unfinished"]
    assert "DRP-H002 letter-3.txt" in drp(site, "drill", "show", "latest")
    assert "drill resume" in drp(site, "status", status=2)
    listed: list[dict[str, Any]] = json.loads(drp(site, "evidence", "list", "--json"))["items"]
    assert [one["record"] for one in listed] == ["intact"] * 4
    page = drp(site, "report", listed[2]["drill"], "--format", "html", "--lang", "fr")
    assert "letter-3.txt" in page
    (manifest, *_) = (site / "manifests" / "documents").glob("*.drpm")
    assert "5 files" in drp(site, "manifest", "show", str(manifest))


def test_its_journal_folds_to_what_its_records_say(site: Path) -> None:
    journal = SqlJournal(site / "state" / "journal.sqlite", SystemClock(), reads_only=True)
    with closing(journal):
        assert journal.verify() > 100
        told_as_recorded(journal, site)


def test_its_twin_in_postgresql_opens_too(site: Path, postgres_server: PostgresServer) -> None:
    database = postgres_server.new_database()
    subprocess.run(
        ["psql", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(postgres_server.port), "-U", "drp", "-d", database, "-f", str(site / "state" / "journal.sql")],
        env={"PATH": os.environ["PATH"], "PGPASSWORD": postgres_server.password}, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    with closing(
        SqlJournal(postgres_server.url(database), SystemClock(), password=postgres_server.password)
    ) as journal:
        assert journal.verify() > 100
        told_as_recorded(journal, site)


def chain(site: Path) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """Return the journal's entries, and what the database says of their tables and guards."""
    with closing(sqlite3.connect(site / "state" / "journal.sqlite")) as connection:
        entries = connection.execute("SELECT * FROM drp_journal ORDER BY position").fetchall()
        named = "tbl_name IN ('drp_journal', 'drp_journal_head')"
        made = connection.execute(f"SELECT type, name, sql FROM sqlite_master WHERE {named} ORDER BY name")
        return entries, [*made.fetchall(), *connection.execute("SELECT schema_version FROM drp_journal_head")]


@pytest.mark.real
def test_a_drill_of_then_is_resumed_and_the_way_back_stays_open(site: Path) -> None:
    """Its plan declared another drp, so it is concluded; entries and tables stay as the drp of then needs them."""
    entries, made = chain(site)
    drp(site, "drill", "resume", "latest", status=1)
    after, made_after = chain(site)
    assert after[: len(entries)] == entries
    guard = [one for one in made_after if one not in made]
    assert [name for _, name, _ in guard] == ["drp_journal_after_seal"], guard
    assert [one for one in made_after if one not in guard] == made
    journal = SqlJournal(site / "state" / "journal.sqlite", SystemClock(), reads_only=True)
    with closing(journal):
        assert journal.verify() == len(after)
        state = fold(journal.entries(journal.drills()[-1]))
    assert state.sealed is not None
    found = [finding.code for finding in state.recoveries["documents"].findings]
    assert {"DRP-H001", "DRP-H002", "DRP-X001", "DRP-X005"} <= set(found)
    listed = json.loads(drp(site, "evidence", "list", "--json"))["items"]
    assert [one["record"] for one in listed] == ["intact"] * 5
