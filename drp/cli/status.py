"""`drp status`: the site in one line, as monitoring plugins say it, and what stands behind the line."""

from __future__ import annotations

from typing import Annotated

import typer

from drp.cli.noun import noun

app = noun("Where the site stands, for monitoring: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.")


@app.command()
def status(
    context: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[APP]...", help="Judge only these applications.")
    ] = None,
    applications: Annotated[list[str] | None, typer.Option("--app", help="The same.")] = None,
    machine: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> int:
    """Tell in one line how the site stands, then application by application. Exit 0, 1, 2 or 3.

    This verb alone follows the monitoring plugins' convention: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
    """
    from drp.cli import status_views
    from drp.cli.context import wiring_of
    from drp.domain.phrase import say
    from drp.errors import DrpError, NotReadable, Tampered
    from drp.service.overview import overview

    try:
        wiring = wiring_of(context, options=True)
        found = overview(wiring, (*(names or ()), *(applications or ())))
    except Tampered as error:
        return status_views.trouble("critical", error, machine=machine)
    except DrpError as error:
        return status_views.trouble("unknown", error, machine=machine)
    except OSError as error:  # whatever the system refuses: monitoring hears that nothing is known, and why
        path, why = error.filename or say("the system"), error.strerror or str(error)
        refused = NotReadable(say("{path}: {why}", path=path, why=why))
        return status_views.trouble("unknown", refused, machine=machine)
    return status_views.show(found, machine=machine)
