"""`drp metrics`: what the evidence says now, as Prometheus reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drp.cli.noun import noun
from drp.domain.phrase import say

app = noun("What the evidence says now, for Prometheus.")


@app.command()
def metrics(
    context: typer.Context,
    textfile: Annotated[
        Path | None, typer.Option("--textfile", help="File for node_exporter (*.prom), written whole or not at all.")
    ] = None,
) -> None:
    """Print the metrics of the site in Prometheus' text format, or write them for node_exporter's textfile collector.

    Evidence that does not verify makes `drp_up` and `drp_evidence_ok` 0, and leaves every other number out.
    """
    from drp.atomic import write_atomically
    from drp.cli import render
    from drp.cli.named_site import site_from
    from drp.errors import NotFound
    from drp.monitoring.metrics import exposition

    content = exposition(site_from(context))
    if textfile is None:
        render.output([content])
        return
    if not textfile.absolute().parent.is_dir():
        raise NotFound(
            say("there is no directory {parent}", parent=textfile.absolute().parent),
            hint="make it, or name another file",
        )
    write_atomically(textfile, content, mode=0o644)  # node_exporter reads it as a user of its own
