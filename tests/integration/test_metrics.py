"""Metrics are computed when they are asked for, tell no stale number, and are served to who may ask."""

from __future__ import annotations

import sqlite3
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drp.clock import SystemClock
from drp.domain.schedule.due import Due
from drp.domain.worm.facts import HorizonSeen, LocksProbed, PointsNoted, Scrubbed
from drp.domain.worm.points import LostPoint, NotedPoint
from drp.monitoring import metrics
from drp.monitoring.metrics import exposition
from drp.service.overview import Overview, overview
from drp.service.wiring import Wiring
from tests.simulators.world import Script
from tests.support import warm
from tests.support.monitored import MonitoredSite, monitored
from tests.support.prometheus import program
from tests.support.receivers import Samples, samples, value
from tests.support.sample_outputs import T0
from tests.support.sample_worm import UNTIL, horizon, probe, scrub


@pytest.fixture
def site(tmp_path: Path) -> MonitoredSite:
    made = monitored(tmp_path, {"oncall": "json://127.0.0.1:1/x"})
    made.hold()
    made.hold(Script(checks=("failed",)), name="documents")
    return made


def ask(site: MonitoredSite) -> Samples:
    return samples(exposition(site.wiring().site).decode())


def test_a_site_that_never_drilled_has_numbers_and_gets_no_journal(tmp_path: Path) -> None:
    made = monitored(tmp_path, {})
    found = ask(made)
    assert value(found, "drp_up") == value(found, "drp_evidence_ok") == 1
    assert value(found, "drp_drills") == 0
    assert value(found, "drp_applications") == 2
    assert not (tmp_path / "state").exists()


def test_verdicts_times_and_objectives_are_in_seconds(site: MonitoredSite) -> None:
    found = ask(site)
    assert value(found, "drp_last_drill_verdict", application="ehr", level="full", verdict="passed") == 1
    assert value(found, "drp_last_drill_verdict", application="documents", level="full", verdict="failed") == 1
    assert value(found, "drp_last_drill_verdict", application="documents", level="full", verdict="passed") == 0
    assert value(found, "drp_rto_seconds", application="ehr") == 3600
    assert value(found, "drp_rta_seconds", application="ehr") == 4.0
    assert value(found, "drp_rta_seconds", application="documents") is None, "it never came back"
    assert value(found, "drp_rpa_lower_seconds", application="ehr") == 600
    assert value(found, "drp_phase_seconds", application="ehr", phase="restore") == 0.5
    assert value(found, "drp_alerts", kind="failed", gravity="critical") == 1
    assert value(found, "drp_alerts", kind="overdue", gravity="critical") == 0
    assert value(found, "drp_alerts_undelivered", target="oncall") == 0


def test_ages_are_those_of_the_moment(site: MonitoredSite, monkeypatch: pytest.MonkeyPatch) -> None:
    proven = SystemClock().now().wall - timedelta(days=3)
    due = Due(
        application="ehr",
        level="full",
        state="due",
        proven_at=proven,
        max_age=timedelta(days=2),
        grace=timedelta(days=5),
    )

    def with_dues(wiring: Wiring) -> Overview:
        return replace(overview(wiring), dues=(due, Due(application="documents", level="", state="unscheduled")))

    monkeypatch.setattr(metrics, "overview", with_dues)
    first = ask(site)
    later = ask(site)
    age = value(first, "drp_proven_age_seconds", application="ehr", level="full")
    assert age is not None
    assert 3 * 86_400 <= age < (value(later, "drp_proven_age_seconds", application="ehr", level="full") or 0)
    assert value(first, "drp_proven_max_age_seconds", application="ehr", level="full") == 2 * 86_400
    assert value(first, "drp_proven_grace_seconds", application="ehr", level="full") == 5 * 86_400
    assert value(first, "drp_due_state", application="ehr", level="full", state="due") == 1
    assert value(first, "drp_due_state", application="ehr", level="full", state="proven") == 0
    assert value(first, "drp_due_state", application="documents", level="", state="unscheduled") == 1


