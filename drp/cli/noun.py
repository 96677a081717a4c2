"""What every noun of the command line has in common: plain help, and completion that belongs to `drp` alone."""

from __future__ import annotations

import typer


def noun(help_line: str = "", *, needs_verb: bool = False) -> typer.Typer:
    """Return an empty noun; one that needs a verb shows its help without one."""
    return typer.Typer(help=help_line, no_args_is_help=needs_verb, add_completion=False, rich_markup_mode=None)
