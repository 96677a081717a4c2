"""`drp repo …`: repositories and their recovery points."""

from __future__ import annotations

from typing import Annotated

import typer

from drp.cli.noun import noun
from drp.domain.phrase import say

app = noun("Repositories and their recovery points.", needs_verb=True)

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


@app.command("list")
def list_(context: typer.Context, machine: Json = False) -> int:
    """List the site's repositories and whether they can be used now."""
    from drp.cli import render
    from drp.cli.context import wiring_of
    from drp.cli.repo_views import condition

    wiring = wiring_of(context)
    rows = [condition(name, repository) for name, repository in wiring.repositories().items()]
    if machine:
        render.document("drp/repositories/1", rows)
    else:
        headings = ("name", "state", "tool", "lock", "air-gapped")
        cells = [(r["name"], r["state"], r["tool"], r["object_lock"], r["air_gapped"]) for r in rows]
        render.table(headings, cells)
    return max((int(row["exit"]) for row in rows), default=0)


@app.command()
def points(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the repository.")],
    application: Annotated[str | None, typer.Option("--app", help="Only of this application.")] = None,
    machine: Json = False,
) -> int:
    """List recovery points, newest first, with whether they can be changed."""
    from drp.cli.context import wiring_of
    from drp.cli.repo_views import show_points

    return show_points(wiring_of(context), name, application, machine=machine)


@app.command()
def horizon(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the repository.")],
    application: Annotated[str | None, typer.Option("--app", help="Only of this application.")] = None,
    extend: Annotated[
        str | None, typer.Option("--extend", help="Lengthen retention of what points need until then.")
    ] = None,
    point: Annotated[
        str | None, typer.Option("--point", help="With --extend: for this point, instead of each newest.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="With --extend: do it without asking.")] = False,
    machine: Json = False,
) -> int:
    """Say until when each recovery point can be restored if everybody deletes what they can.

    A point lasts as long as the weakest of all that it needs: configuration, keys, index and packs. Exit 0: all last
    long enough; 1: something can be deleted, or ends earlier than `immutable_for` asks; 3: nobody could tell.
    """
    from drp.cli.context import wiring_of
    from drp.cli.repo_horizon import extend_horizon, show_horizons

    wiring = wiring_of(context)
    if extend is None:
        return show_horizons(wiring, name, application, machine=machine)
    return extend_horizon(wiring, name, extend, application, point, agreed=yes, machine=machine)


@app.command()
def accept(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the repository.")],
    reason: Annotated[str, typer.Option(help="Why they are gone: it stands in the register.")],
    points: Annotated[list[str] | None, typer.Option("--point", help="A point that is told, or its beginning.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that are told now.")] = False,
    by: Annotated[str | None, typer.Option(help="Who answers for it; else the account that asks.")] = None,
    machine: Json = False,
) -> int:
    """Answer for recovery points that are gone, altered or back, so that they are not told any more."""
    from drp.cli.context import wiring_of
    from drp.cli.repo_expected import accepted

    accepted(wiring_of(context), name, points or (), everything=everything, by=by, reason=reason, machine=machine)
    return 0


@app.command()
def worm(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the repository.")],
    probe: Annotated[
        bool, typer.Option("--probe", help="Try first, on an object of its own, what the locks must refuse.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Probe even where that was done within the hour.")] = False,
    machine: Json = False,
) -> int:
    """Show what keeps a repository's recovery points from being deleted: declared, observed, probed."""
    from drp.cli.context import wiring_of
    from drp.cli.repo_worm import show_locks
    from drp.errors import UsageError

    if again and not probe:
        raise UsageError(say("`--again` goes with `--probe`"))
    wiring = wiring_of(context)
    if probe:
        from drp.cli.repo_probe import show_attempts

        show_attempts(wiring, name, again=again, machine=machine)
    return show_locks(wiring, name, machine=machine)


@app.command()
def policy(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the repository.")],
    purpose: Annotated[
        str | None, typer.Option("--for", help="Only for the reader, backup, scrubber, probe or extend.")
    ] = None,
    machine: Json = False,
) -> int:
    """Print the least rights that drp, the backup job, the scrubber and others need, as IAM policies to paste."""
    from drp.cli.context import wiring_of
    from drp.cli.repo_policy import show_policies

    return show_policies(wiring_of(context), name, purpose, machine=machine)


@app.command()
def scrub(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the repository.")],
    budget: Annotated[
        list[str] | None, typer.Option("--budget", help="Read no more than so much, as in 200GB, or for so long: 30m.")
    ] = None,
    keyless: Annotated[bool, typer.Option("--keyless", help="Never ask for the repository's password.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Let the backup tool decode all of it, with the key.")] = False,
    all_versions: Annotated[
        bool, typer.Option("--all-versions", help="Read the versions below the current ones too.")
    ] = False,
    seed: Annotated[str, typer.Option("--seed", help="Draw the same objects as an earlier scrub of this seed.")] = "",
    machine: Json = False,
) -> int:
    """Read stored objects and compare them with their names: is every byte what the backup tool wrote?

    First those that a seeded draw names, whose statement is about all objects; then the others, oldest-read first. What
    was read stays known, also after a crash. Exit 0: everything that was read is whole; 1: something is damaged or
    gone; 3: something could not be judged.
    """
    from drp.cli.context import wiring_of
    from drp.cli.repo_scrub import show_scrub, wish_of

    wish = wish_of(budget or (), keyless=keyless, decode=full, all_versions=all_versions, seed=seed)
    return show_scrub(wiring_of(context), name, wish, machine=machine)
