"""`drp status` as a monitoring system runs it: one line, performance data, and its own exit statuses."""

from __future__ import annotations

import fcntl
import json
import re
import sqlite3
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from drp.clock import SystemClock
from drp.domain.events import EvidenceSealed
from drp.journal import SqlJournal
from tests.simulators.world import Script, World
from tests.support import warm
from tests.support.sites import DOCUMENTS, EHR, write_site
from tests.unit.test_drill_control_flow import run

PERFORMANCE = re.compile(r"[a-z0-9_-]+=[0-9.]+(s|%)?(;[0-9.]*){0,4}")


def drp(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return warm.drp(*arguments, environment={**warm.ENVIRONMENT, "DRP_SITE": str(site)})


def hold(
    site: Path,
    script: Script | None = None,
    *,
    name: str = "ehr",
    sealed: bool = True,
    kept_for: timedelta | None = None,
) -> None:
    """Put a whole simulated drill into the site's journal."""
    world = World(script, names=(name,))
    if kept_for is not None:
        world.plan = replace(world.plan, keep_sandbox=True, keep_for=kept_for)
    run(world)
    (site / "state").mkdir(exist_ok=True)
    journal = SqlJournal(site / "state" / "journal.sqlite", SystemClock())
    drill = f"{name}-{len(journal.drills())}"
    for entry in world.journal.entries(world.journal.drills()[0]):
        if sealed or not isinstance(entry.event, EvidenceSealed):
            journal.append(drill, entry.event)
    journal.close()


def test_a_site_that_never_drilled_warns_and_gets_no_journal(tmp_path: Path) -> None:
    site = write_site(tmp_path)
    done = drp(site, "status")
    assert done.returncode == 1
    first = done.stdout.splitlines()[0]
    assert first.startswith("DRP WARNING - 0 of 2 applications drilled")
    assert not (site / "state").exists()


def test_passed_drills_are_ok_with_performance_data(tmp_path: Path) -> None:
    site = write_site(tmp_path, {"inventory/applications/ehr.yml": f"{EHR}drill_every: 30d\n"})
    hold(site)
    hold(site, name="documents")
    done = drp(site, "status")
    assert done.returncode == 0, done.stdout
    text, _, data = done.stdout.splitlines()[0].partition(" | ")
    assert text == "DRP OK - 2 of 2 applications drilled"
    assert all(PERFORMANCE.fullmatch(item) for item in data.split(" ")), data
    assert {item.partition("=")[0] for item in data.split(" ")} >= {"drilled", "ehr_rta", "ehr_rpa", "ehr_age"}
    assert ";2592000;" in data
    told = json.loads(drp(site, "status", "--json").stdout)
    assert (told["schema"], told["status"], told["exit"]) == ("drp/status/1", "ok", 0)
    assert told["applications"][0]["last"]["verdict"] == "passed"
    assert told["applications"][0]["last"]["measurement"]["rto_attainment"] == "met"


def test_a_failed_drill_is_critical_for_its_application_alone(tmp_path: Path) -> None:
    site = write_site(tmp_path)
    hold(site, name="documents")
    hold(site, Script(checks=("failed",)))
    done = drp(site, "status")
    assert done.returncode == 2
    assert "ehr: drill ehr-1 failed" in done.stdout.splitlines()[0]
    assert drp(site, "status", "--app", "documents").returncode == 0
    assert drp(site, "status", "--app", "ehr").returncode == 2


def test_single_points_cut_off_drills_and_kept_sandboxes_warn(tmp_path: Path) -> None:
    site = write_site(tmp_path)
    hold(site, name="documents")
    done = drp(site, "status")
    assert done.returncode == 1
    assert "single point of failure: ehr is not drilled, needed by documents" in done.stdout
    hold(site)
    assert drp(site, "status").returncode == 0

    hold(site, sealed=False)
    cut = drp(site, "status")
    assert cut.returncode == 1
    assert "unfinished: ehr-2" in cut.stdout
    with (site / "state" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        running = drp(site, "status")
    assert running.returncode == 0
    assert "running: ehr-2" in running.stdout

    journal = SqlJournal(site / "state" / "journal.sqlite", SystemClock())
    journal.append("ehr-2", EvidenceSealed(record_digest="d", location="/sealed"))
    journal.close()
    hold(site, kept_for=timedelta(days=36_500))
    kept = drp(site, "status")
    assert kept.returncode == 0
    assert "kept sandbox: ehr of ehr-3 until" in kept.stdout
    hold(site, kept_for=timedelta(minutes=-1))
    overdue = drp(site, "status")
    assert overdue.returncode == 1
    assert "OVERDUE" in overdue.stdout


def test_what_cannot_be_known_is_unknown(tmp_path: Path) -> None:
    assert drp(tmp_path, "status").returncode == 3
    site = write_site(tmp_path / "site")
    assert drp(site, "status", "--app", "nobody").returncode == 3
    assert json.loads(drp(site, "status", "--app", "nobody", "--json").stdout)["status"] == "unknown"
    (site / "inventory/applications/ehr.yml").write_text("name: ehr\n")
    done = drp(site, "status")
    assert done.returncode == 3
    assert done.stdout.startswith("DRP UNKNOWN - 0 of 2 applications drilled; ")
    assert "ehr cannot be drilled: see `drp config check`" in done.stdout.splitlines()[0]
    assert "cannot be drilled: ehr: inventory/applications/ehr.yml:1:1: objectives: is missing" in done.stdout
    labels = (
        DOCUMENTS.replace("tier: 1", "tier: 3")
        .replace("depends_on: [ehr]", "")
        .replace("backup: {repositories: [vault]}\n", "")
    )
    alone = write_site(tmp_path / "alone", {"inventory/applications/ehr.yml": None, "inventory/drills/hospital.yml": None, "inventory/applications/documents.yml": labels})  # fmt: skip
    assert drp(alone, "status").returncode == 3, "nothing was judged"


def test_a_journal_that_was_changed_is_critical(tmp_path: Path) -> None:
    site = write_site(tmp_path)
    hold(site, Script(checks=("failed",)))
    database = sqlite3.connect(site / "state" / "journal.sqlite")
    for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        database.execute(f"DROP TRIGGER {name}")
    database.execute("UPDATE drp_journal SET body = replace(body, 'failed', 'passed')")
    database.commit()
    database.close()
    done = drp(site, "status")
    assert (done.returncode, done.stdout[:12]) == (2, "DRP CRITICAL"), done.stdout


def test_the_list_of_applications_marks_what_is_not_drilled(tmp_path: Path) -> None:
    bare = EHR.partition("backup:")[0]
    site = write_site(tmp_path, {"inventory/applications/ehr.yml": bare, "inventory/drills/hospital.yml": None})
    done = drp(site, "app", "list")
    assert "not drilled, 1 need it" in done.stdout
    assert "single point of failure: nobody drills ehr, needed by documents" in done.stderr
    rows = json.loads(drp(site, "app", "list", "--json").stdout)["items"]
    assert {row["name"]: row["single_point_for"] for row in rows} == {"ehr": ["documents"], "documents": []}
