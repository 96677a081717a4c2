"""What `drp plan list` prints."""

from __future__ import annotations

from typing import Any

from drp.cli import render
from drp.cli.words import LEVELS, NONE, word
from drp.codec import to_data
from drp.config.build import DrillSettings
from drp.config.site import Site
from drp.domain.phrase import joined, say, several


def show_plans(site: Site, *, machine: bool) -> None:
    """Print every drill plan of the site; one whose file has problems is named with the first of them."""
    rows = [_row(site, drill) for _, drill in sorted(site.drills.items())]
    broken = {name: problems for (kind, name), problems in site.broken.items() if kind == "drill"}
    if machine:
        problems = {name: list(found) for name, found in broken.items()}
        render.document("drp/plans/1", {"plans": rows, "broken": problems})
        return
    render.table(("plan", "applications", "level", "held by itself", "scenario"), [_cells(row) for row in rows])
    for name, found in sorted(broken.items()):
        render.note(say("{name}: its file has problems: {first}", name=name, first=found[0]))
    if not rows:
        render.note("no drill plans yet: make one in inventory/drills/, or `drp drill run --app NAME`")
    else:
        render.note("what one would do now: `drp drill plan NAME`")


def _row(site: Site, drill: DrillSettings) -> dict[str, Any]:
    held = [policy for policy in site.schedule.policies.values() if policy.plan == drill.name and policy.cron]
    return {
        "plan": drill.name,
        "title": drill.scenario.title,
        "applications": [recovery.application for recovery in drill.recoveries],
        "level": drill.level,
        "pod": drill.pod,
        "disaster_at": to_data(drill.scenario.disaster_at),
        "cron": sorted({f"{policy.cron} {policy.zone}" for policy in held}),
    }


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    applications = joined([say("{name}", name=each) for each in row["applications"]], ", ")
    held = say("{times}", times=several(row["cron"])) if row["cron"] else NONE
    return row["plan"], applications, word(LEVELS, row["level"]), held, row["title"]
