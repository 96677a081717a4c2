"""`drp report`: a drill's sealed record as a page, a summary or the record itself."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from drp.cli.noun import noun
from drp.cli.tongue import must_be_there, said
from drp.domain.phrase import say
from drp.share import languages

app = noun("Reports of drills, for people and machines.")


class Format(StrEnum):
    """What a report can be."""

    HTML = "html"
    JSON = "json"
    MD = "md"


@app.command()
def report(
    context: typer.Context,
    drill: Annotated[str, typer.Argument(help="A drill's id, a unique prefix of it, or `latest`.")],
    format_: Annotated[
        Format, typer.Option("--format", "-f", help="html: one file to hand on; md: a summary; json: the record.")
    ] = Format.MD,
    tongue: Annotated[
        str | None,
        typer.Option(
            "--lang",
            parser=must_be_there,
            metavar=f"[{'|'.join(languages())}]",
            autocompletion=languages,
            help="Language of the text; default: as `drp --lang`, else the site's. Data is not translated.",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; default: standard output.")
    ] = None,
) -> None:
    """Show the report of a sealed drill. The record is checked against the journal's seal first."""
    from drp.atomic import write_atomically
    from drp.cli import render
    from drp.cli.context import wiring_of
    from drp.cli.evidence_views import sealed_record
    from drp.cli.report_views import rendered
    from drp.errors import NotFound

    wiring = wiring_of(context)
    sealed = sealed_record(wiring, drill)
    spoken = tongue or said() or wiring.site.locale
    content = rendered(sealed, format_.value, spoken, wiring)
    if output is None and format_ is Format.HTML and sys.stdout.isatty():
        output = Path(f"{sealed.drill}.{spoken}.html")  # a page is of no use on a terminal
    if output is None:
        if format_ is Format.JSON and sys.stdout.isatty():
            content = render.json_shown(content.decode()).encode()
        render.output([content])
        return
    if not output.absolute().parent.is_dir():
        raise NotFound(
            say("there is no directory {parent}", parent=output.absolute().parent), hint="make it, or name another file"
        )
    write_atomically(output, content)
    render.verbatim(str(output))
