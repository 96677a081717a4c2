"""`drp drill …`: plan, run and look at drills."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated, Literal

import typer

from drp.cli.noun import noun
from drp.domain.phrase import say

app = noun("Plan, run and look at drills.", needs_verb=True)

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output (run: JSON Lines).")]
Level = Annotated[
    str | None, typer.Option(help="full; hash: restore and compare, start nothing; sample: only some files.")
]
Sample = Annotated[int | None, typer.Option(help="For --level sample: how many files of each application.")]
Reference = Annotated[str, typer.Argument(help="A drill's id, a unique prefix of it, or `latest`.")]


@app.command()
def plan(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(help="Name of the drill plan; or use --app. Without either, plans are listed.")
    ] = None,
    applications: Annotated[
        list[str] | None,
        typer.Option("--app", help="Drill this application without any plan; of a plan: only this one."),
    ] = None,
    repository: Annotated[str | None, typer.Option("--repo", help="Restore from this repository.")] = None,
    level: Level = None,
    sample: Sample = None,
    machine: Json = False,
) -> None:
    """Show what a drill would do now: order, points, limits and checks. Nothing is restored."""
    from drp.cli.context import wiring_of
    from drp.cli.drill_views import show_plan
    from drp.cli.plan_views import show_plans

    only = tuple(applications or ())
    wiring = wiring_of(context, options=True)
    site, flags = wiring.site, {"repository": repository, "level": level, "sample_files": sample}
    if name is None and not only:
        show_plans(site, machine=machine)
        return
    found = site.plan(name, applications=only, **flags) if name is not None else site.ad_hoc_plan(*only, **flags)
    show_plan(wiring, wiring.declarable(found), machine=machine)


@app.command()
def run(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Name of the drill plan; or use --app.")] = None,
    applications: Annotated[
        list[str] | None,
        typer.Option("--app", help="Drill this application without any plan; of a plan: only this one."),
    ] = None,
    repository: Annotated[str | None, typer.Option("--repo", help="Restore from this repository.")] = None,
    point: Annotated[str | None, typer.Option(help="Restore this recovery point: its id or a unique prefix.")] = None,
    recover_to: Annotated[
        str | None, typer.Option(help="Roll the applications that can to this instant, such as 2026-11-21T02:00:00Z.")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(help="Restore from the buckets as they were at this instant, by their own clocks.")
    ] = None,
    keep_sandbox: Annotated[bool, typer.Option("--keep-sandbox", help="Keep the sandboxes for inspection.")] = False,
    keep_for: Annotated[str | None, typer.Option(help="How long, at most; default: as the plan says.")] = None,
    level: Level = None,
    sample: Sample = None,
    despite: Annotated[
        str, typer.Option(metavar="REASON", help="Begin although there is no room, or backups run; it is recorded.")
    ] = "",
    machine: Json = False,
) -> int:
    """Run a drill: restore, hash, start, check, measure, conclude, destroy, record."""
    from drp.errors import UsageError

    only = tuple(applications or ())
    if name is None and not only:
        message = say("name a drill plan or an application")
        raise UsageError(message, hint="`drp drill run NAME`, or `drp drill run --app NAME`")
    from drp.cli.drill_signs import afterwards, first_sign

    first_sign(quiet=machine or context.obj.quiet)
    from drp.cli.context import wiring_of
    from drp.cli.holding import exit_status, follow
    from drp.cli.reporters import reporter
    from drp.service.points import must_have_point
    from drp.service.requests import Begin
    from drp.service.supervisor import start

    wiring = wiring_of(context, options=True)
    site = wiring.site
    flags: dict[str, object] = {
        "repository": repository,
        "point": point,
        "keep_sandbox": keep_sandbox,
        "keep_for": keep_for,
    }
    flags |= {"recover_to": recover_to, "as_of": as_of, "level": level, "sample_files": sample}
    drill_plan = site.plan(name, applications=only, **flags) if name is not None else site.ad_hoc_plan(*only, **flags)
    if point is not None and as_of is None:
        must_have_point(wiring, drill_plan.recoveries[0])
    request = Begin(plan=wiring.declarable(drill_plan), requested_by=_user(), ad_hoc=name is None, despite=despite)
    with closing(reporter(machine=machine, quiet=context.obj.quiet)) as shown:
        outcome = follow(start(site, request), shown)
    if not (machine or context.obj.quiet):
        afterwards(outcome.drill, sealed=outcome.sealed, kept=bool(outcome.kept))
    return exit_status(outcome)


@app.command("list")
def list_(
    context: typer.Context,
    whole: Annotated[bool, typer.Option("--all", help="All drills, not only the newest hundred.")] = False,
    machine: Json = False,
) -> None:
    """List drills with their verdicts, newest last."""
    from drp.cli.context import wiring_of
    from drp.cli.drill_views import show_drills
    from drp.evidence.deposits import RECENT

    show_drills(wiring_of(context), machine=machine, most=None if whole else RECENT)


@app.command()
def show(
    context: typer.Context,
    drill: Reference,
    code: Annotated[
        bool, typer.Option("--code", help="List the code that came out of the backups, new and changed first.")
    ] = False,
    machine: Json = False,
) -> None:
    """Show one drill: verdict, on whose word it rests, times against objectives, phases, findings."""
    from drp.cli.context import wiring_of
    from drp.cli.shown_drill import show_drill

    show_drill(wiring_of(context), drill, machine=machine, code=code)


@app.command()
def resume(
    context: typer.Context,
    drill: Reference,
    conclude: Annotated[
        bool, typer.Option("--conclude", help="Do not restore again; conclude with what is known.")
    ] = False,
    machine: Json = False,
) -> int:
    """Resume a drill that was cut off: restore again and go on, or conclude it."""
    from drp.cli.context import wiring_of
    from drp.cli.holding import exit_status, follow
    from drp.cli.reporters import reporter
    from drp.drill.declare import find_unfinished
    from drp.service.orders import drill_of
    from drp.service.requests import Resume
    from drp.service.supervisor import start

    wiring = wiring_of(context)
    found = find_unfinished(drill_of(wiring, drill), wiring.journal_to_read())
    request = Resume(drill=found, policy="conclude" if conclude else "resume")
    with closing(reporter(machine=machine, quiet=context.obj.quiet)) as shown:
        before = tuple(wiring.journal_to_read().entries(found))
        shown.catch_up(before)
        outcome = follow(start(wiring.site, request, before=before), shown)
    return exit_status(outcome)


@app.command()
def abort(
    context: typer.Context,
    drill: Annotated[str, typer.Argument(help="A drill's id, a unique prefix of it, `latest`, or an order's id.")],
    reason: Annotated[str, typer.Option(help="Why; it stands in the evidence, with your name.")],
    machine: Json = False,
) -> int:
    """Ask whoever holds a drill to stop it: it is destroyed, concluded as aborted and sealed."""
    from drp.cli.context import wiring_of
    from drp.cli.drill_following import ask_to_abort

    return ask_to_abort(wiring_of(context), drill, by=f"{_user()}: {reason}", machine=machine)


@app.command()
def watch(context: typer.Context, drill: Reference, machine: Json = False) -> int:
    """Follow a drill that another process holds, to its end. Exit statuses are those of `run`."""
    from drp.cli.context import wiring_of
    from drp.cli.drill_following import watch as follow_other
    from drp.cli.reporters import reporter

    wiring = wiring_of(context)
    with closing(reporter(machine=machine, quiet=context.obj.quiet)) as shown:
        return follow_other(wiring, drill, shown)


@app.command("exec", context_settings={"ignore_unknown_options": True})
def execute(
    context: typer.Context,
    drill: Reference,
    argv: Annotated[list[str], typer.Argument(help="Command and arguments; put `--` before them.")],
    application: Annotated[str | None, typer.Option("--app", help="Which recovery, if there are several.")] = None,
) -> int:
    """Run a command inside a kept sandbox, or inside one whose drill waits for a sign-off."""
    from drp.cli.context import wiring_of
    from drp.cli.kept_views import run_inside

    return run_inside(wiring_of(context), drill, application, argv)


@app.command("sign-off")
def sign_off(
    context: typer.Context,
    drill: Reference,
    application: Annotated[str | None, typer.Option("--app", help="Which recovery, if several wait.")] = None,
    name: Annotated[str | None, typer.Option(help="Who signs; without it the checklist is only shown.")] = None,
    results: Annotated[Path | None, typer.Option(help="YAML file of results; else each step is asked.")] = None,
    comment: Annotated[str, typer.Option(help="On the application as a whole.")] = "",
    key: Annotated[Path | None, typer.Option(help="SSH key that signs the answer.")] = None,
    machine: Json = False,
) -> int:
    """Sign off an application of a drill that waits for it, step by step. Exit 0 signed off, 1 a step failed."""
    from drp.cli import sign_off as verb
    from drp.cli.context import wiring_of
    from drp.errors import UsageError

    wiring = wiring_of(context)
    asked = verb.question(wiring, drill, application)
    if name is None:
        if results is not None or key is not None or comment:
            raise UsageError("who signs?", hint="add --name")
        verb.show_checklist(asked, machine=machine)
        return 0
    reply = verb.Reply(name=name, comment=comment, results=results, key=key)
    return verb.show_answer(*verb.answer(wiring, asked, reply), machine=machine)


@app.command()
def approve(
    context: typer.Context,
    drill: Reference,
    reason: Annotated[str, typer.Option(help="Why it may be held: kept in evidence.")],
    key: Annotated[Path | None, typer.Option(help="SSH key that signs the answer.")] = None,
    name: Annotated[str | None, typer.Option(help="Who answers; default: this account.")] = None,
    machine: Json = False,
) -> None:
    """Approve a drill that waits for it: then it goes on."""
    _answer(context, drill, "approve", (reason, key, name), machine=machine)


@app.command()
def refuse(
    context: typer.Context,
    drill: Reference,
    reason: Annotated[str, typer.Option(help="Why it may not be held: kept in evidence.")],
    key: Annotated[Path | None, typer.Option(help="SSH key that signs the answer.")] = None,
    name: Annotated[str | None, typer.Option(help="Who answers; default: this account.")] = None,
    machine: Json = False,
) -> None:
    """Refuse a drill that waits to be approved: it ends, and nothing was touched."""
    _answer(context, drill, "refuse", (reason, key, name), machine=machine)


def _answer(
    context: typer.Context,
    drill: str,
    decision: Literal["approve", "refuse"],
    said: tuple[str, Path | None, str | None],
    *,
    machine: bool,
) -> None:
    from drp.cli import approval as verb
    from drp.cli.context import wiring_of

    wiring, (reason, key, name) = wiring_of(context), said
    reply = verb.Reply(decision=decision, name=name or _user(), reason=reason, key=key)
    verb.show_answer(*verb.answer(wiring, verb.question(wiring, drill), reply), machine=machine)


@app.command()
def clean(context: typer.Context, machine: Json = False) -> int:
    """Destroy kept sandboxes and whatever a crash left: processes, mounts, restored data."""
    from drp.cli.context import wiring_of
    from drp.cli.kept_views import clean_up

    return clean_up(wiring_of(context), machine=machine)


def _user() -> str:
    """Return who asks."""
    from drp.cli.asking import asking_account

    return asking_account()
