"""Commands whose plain arguments cost nothing: text, paths, whole numbers, choices and switches.

typer makes a pydantic adapter for every parameter, also for those that nobody gave. Loading pydantic takes longer than
most commands; so what is plainly right is taken as it stands, and everything else is typer's to convert or to refuse.
What help says of them is in the language in force: `told` looks up what is written here and what typer adds to it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Any, get_args

from typer import core
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from drp.cli.tongue import told

TYPERS = (
    "Usage:",
    "[OPTIONS]",
    "COMMAND [ARGS]...",
    "Arguments",
    "Options",
    "Commands",
    "required",
    "default: {default}",
    "(dynamic)",
    "Show this message and exit.",
    "Install completion for the current shell.",
    "Show completion for the current shell, to copy it or customize the installation.",
    "Install completion for the specified shell.",
    "Show completion for the specified shell, to copy it or customize the installation.",
)
"""What typer says in a help page, beside the names of kinds of values."""
vars(core)["_"] = told  # typer binds gettext's function to this name; its words are in our catalogue

_NUMBER = re.compile(r"-?[0-9]{1,18}", re.ASCII)


class _NotPlain(Exception):
    """The value is typer's to convert, or to refuse."""


def _kind_told(label: str) -> str:
    """Return how help names a kind of value: ``<str>``, or in another language the word for it."""
    return f"<{told(label[1:-1])}>" if label.startswith("<") else told(label)


class PlainOption(TyperOption):
    """An option that takes a plain value as it stands."""

    def display_type(self, ctx: Any) -> str:
        """Return the kind of its value, as help shows it."""
        return _kind_told(super().display_type(ctx))

    def process_value(self, ctx: Any, value: Any) -> Any:
        """Return what the command is given. Raises as typer does."""
        return _processed(self, ctx, value, super().process_value)


class PlainArgument(TyperArgument):
    """An argument that takes a plain value as it stands."""

    @property
    def display_name_raw(self) -> str:
        """What stands for it in help and in errors."""
        return told(super().display_name_raw)

    def display_type(self, ctx: Any) -> str:
        """Return the kind of its value, as help shows it."""
        return _kind_told(super().display_type(ctx))

    def process_value(self, ctx: Any, value: Any) -> Any:
        """Return what the command is given. Raises as typer does."""
        return _processed(self, ctx, value, super().process_value)


def _processed(parameter: TyperOption | TyperArgument, ctx: Any, value: Any, convert: Callable[..., Any]) -> Any:
    try:
        plain = _plain(parameter, value)
    except _NotPlain:
        return convert(ctx, value)
    return plain if parameter.callback is None else parameter.callback(ctx, parameter, plain)


