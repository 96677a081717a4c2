"""The site that the command line names, for verbs that only read its files."""

from __future__ import annotations

import typer

from drp.config.site import Site, find_site, load_site


def site_from(context: typer.Context) -> Site:
    """Return the site that the command line names. Raises ConfigError with every problem."""
    return load_site(find_site(context.obj.site))
