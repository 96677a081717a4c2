"""Commands whose plain arguments cost nothing: text, paths, whole numbers, choices and switches.

typer makes a pydantic adapter for every parameter, also for those that nobody gave. Loading pydantic takes longer than
most commands; so what is plainly right is taken as it stands, and everything else is typer's to convert or to refuse.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any, get_args

from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

_NUMBER = re.compile(r"-?[0-9]{1,18}", re.ASCII)


class _NotPlain(Exception):
    """The value is typer's to convert, or to refuse."""


class PlainOption(TyperOption):
    """An option that takes a plain value as it stands."""

    def process_value(self, ctx: Any, value: Any) -> Any:
        """Return what the command is given. Raises as typer does."""
        return _processed(self, ctx, value, super().process_value)


class PlainArgument(TyperArgument):
    """An argument that takes a plain value as it stands."""

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


class PlainGroup(TyperGroup):
    """A group of commands, with plain parameters of its own."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return all parameters, the options for help and completion among them."""
        return _made_plain(super().get_params(ctx))


def _made_plain(params: list[Any]) -> list[Any]:
    """Return parameters that typer made, each of a class that takes plain values as they stand."""
    for parameter in params:
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