class PlainCommand(TyperCommand):
    """A command of plain parameters."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return all parameters, the option for help among them."""
        return _made_plain(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the arguments. Raises ``UsageError`` for more than there are names for, and as typer does."""
        takes_more, ctx.allow_extra_args = ctx.allow_extra_args, True
        rest = super().parse_args(ctx, args)
        if rest and not takes_more and not ctx.resilient_parsing:
            from drp.cli.misuse import too_much

            raise too_much(rest, ctx.command_path)
        return rest

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        """Write the line that begins a help page."""
        _write_usage(self, ctx, formatter)

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        """Write what the command does."""
        with _in_force(self):
            super().format_help_text(ctx, formatter)

    def get_short_help_str(self, limit: int = 45) -> str:
        """Return what the command does, as lists of commands and completion show it."""
        with _in_force(self):
            return super().get_short_help_str(limit)


class PlainGroup(TyperGroup):
    """A group of commands, with plain parameters of its own."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return all parameters, the options for help and completion among them."""
        return _made_plain(super().get_params(ctx))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return the command that is named. Raises ``UsageError`` for one that is not there, and as typer does."""
        name = args[0]
        if self.get_command(ctx, name) is None and not ctx.resilient_parsing and not name.startswith("-"):
            from drp.cli.misuse import no_such_command

            raise no_such_command(name, self.list_commands(ctx), ctx.command_path, self.elsewhere(ctx, name))
        return super().resolve_command(ctx, args)

    def elsewhere(self, ctx: Any, name: str) -> list[str]:  # noqa: ARG002 - the root's answer differs
        """Return the command lines by which a name would be understood elsewhere."""
        return []

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        """Write the line that begins a help page."""
        _write_usage(self, ctx, formatter)

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        """Write what the commands are for."""
        with _in_force(self):
            super().format_help_text(ctx, formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write what stands below."""
        with _in_force(self):
            super().format_epilog(ctx, formatter)

    def get_short_help_str(self, limit: int = 45) -> str:
        """Return what the commands are for, as lists of commands and completion show it."""
        with _in_force(self):
            return super().get_short_help_str(limit)


def _write_usage(command: TyperCommand | TyperGroup, ctx: Any, formatter: Any) -> None:
    pieces = [told(piece) for piece in command.collect_usage_pieces(ctx)]
    formatter.write_usage(ctx.command_path, " ".join(pieces), prefix=f"{told('Usage:')} ")


@contextmanager
def _in_force(command: TyperCommand | TyperGroup) -> Iterator[None]:
    """Let a command have its texts in the language in force."""
    before = command.help, command.epilog
    command.help, command.epilog = (told(text) if text else text for text in before)
    try:
        yield
    finally:
        command.help, command.epilog = before


def _made_plain(params: list[Any]) -> list[Any]:
    """Return parameters that typer made, each of a class that takes plain values as they stand, and its help told."""
    for parameter in params:
        if type(parameter) in {TyperOption, TyperArgument}:
            parameter.help = told(parameter.help or "") or parameter.help
            parameter.metavar = told(parameter.metavar or "") or parameter.metavar
        if type(parameter) is TyperOption:
            parameter.__class__ = PlainOption
        elif type(parameter) is TyperArgument:
            parameter.__class__ = PlainArgument
    return params


def _plain(parameter: TyperOption | TyperArgument, value: Any) -> Any:
    """Return the converted value. Raises ``_NotPlain`` where it is not plainly right."""
    descriptor = parameter.type_descriptor
    several = parameter.multiple or parameter.nargs == -1
    if descriptor.parameter_info.parser is not None:
        raise _NotPlain
    if value is None:
        if parameter.required:
            raise _NotPlain
        return () if several else None
    if not several:
        return _one(value, descriptor.annotation, descriptor.parameter_info)
    if not descriptor.is_list or not isinstance(value, list | tuple) or not value:
        raise _NotPlain
    kind = get_args(descriptor.annotation)[0]
    return [_one(each, kind, descriptor.parameter_info) for each in value]


def _one(value: Any, kind: Any, said: Any) -> Any:
    if (kind is bool and isinstance(value, bool)) or (kind is str and isinstance(value, str) and not said.path_type):
        return value
    if kind is Path and isinstance(value, str | Path):
        return _path(value, said)
    if kind is int and isinstance(value, int | str) and _NUMBER.fullmatch(str(value)) and not said.clamp:
        number = int(value)
        if (said.min is None or number >= said.min) and (said.max is None or number <= said.max):
            return number
    if isinstance(kind, type) and issubclass(kind, Enum) and said.case_sensitive:
        for choice in kind:
            if value is choice or (isinstance(value, str) and value == choice.value):
                return choice
    raise _NotPlain


def _path(value: str | Path, said: Any) -> Path:
    """Return a path that only has to be readable where it leads anywhere."""
    special = said.exists or said.writable or said.resolve_path or said.allow_dash or said.path_type is not None
    if special or not (said.file_okay and said.dir_okay):
        raise _NotPlain
    path = Path(value)
    if said.readable and path.exists() and not os.access(path, os.R_OK):
        raise _NotPlain
    return path
