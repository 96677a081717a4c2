"""`drp notify …`: who is told when something is wrong, and whether a message gets there."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from drp.cli.noun import noun
from drp.domain.phrase import say

app = noun("Who is told when something is wrong, and when it is over.", needs_verb=True)

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


@app.command("list")
def list_(context: typer.Context, machine: Json = False) -> None:
    """List every target: what it asks for, and what it has not been told yet. Where it is stays a secret."""
    from drp.cli import render
    from drp.cli.named_site import site_from
    from drp.config.secrets import describe
    from drp.domain.telling import Listener
    from drp.service.told import recall

    site = site_from(context)
    known = recall(site.state_directory).listeners
    rows: list[dict[str, Any]] = []
    for name, target in site.monitoring.targets.items():
        listener = known.get(name, Listener())
        rows.append(
            {
                "name": name,
                "url": describe(target.url),
                "language": target.language,
                "from_level": target.from_level,
                "applications": list(target.applications),
                "open": sum(one.over_at is None for one in listener.heard.values()),
                "undelivered": listener.undelivered,
                "tries": listener.tries,
                "refused": listener.refused,
            }
        )
    if machine:
        render.document("drp/notify-targets/1", rows)
        return
    headings = ("name", "from", "applications", "language", "url", "open", "undelivered")
    cells = [
        (
            row["name"],
            row["from_level"],
            ", ".join(row["applications"]) or "all",
            row["language"],
            row["url"],
            str(row["open"]),
            say("{n} ({tries} tries: {refused})", n=row["undelivered"], tries=row["tries"], refused=row["refused"])
            if row["tries"]
            else "0",
        )
        for row in rows
    ]
    render.table(headings, cells)
    if not rows:
        render.note("nobody is told: name targets in inventory/monitoring.yml")


@app.command("test")
def try_(
    context: typer.Context,
    target: Annotated[str | None, typer.Argument(help="Name of a target; default: all of them.")] = None,
    machine: Json = False,
) -> int:
    """Send a message that is marked as a test, and tell what each target answered. Exit 13 if one did not take it."""
    from drp.cli import render
    from drp.cli.named_site import site_from
    from drp.codec import to_data
    from drp.config.problems import suggestion
    from drp.errors import NotFound, Unreachable
    from drp.monitoring.tell import try_out

    site = site_from(context)
    targets = site.monitoring.targets
    if target is not None and target not in targets:
        raise NotFound(
            say("there is no target `{target}`; {suggestion}", target=target, suggestion=suggestion(target, targets)),
            hint="drp notify list",
        )
    if not targets:
        raise NotFound("nobody is told", hint="name targets in inventory/monitoring.yml: drp config schema monitoring")
    answers = try_out(site, [target] if target is not None else list(targets))
    if machine:
        render.document("drp/notify-test/1", [to_data(answer) for answer in answers])
    else:
        for answer in answers:
            said = say("taken") if answer.taken else say("not taken: {said}", said=answer.said)
            render.line(say("{name}: {said}", name=answer.name, said=said))
    return 0 if all(answer.taken for answer in answers) else Unreachable.exit_status


@app.command("run")
def run_(context: typer.Context, machine: Json = False) -> int:
    """Tell everybody now what there is to tell, as the scheduler does at each tick. Exit 13 if a target took nothing.

    Exit 15 if nobody can be told, or it cannot be written down. For who has no scheduler, or wants one watched from
    beside it: by cron, at another minute.
    """
    from drp.cli import render
    from drp.cli.context import wiring_of
    from drp.codec import to_data
    from drp.errors import StorageFull, Unreachable
    from drp.monitoring.tell import tell_now

    told = tell_now(wiring_of(context))
    if machine:
        render.document("drp/notify-run/1", to_data(told))
    else:
        for name in told.told:
            render.line(say("{name}: told", name=name))
        for notice in told.notices:
            render.note(notice)
    if told.trouble:
        return StorageFull.exit_status
    return Unreachable.exit_status if told.untold else 0
