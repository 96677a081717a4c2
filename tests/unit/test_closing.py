"""What closes a site to drills reaches the planner: spans of its file, events of its calendars, and what is unreadable."""

from __future__ import annotations

from pathlib import Path

from drp.config.site import load_site
from drp.schedule.site_desk import desk_of
from drp.service.wiring import Wiring
from tests.support.scheduling import DAILY, at
from tests.support.sites import write_site

FILE = """
preset: none
blackouts:
  - {from: 2026-12-24, until: 2026-12-24, reason: leave}
  - {calendar: go-live.ics, reason: go-live}
"""
EVENT = "BEGIN:VEVENT\nUID:a\nDTSTART:20261102T090000Z\nDURATION:PT1H\nEND:VEVENT\n"
NOW = "2026-11-01 12:00"


def calendar(events: str) -> str:
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//y\n{events}END:VCALENDAR\n"


def test_spans_and_events_close_the_site_and_what_is_unreadable_closes_it_altogether(tmp_path: Path) -> None:
    site = write_site(tmp_path, {"inventory/schedule.yml": FILE, "go-live.ics": calendar(EVENT)})
    closed = desk_of(Wiring(load_site(site)), None).closed
    found = closed(DAILY, at(NOW))
    assert [(each.begins.day, each.reason) for each in found.blackouts] == [(24, "leave"), (2, "go-live")]
    assert found.unreadable == ""
    (site / "go-live.ics").write_text("<html>Sign in</html>")
    assert closed(DAILY, at(NOW)) is found  # one look an instant
    later = closed(DAILY, at("2026-11-01 12:01"))
    assert [each.reason for each in later.blackouts] == ["leave"]
    assert later.unreadable == "go-live.ics"
    (site / "go-live.ics").write_text(calendar(""))
    assert closed(DAILY, at("2026-11-01 12:02")).unreadable == ""