@pytest.mark.parametrize("damage", ["bytes", "guards", "closed"])
def test_a_broken_journal_is_no_error_and_no_old_number(site: MonitoredSite, damage: str) -> None:
    database = site.directory / "state" / "journal.sqlite"
    if damage == "bytes":
        database.write_bytes(b"no database" * 1000)
    elif damage == "guards":
        with sqlite3.connect(database) as raw:
            for (name,) in raw.execute("select name from sqlite_master where type = 'trigger'").fetchall():
                raw.execute(f'drop trigger "{name}"')
        raw.close()
    else:
        database.unlink()
        database.mkdir()
    found = ask(site)
    assert value(found, "drp_up") == value(found, "drp_evidence_ok") == 0
    kept = {name for name, _ in found}
    assert kept == {
        "drp_up",
        "drp_evidence_ok",
        "drp_build_info",
        "drp_exposition_timestamp_seconds",
        "drp_alerts_undelivered",
        "drp_alert_tries",
    }


def test_no_label_grows_with_the_drills(site: MonitoredSite) -> None:
    before = set(ask(site))
    for _ in range(3):
        site.hold()
    assert set(ask(site)) == before
    assert not [labels for _, labels in before if {"drill", "slot", "point"} & {name for name, _ in labels}]


def test_promtool_finds_nothing_to_improve(site: MonitoredSite) -> None:
    done = subprocess.run(
        [program("promtool"), "check", "metrics"],
        input=exposition(site.wiring().site),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_the_verb_prints_and_writes_whole_files(site: MonitoredSite, tmp_path: Path) -> None:
    printed = warm.drp("--site", site.directory, "metrics")
    assert printed.returncode == 0, printed.stderr
    assert value(samples(printed.stdout), "drp_up") == 1
    target = tmp_path / "node" / "drp.prom"
    assert warm.drp("--site", site.directory, "metrics", "--textfile", target).returncode == 10
    target.parent.mkdir()
    assert warm.drp("--site", site.directory, "metrics", "--textfile", target).returncode == 0
    assert value(samples(target.read_text()), "drp_drills") == 2
    assert [path.name for path in target.parent.iterdir()] == ["drp.prom"]
    assert target.stat().st_mode & 0o777 == 0o644


def test_the_time_of_the_numbers_is_now(site: MonitoredSite) -> None:
    at = value(ask(site), "drp_exposition_timestamp_seconds")
    assert at is not None
    assert abs(datetime.fromtimestamp(at, UTC) - SystemClock().now().wall) < timedelta(minutes=10)


def test_what_is_known_of_repositories_has_numbers(site: MonitoredSite) -> None:
    noted = [
        NotedPoint(application="ehr", point=letter * 64, consistent_at=T0 - timedelta(days=number))
        for number, letter in enumerate("abc")
    ]
    lost = LostPoint(application="ehr", point="a" * 64)
    wiring = site.wiring()
    wiring.register().append(
        PointsNoted(repository="vault", host="one", new=tuple(noted)),
        PointsNoted(repository="vault", host="one", lost=(lost,)),
        Scrubbed(repository="vault", host="one", scrub=scrub(damaged_total=2)),
        LocksProbed(repository="vault", host="one", probe=probe()),
        HorizonSeen(repository="vault", host="one", horizons=(horizon(),)),
    )
    wiring.close()
    told = warm.drp("status", environment={**warm.ENVIRONMENT, "DRP_SITE": str(site.directory)})
    assert told.returncode == 2
    assert "1 recovery point lost or altered; 2 damaged objects in vault" in told.stdout.splitlines()[0]
    (line,) = [line for line in told.stdout.splitlines() if " repository vault  " in line]
    assert line.startswith("CRITICAL")
    for words in ("2 points expected", "1 point of ehr lost or altered", "95 % ever read", "2 DAMAGED", "probed"):
        assert words in line
    found = ask(site)
    assert value(found, "drp_points_expected", repository="vault") == 2
    assert value(found, "drp_points_lost", repository="vault", application="ehr") == 1
    assert value(found, "drp_scrub_damaged_objects", repository="vault") == 2
    assert value(found, "drp_horizon_timestamp_seconds", repository="vault") == UNTIL.timestamp()
    assert value(found, "drp_alerts", kind="points-lost", gravity="critical") == 1
    assert value(found, "drp_alerts", kind="scrub-damaged", gravity="critical") == 1
