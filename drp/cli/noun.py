"""What every noun of the command line has in common: plain help, and completion that belongs to `drp` alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer

from drp.cli.parameters import PlainCommand, PlainGroup


class Noun(typer.Typer):
    """A noun, whose verbs have plain parameters."""

    def command(self, name: str | None = None, **named: Any) -> Callable[[Any], Any]:
        """Return the decorator of a verb."""
        return super().command(name, **{"cls": PlainCommand, **named})


def noun(help_line: str = "", *, needs_verb: bool = False) -> Noun:
    """Return an empty noun; one that needs a verb shows its help without one."""
    return Noun(cls=PlainGroup, help=help_line, no_args_is_help=needs_verb, add_completion=False, rich_markup_mode=None)
