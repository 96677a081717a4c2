"""What `drp repo …` prints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from drp.cli import render
from drp.cli.misuse import near
from drp.cli.repo_expected import grave, show_expected
from drp.cli.words import NO, NONE, YES, first, lock
from drp.codec import to_data
from drp.domain.application import Application
from drp.domain.findings.finding import Finding
from drp.domain.phrase import Phrase, own_words, say, several
from drp.domain.recovery_point import Immutability, PointListing, RecoveryPoint
from drp.domain.repository_port import Repository
from drp.drill.phases.select import choose
from drp.errors import DrpError, NotFound
from drp.service.wiring import Wiring
from drp.service.worm.expected_points import Expectations

_NAMED = 5


def condition(name: str, repository: Repository) -> dict[str, Any]:
    """Return whether a repository can be used now, and what it is."""
    row: dict[str, Any] = {"name": name, "tool": "-", "object_lock": "-", "air_gapped": "-", "exit": 0}
    try:
        abilities = repository.preflight()
    except DrpError as error:  # also a secret that cannot be read: the other repositories are listed all the same
        trouble = say("{code} {words}", code=error.code, words=own_words(error.message))
        return {**row, "state": trouble, "hint": error.hint, "exit": error.exit_status}
    return {
        **row,
        "state": say("ready"),
        "tool": f"{abilities.tool} {abilities.tool_version}",
        "object_lock": YES if abilities.object_lock else NO,
        "air_gapped": YES if abilities.air_gapped else NO,
    }


def show_points(wiring: Wiring, name: str, application: str | None, *, machine: bool) -> int:
    """Print the recovery points of every application that is kept in the repository, and what a drill would refuse."""
    repository = named(wiring, name)
    expectations = Expectations(wiring, name)
    findings: list[Finding] = []
    rows: list[dict[str, Any]] = []
    unreadable: set[str] = set()
    foreign: set[str] = set()
    passed_over: dict[str, str] = {}
    for candidate in wiring.site.applications.values():
        if name not in candidate.repositories or application not in {None, candidate.name}:
            continue
        listing = repository.points(candidate)
        findings += expectations.look(candidate, listing, wiring).findings
        unreadable.update(listing.unreadable)
        foreign.update(listing.foreign)
        passed_over |= {each.name: each.reason for each in listing.passed_over}
        rows += _rows(wiring, repository, name, candidate, listing)
    if machine:
        document = {
            "points": rows,
            "unreadable": sorted(unreadable),
            "foreign": sorted(foreign - unreadable),
            "passed_over": passed_over,
            "findings": to_data(findings),
            "not_compared": expectations.trouble,
        }
        render.document("drp/recovery-points/1", document)
    else:
        _print_points(rows)
        for item in sorted(unreadable):
            render.note(say("cannot be read: {item}", item=item))
        for item in sorted(foreign - unreadable):
            render.note(say("of another application: {item}", item=item))
        for item, reason in sorted(passed_over.items()):
            render.note(say("passed over: {item}: {reason}", item=item, reason=reason))
        show_expected(findings, expectations.trouble)
    return 1 if unreadable or grave(findings) else 0


def named(wiring: Wiring, name: str) -> Repository:
    """Return a repository of the site. Raises ``NotFound`` with the names that there are."""
    repositories = wiring.repositories()
    if name in repositories:
        return repositories[name]
    there = several(sorted(repositories)) if repositories else NONE
    raise NotFound(
        say("there is no repository {name}{meant}", name=name, meant=near(name, repositories)),
        hint=say("there are: {repositories}", repositories=there),
    )


def _rows(
    wiring: Wiring, repository: Repository, name: str, application: Application, listing: PointListing
) -> list[dict[str, Any]]:
    """Return the points, each with the plans that would take it now, and those that refuse it and why."""
    asked = _Asked(repository)
    choices = dict(_choices(wiring, asked, name, application, listing))
    return [
        {
            **to_data(point),
            "immutability": to_data(asked.immutability(point)),
            "taken_by": [plan for plan, (taken, _) in choices.items() if taken == point.id],
            "refused_by": {plan: refused[point.id] for plan, (_, refused) in choices.items() if point.id in refused},
        }
        for point in listing.points
    ]


def _choices(
    wiring: Wiring, asked: _Asked, name: str, application: Application, listing: PointListing
) -> Iterator[tuple[str, tuple[str, dict[str, Phrase]]]]:
    """Yield for each plan of the application the id of the point that it would take now, and why it refuses others.

    An application without a plan is looked at as a drill of it alone would. What cannot be drilled chooses nothing.
    """
    now, site = wiring.clock.now().wall, wiring.site
    plans: list[Any] = [
        drill for drill in site.drills.values() if application.name in {r.application for r in drill.recoveries}
    ]
    for drill in plans or [None]:
        try:
            plan = site.plan(drill.name) if drill is not None else site.ad_hoc_plan(application.name, repository=name)
        except DrpError:  # the points are there all the same
            continue
        for recovery in plan.recoveries:
            if (recovery.name, recovery.repository) == (application.name, name):
                at = plan.scenario.disaster_at or now
                point, _, refused = choose(cast("Any", asked), listing, recovery.selection, disaster_at=at, now=now)
                taken = point.id if point is not None else ""
                yield plan.name, (taken, {each.id: each.reason for each in refused})


class _Asked:
    """Asks a repository once how each point is protected: over S3 that takes time."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._known: dict[str, Immutability] = {}

    def immutability(self, point: RecoveryPoint) -> Immutability:
        if point.id not in self._known:
            self._known[point.id] = self._repository.immutability(point)
        return self._known[point.id]


def _print_points(rows: list[dict[str, Any]]) -> None:
    headings = ("", "id", "application", "host", "consistent at", "size", "manifest", "immutability")
    render.table(headings, [_cells(row) for row in rows])
    refused: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        application, point = row["application"], row["id"][:8]
        for plan in row["taken_by"]:
            render.line(say("✔ {plan} would take {id} for {application}", plan=plan, id=point, application=application))
        for plan, reason in row["refused_by"].items():
            refused.setdefault((plan, application, reason), []).append(point)
    for (plan, application, reason), points in refused.items():
        render.line(
            say(
                "✗ {plan} refuses {points} for {application}: {reason}",
                plan=plan,
                points=first(points, _NAMED),
                application=application,
                reason=reason,
            )
        )


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        "✔" if row["taken_by"] else "✗" if row["refused_by"] else "",
        row["id"][:8],
        row["application"],
        row["host"] or NONE,
        render.instant(row["consistent_at"]),
        render.size(row["size_bytes"]),
        say("malformed") if row["manifest_trouble"] else row["manifest_id"][:12] if row["manifest_id"] else NONE,
        _lock(row["immutability"]),
    )


def _lock(immutability: dict[str, Any]) -> Phrase:
    until = immutability["retained_until"]
    said = lock(immutability["mode"], immutability["provenance"], until[:10] if until else "")
    if not immutability["objects_total"]:
        return said
    observed, total = immutability["objects_observed"], immutability["objects_total"]
    return say("{lock} ({observed} of {total} objects)", lock=said, observed=observed, total=total)
