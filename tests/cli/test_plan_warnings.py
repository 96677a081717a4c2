"""What makes a plan say less than it seems to is said before it is held: when it is shown, and when the site is checked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_status import drp
from tests.support.sites import DRILL, write_site


def planned(folder: Path, disaster_at: str) -> Path:
    scenario = f"scenario: {{title: Ransomware, disaster_at: {disaster_at}}}"
    return write_site(
        folder, {"inventory/drills/hospital.yml": DRILL.replace("scenario: {title: Ransomware}", scenario)}
    )


def test_a_fixed_day_is_a_warning_and_no_problem(tmp_path: Path) -> None:
    site = planned(tmp_path, "2026-01-05T02:00:00Z")
    checked = drp(site, "config", "check")
    assert checked.returncode == 0
    assert "hospital.yml: scenario.disaster_at: the disaster is a fixed day" in checked.stderr
    assert json.loads(drp(site, "config", "check", "--json").stdout)["advice"]
    shown = drp(site, "drill", "plan", "hospital")
    assert "WARNING: the disaster is fixed at 2026-01-05 02:00:00Z" in shown.stdout
    (warning,) = json.loads(drp(site, "drill", "plan", "hospital", "--json").stdout)["warnings"]
    assert "disaster_at: now" in warning


@pytest.mark.parametrize("disaster_at", ["now", "2999-01-05T02:00:00Z"])
def test_now_is_no_warning_and_the_future_is_one(tmp_path: Path, disaster_at: str) -> None:
    site = planned(tmp_path, disaster_at)
    shown = drp(site, "drill", "plan", "hospital")
    assert ("WARNING" in shown.stdout) == (disaster_at != "now")
    assert ("such a drill is not held" in shown.stdout) == (disaster_at != "now")


def test_a_plan_that_starts_nothing_says_so_first(tmp_path: Path) -> None:
    site = planned(tmp_path, "now")
    shown = drp(site, "drill", "plan", "hospital", "--level", "hash")
    assert "level hash: restored whole and compared; nothing is started" in shown.stdout
    assert "checks: database" not in shown.stdout
    assert "wave 2" not in shown.stdout
    shown = drp(site, "drill", "plan", "hospital", "--level", "sample", "--sample", "300")
    assert "level sample: at most 300 files each" in shown.stdout
    body = json.loads(drp(site, "drill", "plan", "hospital", "--level", "hash", "--json").stdout)
    assert body["plan"]["level"] == "hash"
    assert drp(site, "drill", "plan", "hospital", "--level", "deep").returncode == 2
    assert drp(site, "drill", "plan", "hospital", "--sample", "3").returncode == 2
