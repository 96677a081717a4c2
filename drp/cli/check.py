"""`drp check`: is every application's newest recovery point there and sound? For cron, in seconds."""

from __future__ import annotations

from typing import Annotated

import typer

from drp.cli.noun import noun

app = noun("Is every newest recovery point there, readable, immutable, young enough, bound to a manifest?")


@app.command()
def check(
    context: typer.Context,
    applications: Annotated[list[str] | None, typer.Option("--app", help="Look at these applications alone.")] = None,
    within: Annotated[
        float, typer.Option(min=1, max=3600, help="Seconds that each repository has for its answers.")
    ] = 30,
    machine: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> int:
    """Look at the newest recovery point of every application, without restoring anything.

    Is it there, can it be read, can nobody change it, is it within the RPO, is its manifest kept here and whole? Exit
    0: all are well; 1: something is wrong; 3, 10, 12 or 13: something could not be judged. No drill, no evidence: that
    a backup restores is shown by drills alone. `drp config check` reads the site's files, and asks no repository.
    """
    from drp.cli import check_views
    from drp.cli.context import wiring_of
    from drp.service.point_checks import check_points

    wiring = wiring_of(context)
    found = check_points(wiring, applications or (), seconds=within)
    return check_views.show(found, wiring.clock.now().wall, machine=machine)
