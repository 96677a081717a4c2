"""The wiring of the site that the command line names."""

from __future__ import annotations

import typer

from drp.config.site import find_site, load_site
from drp.service.wiring import Wiring


def wiring_of(context: typer.Context, *, options: bool = False) -> Wiring:
    """Return the wiring of the site that the command line names.

    ``options``: what files say to verifiers is looked at too. Raises ``ConfigError`` with every problem that concerns
    the whole site; an application or a drill whose own file has one is ``broken``, and raises when it is asked for.
    """
    judge = None
    if options:
        from drp.verifiers.judge import InstalledOptions

        judge = InstalledOptions()
    return Wiring(load_site(find_site(context.obj.site), judge))
