"""`drp evidence …`: the records that drills were sealed with."""

from __future__ import annotations

from typing import Annotated

import typer

from drp.cli.noun import noun

app = noun("Evidence records of drills.", needs_verb=True)

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


@app.command("list")
def list_(
    context: typer.Context,
    whole: Annotated[bool, typer.Option("--all", help="Of all drills, not only of the newest hundred.")] = False,
    machine: Json = False,
) -> int:
    """List sealed drills, and whether each record is the one that the journal sealed. Exit 14 if one is not."""
    from drp.cli import render
    from drp.cli.context import wiring_of
    from drp.cli.evidence_views import listed
    from drp.cli.level_views import verdict_in_list
    from drp.codec import to_data
    from drp.errors import Tampered

    found = listed(wiring_of(context), whole=whole)
    if machine:
        render.document("drp/evidence/1", [to_data(row) for row in found.records])
    else:
        told = [(row, verdict_in_list(row.verdict, row.level)) for row in found.records]
        cells = [(row.drill, verdict, row.record, row.digest[:16], row.location) for row, verdict in told]
        render.table(("drill", "verdict", "record", "sha-256", "location"), cells)
    return 0 if all(row.record == "intact" for row in found.records) else Tampered.exit_status


@app.command()
def show(
    context: typer.Context,
    drill: Annotated[str, typer.Argument(help="A drill's id, a unique prefix of it, or `latest`.")],
    machine: Json = False,  # noqa: ARG001 - a record is JSON anyway
) -> None:
    """Show a drill's evidence record, indented. Its exact bytes: `drp report DRILL --format json`."""
    import json

    from drp.cli import render
    from drp.cli.context import wiring_of
    from drp.cli.evidence_views import sealed_record

    record = json.loads(sealed_record(wiring_of(context), drill).content)
    render.verbatim(json.dumps(record, indent=2, sort_keys=True))


@app.command()
def schema() -> None:
    """Show the published JSON Schema of evidence records."""
    from drp.cli import render
    from drp.evidence.schema import published_schema

    render.verbatim(published_schema().rstrip())
