"""What `drp repo …` prints."""

from __future__ import annotations

from typing import Any

from drp.cli import render
from drp.codec import to_data
from drp.domain.phrase import say
from drp.domain.repository_port import Repository
from drp.errors import DrpError, NotFound
from drp.service.wiring import Wiring


def condition(name: str, repository: Repository) -> dict[str, Any]:
    """Return whether a repository can be used now, and what it is."""
    row: dict[str, Any] = {"name": name, "tool": "-", "object_lock": "-", "air_gapped": "-", "exit": 0}
    try:
        abilities = repository.preflight()
    except DrpError as error:  # also a secret that cannot be read: the other repositories are listed all the same
        return {**row, "state": f"{error.code} {error.message}", "hint": error.hint, "exit": error.exit_status}
    return {
        **row,
        "state": "ready",
        "tool": f"{abilities.tool} {abilities.tool_version}",
        "object_lock": "yes" if abilities.object_lock else "no",
        "air_gapped": "yes" if abilities.air_gapped else "no",
    }


def show_points(wiring: Wiring, name: str, application: str | None, *, machine: bool) -> int:
    """Print the recovery points of every application that is kept in the repository."""
    repositories = wiring.repositories()
    if name not in repositories:
        message = say("there is no repository {name}", name=name)
        raise NotFound(
            message, hint=say("there are: {repositories}", repositories=", ".join(sorted(repositories)) or "none")
        )
    repository = repositories[name]
    rows: list[dict[str, Any]] = []
    unreadable: set[str] = set()
    foreign: set[str] = set()
    passed_over: dict[str, str] = {}
    for candidate in wiring.site.applications.values():
        if name not in candidate.repositories or application not in {None, candidate.name}:
            continue
        listing = repository.points(candidate)
        unreadable.update(listing.unreadable)
        foreign.update(listing.foreign)
        passed_over |= {each.name: each.reason for each in listing.passed_over}
        rows += [
            {**to_data(point), "immutability": to_data(repository.immutability(point))} for point in listing.points
        ]
    if machine:
        document = {
            "points": rows,
            "unreadable": sorted(unreadable),
            "foreign": sorted(foreign - unreadable),
            "passed_over": passed_over,
        }
        render.document("drp/recovery-points/1", document)
    else:
        render.table(
            ("id", "application", "host", "consistent at", "size", "manifest", "immutability"),
            [
                (
                    row["id"][:8],
                    row["application"],
                    row["host"] or "none",
                    render.instant(row["consistent_at"]),
                    render.size(row["size_bytes"]),
                    "malformed" if row["manifest_trouble"] else (row["manifest_id"] or "none")[:12],
                    _lock(row["immutability"]),
                )
                for row in rows
            ],
        )
        for item in sorted(unreadable):
            render.note(say("cannot be read: {item}", item=item))
        for item in sorted(foreign - unreadable):
            render.note(say("of another application: {item}", item=item))
        for item, reason in sorted(passed_over.items()):
            render.note(say("passed over: {item}: {reason}", item=item, reason=reason))
    return 1 if unreadable else 0


def _lock(immutability: dict[str, Any]) -> str:
    until = f" until {immutability['retained_until'][:10]}" if immutability["retained_until"] else ""
    seen = (
        f" ({immutability['objects_observed']} of {immutability['objects_total']} objects)"
        if immutability["objects_total"]
        else ""
    )
    return f"{immutability['mode']}, {immutability['provenance']}{until}{seen}"
