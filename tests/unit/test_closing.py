"""What closes a site to drills reaches the planner: spans of its file, events of its calendars, and what is unreadable."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from drp.config.site import load_site
from drp.schedule.site_desk import Closing
from tests.support.scheduling import DAILY
from tests.support.sites import write_site

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
FILE = """
preset: none
blackouts:
  - {from: 2026-12-24, until: 2026-12-24, reason: leave}
  - {calendar: go-live.ics, reason: go-live}
"""
EVENT = "BEGIN:VEVENT\nUID:a\nDTSTART:20261102T090000Z\nDURATION:PT1H\nEND:VEVENT\n"


def calendar(events: str) -> str:
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//y\n{events}END:VCALENDAR\n"


def test_spans_and_events_close_the_site_and_what_is_unreadable_closes_it_altogether(tmp_path: Path) -> None:
    site = write_site(tmp_path, {"inventory/schedule.yml": FILE, "go-live.ics": calendar(EVENT)})
    closing = Closing(load_site(site).schedule)
    found = closing(DAILY, NOW)
    assert [(each.begins.day, each.reason) for each in found.blackouts] == [(24, "leave"), (2, "go-live")]
    assert found.unreadable == ""
    (site / "go-live.ics").write_text("<html>Sign in</html>")
    assert closing(DAILY, NOW) is found  # one look an instant
    later = closing(DAILY, NOW.replace(minute=1))
    assert [each.reason for each in later.blackouts] == ["leave"]
    assert later.unreadable == "go-live.ics"
    (site / "go-live.ics").write_text(calendar(""))
    assert closing(DAILY, NOW.replace(minute=2)).unreadable == ""
