"""What changed since a drill proved something: what it used, beside what a drill of today would use. Pure.

What counts is what a recovery after a disaster rests on: the steps, the backup and the tool that reads it, the software
that is not in the backup, what is demanded and checked. What only drp itself is made of does not count, nor do words:
a title, an owner, a comment in a file of the inventory. ``inventory/README.md`` has the table.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from drp.domain.phrase import say

Uses = Mapping[str, object]
"""Name of something that counts → its digest, or its JSON value."""

COUNTS = (
    "objectives",
    "repositories",
    "points",
    "backup_job",
    "runbook",
    "checks",
    "depends_on",
    "ground_truth",
    "software",
    "addresses",
    "hostname",
    "point_in_time",
    "release",
)
"""What counts of an application's own description."""
WORDS = ("name", "title", "tier", "owner", "sign_off", "drill_every", "history")
"""What does not: see the table."""
_OF_RECOVERY = ("require_manifest", "trust")
_OF_PLAN = ("pod", "reconciliation")
_RUNBOOKS = "runbooks/"
_STEPS = ("restore.yml", "start.yml")
OF_DRP = str(say("runbooks of drp"))
"""Name under which the shipped runbooks and roles are declared."""
REPOSITORY = "repository "
"""Prefix of the name under which the settings of a repository are declared."""
_LATER = (OF_DRP, REPOSITORY)
"""An older drp declared no such thing: where it is missing, nobody knows what it was."""


def described(plan: Mapping[str, Any], application: str, *, alone: bool = False) -> dict[str, object]:
    """Return what counts of a plan's description of one application, the plan as JSON. Raises KeyError without it.

    ``alone``: leave out what is the plan's and not the application's, for it is compared with another plan.
    """
    recovery = recovery_of(plan, application)
    own = recovery["application"]
    found: dict[str, object] = {f"{application}: {name}": own[name] for name in COUNTS}
    if alone:
        return found
    found |= {f"{application}: {name}": recovery[name] for name in _OF_RECOVERY}
    if _is_compared(plan, application):
        found |= {f"{plan['name']}: {name}": plan[name] for name in _OF_PLAN}
    return found


def recovery_of(plan: Mapping[str, Any], application: str) -> Mapping[str, Any]:
    """Return an application's part in a plan, as JSON. Raises KeyError where it has none."""
    for each in plan["recoveries"]:
        if each["application"]["name"] == application:
            found: Mapping[str, Any] = each
            return found
    raise KeyError(application)


def _is_compared(plan: Mapping[str, Any], application: str) -> bool:
    """Return whether it takes part in what the applications of a plan have with one another."""
    wanted = plan["reconciliation"]
    return bool(plan["pod"]) or (
        wanted is not None and any(each["application"] == application for each in wanted["records"])
    )


def used(materials: Mapping[str, str], kind: str, programs: Mapping[str, str]) -> dict[str, object]:
    """Return what counts of a plan's materials: runbooks of a kind and what they share, the programs that read backups.

    ``programs`` are those of now, by path; runbooks of other kinds are left out.
    """
    others = _kinds(materials) - {kind}
    return {name: found for name, found in materials.items() if name in programs or _counts(name, others)}


def _counts(name: str, others: Collection[str]) -> bool:
    is_runbook = name.startswith(_RUNBOOKS) and name.split("/")[1] not in others
    return is_runbook or name.startswith(_LATER)


def _kinds(materials: Mapping[str, str]) -> set[str]:
    """Return the runbooks among the materials: folders that hold a step."""
    parts = (name.split("/") for name in materials if name.startswith(_RUNBOOKS))
    return {each[1] for each in parts if len(each) == 3 and each[2] in _STEPS}


def changed(then: Uses, now: Uses) -> tuple[str, ...]:
    """Return the names of what is another, is new, or is gone, in order."""
    return tuple(sorted(_changed(then, now)))


def _changed(then: Uses, now: Uses) -> Iterator[str]:
    for name in then.keys() | now.keys():
        if name.startswith(_LATER) and not (name in then and name in now):
            continue
        if name not in then or name not in now or then[name] != now[name]:
            yield name
