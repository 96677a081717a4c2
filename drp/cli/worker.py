"""`drp worker …`: who carries out what the schedule orders."""

from __future__ import annotations

from typing import Annotated

import typer

from drp.cli.noun import noun

app = noun("Carry out what the schedule orders.", needs_verb=True)


@app.command()
def run(
    context: typer.Context,
    places: Annotated[
        list[str] | None, typer.Option("--place", help="Only what is held at this place (drp.yml); may come often.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="End when nothing is left to do.")] = False,
    metrics: Annotated[
        str | None, typer.Option(help="Serve metrics there meanwhile, such as 127.0.0.1:9187.", metavar="HOST:PORT")
    ] = None,
    machine: Annotated[bool, typer.Option("--json", help="JSON Lines on standard output.")] = False,
) -> int:
    """Look at the schedule every half minute and hold the drills that are due, until told to stop.

    The first SIGTERM or Ctrl-C lets the drill at work stop safely, the second ends everything at once.
    """
    from drp.cli.worker_run import work
    from drp.config.site import find_site

    directory = find_site(context.obj.site)
    quiet = context.obj.quiet
    return work(directory, tuple(places or ()), once=once, machine=machine, quiet=quiet, metrics=metrics)


@app.command("list")
def list_(
    context: typer.Context,
    whole: Annotated[bool, typer.Option("--all", help="Also orders that are over.")] = False,
    machine: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """List orders with their states, and hosts with their last sign of life."""
    from drp.cli.worker_views import show_orders
    from drp.clock import SystemClock
    from drp.config.site import find_site, load_site
    from drp.service.orders import engine_of

    show_orders(engine_of(load_site(find_site(context.obj.site)), SystemClock()), whole=whole, machine=machine)
