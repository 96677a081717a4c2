"""`drp schedule …`: what is held by itself, what comes next and why, and what people decide about it."""

from __future__ import annotations

from typing import Annotated

import typer

from drp.cli.noun import noun

app = noun("Drills that are held by themselves.", needs_verb=True)

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Lang = Annotated[str | None, typer.Option("--lang", help="Language of sentences: en or fr; default: the site's.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it stands in the evidence.")]
Target = Annotated[str | None, typer.Argument(metavar="APP[/LEVEL]", help="An application, or one level of it.")]
All = Annotated[bool, typer.Option("--all", help="Everything that is scheduled.")]


@app.command("list")
def list_(context: typer.Context, machine: Json = False) -> None:
    """List policies: how old a success may be, when the last one was, what comes next. Nothing is changed."""
    from drp.cli.context import wiring_of
    from drp.cli.schedule_views import show_policies

    show_policies(wiring_of(context), machine=machine)


@app.command("next")
def next_(
    context: typer.Context,
    days: Annotated[int, typer.Option(help="So many days ahead.", min=1, max=3660)] = 30,
    machine: Json = False,
    lang: Lang = None,
) -> None:
    """List what waits and what comes in the next days, in order, as windows, pauses and calendars allow."""
    from drp.cli.context import wiring_of
    from drp.cli.schedule_views import show_next

    show_next(wiring_of(context), days, machine=machine, tongue=lang)


@app.command()
def why(
    context: typer.Context,
    application: Annotated[str, typer.Argument(help="Name of the application.")],
    machine: Json = False,
    lang: Lang = None,
) -> None:
    """Say in one sentence a level why a drill runs, waits, or is not held."""
    from drp.cli.context import wiring_of
    from drp.cli.schedule_views import show_why

    show_why(wiring_of(context), application, machine=machine, tongue=lang)


@app.command()
def run(
    context: typer.Context,
    only_plan: Annotated[
        bool, typer.Option("--only-plan", help="Write down what has come and what it comes to; hold nothing.")
    ] = False,
    machine: Json = False,
) -> int:
    """Look at the schedule once, then hold what is due here, one drill after another. For cron and timers.

    Idempotent: however often, and by however many hosts at once, nothing is held twice. Exit: the worst of the drills.
    """
    from drp.cli.context import wiring_of
    from drp.cli.schedule_run import run_once

    return run_once(wiring_of(context, options=True), only_plan=only_plan, machine=machine, quiet=context.obj.quiet)


@app.command()
def install(
    context: typer.Context,
    timer: Annotated[bool, typer.Option("--timer", help="A timer that looks every 5 minutes, not a worker.")] = False,
    user: Annotated[str | None, typer.Option(help="Account that drills run as; default: yours.")] = None,
    machine: Json = False,
) -> None:
    """Print systemd units for this site, and how they are put in place. Nothing is installed."""
    from drp.cli.named_site import site_from
    from drp.cli.schedule_install import show_units

    show_units(site_from(context), timer=timer, user=user, machine=machine)


@app.command()
def pause(
    context: typer.Context,
    target: Target = None,
    everything: All = False,
    until: Annotated[str | None, typer.Option(help="Instant, such as 2026-12-24T18:00:00Z.")] = None,
    lasting: Annotated[str | None, typer.Option("--for", help="So long, such as 3d or 12h.")] = None,
    reason: Reason = "",
    machine: Json = False,
) -> None:
    """Stop drills of an application, of one level of it, or all, until an instant. Written down with your name."""
    from drp.cli.context import wiring_of
    from drp.cli.schedule_people import paused

    paused(wiring_of(context), target, everything=everything, until=until, lasting=lasting, reason=reason,
           machine=machine)  # fmt: skip


@app.command()
def resume(context: typer.Context, target: Target = None, everything: All = False, machine: Json = False) -> None:
    """End a pause before its time. Written down with your name."""
    from drp.cli.context import wiring_of
    from drp.cli.schedule_people import resumed

    resumed(wiring_of(context), target, everything=everything, machine=machine)


@app.command()
def skip(
    context: typer.Context,
    target: Annotated[
        str, typer.Argument(metavar="SLOT|APP[/LEVEL]", help="A slot, or the next one of an application or level.")
    ],
    reason: Reason = "",
    machine: Json = False,
) -> None:
    """Take one slot out: it ends as paused, with your name and reason."""
    from drp.cli.context import wiring_of
    from drp.cli.schedule_people import skipped

    skipped(wiring_of(context), target, reason=reason, machine=machine)
