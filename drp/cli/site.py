"""`drp init`: lay down a site directory, of an example hospital or of a repository that is there already."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from drp.cli.noun import noun
from drp.domain.phrase import say
from drp.errors import UsageError

app = noun("Lay down a site directory: an example hospital, or what a repository of yours holds.")


@app.command()
def init(
    directory: Annotated[Path, typer.Argument(help="Directory to fill; made if it is not there.")] = Path(),
    repository: Annotated[
        str | None,
        typer.Option(
            metavar="LOCATION", help="Describe this one: a directory, or s3:https://HOST/BUCKET; restic, dated folders."
        ),
    ] = None,
    password_file: Annotated[
        Path | None, typer.Option(help="File that holds its password; others may not read it (chmod 600).")
    ] = None,
    password_command: Annotated[str, typer.Option(help="Or a command that prints it.")] = "",
    password_credential: Annotated[str, typer.Option(help="Or the name of a systemd credential.")] = "",
    access_key_file: Annotated[Path | None, typer.Option(help="For a bucket: file with the access key id.")] = None,
    secret_key_file: Annotated[Path | None, typer.Option(help="For a bucket: file with the secret access key.")] = None,
    region: Annotated[str, typer.Option(help="For a bucket: region that requests are signed for.")] = "",
    ca_file: Annotated[
        Path | None, typer.Option(help="For a bucket: certificates (PEM) that sign the endpoint's.")
    ] = None,
    split: Annotated[
        bool, typer.Option("--split", help="Take each folder of a snapshot for an application of its own.")
    ] = False,
    executable: Annotated[str, typer.Option(help="The restic to read it with, if not the system's.")] = "",
) -> None:
    """Lay down a site directory: valid as it stands, to be changed file by file.

    Without --repository it is an example hospital. With it, drp looks at what is there, changes nothing of it, and
    writes the repository, an application for each host and set of paths (or tag) in it, and a drill of them all.
    """
    from drp.cli import render
    from drp.config.template import lay_site

    if repository is None:
        said = (password_file, password_command, password_credential, access_key_file, secret_key_file)
        if any((*said, region, ca_file, executable, split)):
            message = say("of which repository? these options describe one")
            raise UsageError(message, hint=say("add --repository LOCATION"))
        lay_site(directory)
        render.line(say("{directory}: a site with an example hospital", directory=directory))
        render.line("  drp.yml                     the site: name, language, where evidence goes")
        render.line("  inventory/repositories.yml  where recovery points are kept, and where their keys are read")
        render.line("  inventory/applications/     what is recovered, by when, and what proves it")
        render.line("  inventory/drills/           what is drilled together")
        render.line()
        render.line(say("next: {step}drp config check && drp doctor", step=_step(directory)))
        return
    from drp.cli.site_views import show_described
    from drp.config.locations import Given
    from drp.config.whereabouts import Secrets
    from drp.service.survey import describe

    secrets = Secrets(
        password_file=password_file,
        password_command=password_command,
        password_credential=password_credential,
    )
    given = Given(user_file=access_key_file, secret_file=secret_key_file, region=region, ca_file=ca_file)
    found = describe(directory, repository, secrets, given=given, executable=executable, apart=split)
    show_described(directory, found, _step(directory))


def _step(directory: Path) -> str:
    return "" if directory == Path() else f"cd {shlex.quote(str(directory))} && "
