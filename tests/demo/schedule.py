"""What the demo leaves to the schedule: one drill that is held by itself, one occasion that nobody kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

Drp = Callable[..., Any]
LATE = timedelta(seconds=10)
SCHEDULE = """\
# Written by the demo. Each minute of this hour is as good as any; a real site says when its drills disturb nobody.
version: 1
preset: none
policies:
  - {{application: lis, level: full, plan: lis-alone, cron: "{cron}", max_age: 2d}}
  - {{application: pacs, level: hash, cron: "{cron}", max_age: 2d, catch_up: skip, start_within: {late}s}}
"""


def plan(site: Path, drp: Drp) -> datetime:
    """Ask for two drills at the next whole minute, let drp look at the schedule, and return that minute."""
    due = (datetime.now(UTC) + timedelta(seconds=90)).replace(second=0, microsecond=0)
    cron = f"{due.minute} {due.hour} * * *"
    (site / "inventory" / "schedule.yml").write_text(SCHEDULE.format(cron=cron, late=LATE.seconds))
    drp("schedule", "run", "--only-plan", check=True)
    return due


def hold(due: datetime, drp: Drp, say: Callable[[str], None]) -> int:
    """Once they are due, and one of them is too late, let drp look again; return how the drill that it holds ends."""
    say(f"\nby itself: two drills were due at {due:%H:%M}Z. The first look at the schedule comes after that:")
    time.sleep(max(0.0, (due + LATE + timedelta(seconds=1) - datetime.now(UTC)).total_seconds()))
    ended: int = drp("schedule", "run").returncode
    say("")
    drp("schedule", "list")
    drp("schedule", "why", "pacs")
    return ended
