"""What `drp init --repository` prints: what is there, what is to be filled in, and the next three commands."""

from __future__ import annotations

from pathlib import Path

from drp.cli import render
from drp.config.draft import Found
from drp.domain.survey import Proposal

_SHOWN = 40


def show_described(directory: Path, found: Found, step: str) -> None:
    """Print what was found and written."""
    applications = found.proposals.applications
    render.line(f"{directory}: a site of what the repository holds")
    render.table(
        ("application", "points", "newest", "size", "manifest", "host"), [_row(each) for each in applications[:_SHOWN]]
    )
    if len(applications) > _SHOWN:
        render.line(f"… and {len(applications) - _SHOWN} more")
    for each in found.unreadable:
        render.note(f"cannot be read: {each}")
    for each in found.proposals.left_out:
        render.note(f"not described: {each}")
    render.line()
    render.line("Fill in, in inventory/applications/: title, tier, owner, RTO and RPO, how it is")
    render.line("recovered (runbook) and what proves it (checks). Until then only files are looked at.")
    if unbound := sum(each.newest.manifest_id is None for each in applications):
        render.line(
            f"{unbound} of {len(applications)} name no manifest: a drill shows that they restore, and not that each"
        )
        render.line("file is the one that was backed up. inventory/drills/everything.yml says what to do.")
    if several := [each.name for each in applications if len(each.folders) > 1]:
        shown = ", ".join(several[:3]) + ", …" * (len(several) > 3)
        render.line(f"several folders in one point: {shown}; `sub_path` in its file makes them applications")
    render.line()
    smallest = min(applications, key=lambda each: (each.newest.size_bytes is None, each.newest.size_bytes or 0))
    render.line(f"next: {step}drp config check && drp doctor")
    render.line("      drp check                 is every newest point there and sound? in seconds")
    render.line(f"      drp drill run --app {smallest.name}")


def _row(each: Proposal) -> tuple[str, ...]:
    newest = each.newest
    bound = "yes" if newest.manifest_id is not None else "no"
    when = render.instant(newest.consistent_at)
    return each.name, str(each.count), when, render.size(newest.size_bytes), bound, newest.host or "-"
