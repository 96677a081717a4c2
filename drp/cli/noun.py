"""What every noun of the command line has in common: plain help, completion that belongs to `drp` alone, lazy verbs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import typer
from typer.core import TyperCommand
from typer.main import get_command, get_command_from_info, get_command_name, get_group
from typer.models import CommandInfo

from drp.cli.parameters import PlainCommand, PlainGroup


class Noun(typer.Typer):
    """A noun, whose verbs have plain parameters."""

    needs_verb = False
    """Whether its verb is said even if it has only one."""

    def command(self, name: str | None = None, **named: Any) -> Callable[[Any], Any]:
        """Return the decorator of a verb."""
        return super().command(name, **{"cls": PlainCommand, **named})


def noun(help_line: str = "", *, needs_verb: bool = False) -> Noun:
    """Return an empty noun; one that needs a verb shows its help without one."""
    made = Noun(cls=PlainGroup, help=help_line, no_args_is_help=needs_verb, add_completion=False, rich_markup_mode=None)
    made.needs_verb = needs_verb
    return made


class _Verbs(Mapping[str, TyperCommand]):
    """Verbs by name, each made when it is asked for: to look at the parameters of all of them takes 10 ms."""

    def __init__(self, said: Sequence[CommandInfo]) -> None:
        self._said = {each.name or get_command_name(getattr(each.callback, "__name__", "")): each for each in said}
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> TyperCommand:
        if name not in self._made:
            self._made[name] = get_command_from_info(
                self._said[name], pretty_exceptions_short=False, rich_markup_mode=None
            )
        made: TyperCommand = self._made[name]
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(self._said)

    def __len__(self) -> int:
        return len(self._said)


def command_of(noun: Noun) -> Any:
    """Return the command that a noun is: a group, unless its one verb is not said."""
    said = noun.registered_commands
    if (len(said) < 2 and not noun.needs_verb) or noun.registered_callback is not None or noun.registered_groups:
        return get_command(noun)
    noun.registered_commands = []
    try:
        group: Any = get_group(noun)
    finally:
        noun.registered_commands = said
    group.commands = _Verbs(said)
    return group
