"""`drp app …`: the applications of the site, their objectives, and which of them nobody drills."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from drp.cli.noun import noun
from drp.cli.words import YES
from drp.domain.phrase import Duration, Phrase, joined, say, several

app = noun("Applications and their objectives.", needs_verb=True)

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


@app.command("list")
def list_(context: typer.Context, machine: Json = False) -> None:
    """List every application, what is recovered first at the top, and whether it can be drilled."""
    from drp.cli import render
    from drp.cli.named_site import site_from
    from drp.domain.coverage import cover

    site = site_from(context)
    found = cover(site.applications, {name for name, application in site.applications.items() if application.drilled})
    needed = {point.application: list(point.needed_by) for point in found.single_points}
    rows = [
        {**_row(application), "single_point_for": needed.get(application.name, [])} for application in _in_order(site)
    ]
    if machine:
        render.document("drp/applications/1", rows)
        return
    headings = ("name", "title", "tier", "rto", "rpo", "repositories", "drilled")
    render.table(headings, [_cells(row) for row in rows])
    render.note(say("{n} of {total} applications can be drilled", n=len(found.drilled), total=found.total))
    for point in found.single_points:
        render.note(
            say(
                "single point of failure: nobody drills {application}, needed by {needed_by}",
                application=point.application,
                needed_by=", ".join(point.needed_by),
            )
        )


@app.command()
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the application.")],
    machine: Json = False,
) -> None:
    """Show one application: objectives, backups, runbook, checks, what it needs and what needs it."""
    from drp.cli import render
    from drp.cli.named_site import site_from
    from drp.codec import to_data

    site = site_from(context)
    application = site.application(name)
    needed_by = [other.name for other in _in_order(site) if name in other.depends_on]
    drills = [drill.name for drill in site.drills.values() if name in {r.application for r in drill.recoveries}]
    if machine:
        extra = {"drilled": application.drilled, "needed_by": needed_by, "drills": drills}
        render.document("drp/application/1", {**to_data(application), **extra})
        return
    for label, text in _described(application, needed_by, drills):
        render.line(f"{render.printable(label):<14}{render.printable(text)}")


@app.command()
def image(
    directory: Annotated[Path, typer.Argument(help="Directory that holds the software.")], machine: Json = False
) -> None:
    """Print the digest of a software image, for `software` in an application's file.

    It covers names, kinds, contents, link targets and whether files are executable; neither owners nor times.
    """
    from drp.cli import render
    from drp.hashing.tree import TreeHasher

    digest = TreeHasher().tree_digest(directory)
    if machine:
        render.document("drp/software-image/1", {"image": str(directory.absolute()), "digest": digest})
        return
    render.verbatim(digest)


def _in_order(site: Any) -> list[Any]:
    from drp.domain.coverage import in_order

    return list(in_order(site.applications))


def _row(application: Any) -> dict[str, Any]:
    objectives = application.objectives
    mtpd = objectives.mtpd
    return {
        "name": application.name,
        "title": application.title,
        "tier": application.tier,
        "owner": application.owner,
        "rto_seconds": int(objectives.rto.total_seconds()),
        "rpo_seconds": int(objectives.rpo.total_seconds()),
        "mtpd_seconds": int(mtpd.total_seconds()) if mtpd is not None else None,
        "repositories": list(application.repositories),
        "drilled": application.drilled,
        "depends_on": list(application.depends_on),
    }


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    from datetime import timedelta

    rto, rpo = (_time(timedelta(seconds=row[key])) for key in ("rto_seconds", "rpo_seconds"))
    repositories = ", ".join(row["repositories"]) or "-"
    waiting = len(row["single_point_for"])
    needed = say("not drilled, {n} need it", n=waiting) if waiting else say("not drilled")
    drilled = YES if row["drilled"] else needed
    return row["name"], row["title"], str(row["tier"]), rto, rpo, repositories, drilled


def _time(time: Any) -> Phrase:
    from datetime import timedelta

    return say("{time}", time=Duration(time // timedelta(milliseconds=1)))


def _described(application: Any, needed_by: list[str], drills: list[str]) -> list[tuple[str, str]]:
    objectives, runbook = application.objectives, application.runbook
    lines = [
        (say("name"), application.name),
        (say("title"), application.title),
        (say("tier"), str(application.tier)),
        (say("in charge"), application.owner or "-"),
        (say("RTO"), _time(objectives.rto)),
        (say("RPO"), _time(objectives.rpo)),
        (say("MTPD"), _time(objectives.mtpd) if objectives.mtpd is not None else "-"),
        (say("repositories"), ", ".join(application.repositories) or "-"),
        (say("points"), joined(_filter(application.points), ", ") or say("all")),
        (
            say("runbook"),
            say("{kind}, {time} a step", kind=runbook.kind, time=_time(runbook.timeout))
            if runbook is not None
            else "-",
        ),
    ]
    lines += [(say("address"), " ".join((each.address, *each.names))) for each in application.addresses]
    lines += [(say("hostname"), application.hostname)] if application.hostname else []
    lines += [
        (say("software"), say("{at} from {image}, {digest}", at=image.at, image=image.image, digest=image.digest))
        for image in application.software
    ]
    lines += [
        (say("check"), say("{name}: {verifier}", name=check.name, verifier=check.verifier))
        for check in application.checks
    ]
    return [
        *lines,
        (say("depends on"), ", ".join(application.depends_on) or "-"),
        (say("needed by"), ", ".join(needed_by) or "-"),
        (say("drilled"), _coverage(application, drills)),
    ]


def _filter(points: Any) -> list[Phrase]:
    found = [say("tag {tag}", tag=tag) for tag in points.tags]
    found += [say("host {host}", host=points.host)] if points.host is not None else []
    return [*found, *([say("path {path}", path=points.path)] if points.path is not None else [])]


def _coverage(application: Any, drills: list[str]) -> str:
    if application.drilled:
        if drills:
            return say("by {plans}", plans=several(drills))
        return say("by no plan; drp drill run --app {application}", application=application.name)
    return say("not drilled: no backup") if not application.repositories else say("not drilled: no runbook")
