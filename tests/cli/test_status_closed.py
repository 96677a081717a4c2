"""`drp status` says why no drill starts: a freeze, and calendars that nobody can rely on."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.cli.test_status import drp
from tests.support.sites import write_site

FREEZE = 'freezes: [{from: "2020-01-01T00:00:00Z", reason: influenza, by: crisis unit}]\n'
CALENDAR = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//y\nEND:VCALENDAR\n"


def test_a_freeze_is_said_as_long_as_it_lasts(tmp_path: Path) -> None:
    site = write_site(tmp_path, {"inventory/schedule.yml": FREEZE})
    assert "no drill starts until further notice: influenza (crisis unit)" in drp(site, "status").stdout
    (closed,) = json.loads(drp(site, "status", "--json").stdout)["closed"]
    assert (closed["ends"], closed["reason"]) == (None, "influenza (crisis unit)")
    (site / "inventory/schedule.yml").write_text(FREEZE.replace("reason", 'until: "2020-02-01T00:00:00Z", reason'))
    assert "influenza" not in drp(site, "status").stdout


def test_a_calendar_that_nobody_can_rely_on_is_said(tmp_path: Path) -> None:
    text = "preset: none\nblackouts: [{calendar: go-live.ics, max_age_of_file: 1d}]\n"
    site = write_site(tmp_path, {"inventory/schedule.yml": text, "go-live.ics": "<html>Sign in</html>"})
    told = drp(site, "status")
    assert "calendar go-live.ics cannot be read, so drills wait" in told.stdout.splitlines()[0]
    assert "calendar: go-live.ics cannot be read (is no calendar" in told.stdout
    assert told.returncode > 0
    (site / "go-live.ics").write_text(CALENDAR)
    assert "go-live.ics" not in drp(site, "status").stdout
    os.utime(site / "go-live.ics", (0, 0))
    assert "calendar: go-live.ics is stale" in drp(site, "status").stdout
    (calendar,) = json.loads(drp(site, "status", "--json").stdout)["calendars"]
    assert (calendar["stale"], calendar["problem"]) == (True, "")
