"""`drp plan …`: what is drilled together, as the site's files say."""

from __future__ import annotations

from typing import Annotated

import typer

from drp.cli.noun import noun

app = noun("Drill plans: what the site drills together.", needs_verb=True)

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


@app.command("list")
def list_(context: typer.Context, machine: Json = False) -> None:
    """List the site's drill plans: what each recovers, how deep it goes, and when it is held by itself."""
    from drp.cli.named_site import site_from
    from drp.cli.plan_views import show_plans

    show_plans(site_from(context), machine=machine)


@app.command()
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the drill plan.")],
    machine: Json = False,
) -> None:
    """Show what a drill of the plan would do now, as `drp drill plan` does. Nothing is restored."""
    from drp.cli.context import wiring_of
    from drp.cli.drill_views import show_plan

    wiring = wiring_of(context, options=True)
    show_plan(wiring, wiring.declarable(wiring.site.plan(name)), machine=machine)
