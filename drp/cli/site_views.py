"""What `drp init --repository` prints: what is there, what is to be filled in, and the next three commands."""

from __future__ import annotations

from pathlib import Path

from drp.cli import render
from drp.cli.words import NO, YES
from drp.config.draft import Found
from drp.domain.phrase import count, say
from drp.domain.survey import Proposal

_SHOWN = 40


def show_described(directory: Path, found: Found, step: str) -> None:
    """Print what was found and written."""
    applications = found.proposals.applications
    render.line(say("{directory}: a site of what the repository holds", directory=directory))
    render.table(
        ("application", "points", "newest", "size", "manifest", "host"), [_row(each) for each in applications[:_SHOWN]]
    )
    if len(applications) > _SHOWN:
        render.line(say("… and {more} more", more=len(applications) - _SHOWN))
    for each in found.unreadable:
        render.note(say("cannot be read: {what}", what=each))
    for each in found.proposals.left_out:
        render.note(say("not described: {what}", what=each))
    render.line()
    render.line(say("fill in title, tier, owner, RTO, RPO, runbook, checks in inventory/applications"))
    if unbound := sum(each.newest.manifest_id is None for each in applications):
        without = count(
            "{n} names no manifest of its files: see inventory/drills/everything.yml",
            "{n} name no manifest of their files: see inventory/drills/everything.yml",
            unbound,
        )
        render.line(without)
    if several := [each.name for each in applications if len(each.folders) > 1]:
        shown = ", ".join(several[:3]) + ", …" * (len(several) > 3)
        render.line(say("several folders in one point: {names}; --split makes each an application", names=shown))
    render.line()
    smallest = min(applications, key=lambda each: (each.newest.size_bytes is None, each.newest.size_bytes or 0))
    render.line(say("next: {step}drp config check && drp doctor", step=step))
    render.line("      drp check")
    render.line(f"      drp drill run --app {smallest.name}")


def _row(each: Proposal) -> tuple[str, ...]:
    newest = each.newest
    bound = YES if newest.manifest_id is not None else NO
    when = render.instant(newest.consistent_at)
    return (
        each.name,
        str(each.count),
        when,
        render.size(None if each.sub_path else newest.size_bytes),
        bound,
        newest.host or "-",
    )
