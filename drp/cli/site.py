"""`drp init`: lay down a site directory."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from drp.cli.noun import noun
from drp.domain.phrase import say

app = noun("Lay down a site directory with an example hospital.")


@app.command()
def init(
    directory: Annotated[Path, typer.Argument(help="Directory to fill; made if it is not there.")] = Path(),
) -> None:
    """Lay down a site directory with an example hospital: valid as it stands, to be changed file by file."""
    from drp.cli import render
    from drp.config.template import lay_site

    lay_site(directory)
    render.line(say("{directory}: a site with an example hospital", directory=directory))
    render.line("  drp.yml                     the site: name, language, where evidence goes")
    render.line("  inventory/repositories.yml  where recovery points are kept, and where their keys are read")
    render.line("  inventory/applications/     what is recovered, by when, and what proves it")
    render.line("  inventory/drills/           what is drilled together")
    render.line()
    step = "" if directory == Path() else f"cd {shlex.quote(str(directory))} && "
    render.line(say("next: {step}drp config check && drp doctor", step=step))
