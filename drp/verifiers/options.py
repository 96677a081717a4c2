"""Checks what the YAML says to a verifier, strictly: no unknown key, no value of another type, all problems at once."""

from __future__ import annotations

import dataclasses
import difflib
import json
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from drp.codec import adapter
from drp.domain.ports import Verifier
from drp.errors import PluginError
from drp.verifiers.loading import describe


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionProblem:
    """One thing wrong with the options of a check; ``path`` leads to it from the options."""

    path: tuple[str | int, ...]
    message: str

    def __str__(self) -> str:
        """Return path and message as one line."""
        return f"{'.'.join(map(str, self.path)) or 'options'}: {self.message}"


def make_options(verifier: Verifier, data: Mapping[str, object], *, check: str) -> object:
    """Return the verifier's options from YAML data. Raises PluginError listing every problem of check ``check``."""
    options, problems = read_options(verifier.Options, data)
    if problems:
        listed = "\n".join(f"  {problem}" for problem in problems)
        who = f"verifier {verifier.name} of {describe(verifier.name).shown.split(' sha256:', maxsplit=1)[0]}"
        message = f"check {check}: {who} does not understand its options\n{listed}"
        raise PluginError(message, hint=f"run `drp verifier list {verifier.name}`: it names every option")
    return options


def option_problems(verifier: Verifier, data: Mapping[str, object]) -> tuple[OptionProblem, ...]:
    """Return everything that is wrong with YAML data as the verifier's options; empty: nothing is."""
    return read_options(verifier.Options, data)[1]


def options_schema(verifier: Verifier) -> dict[str, Any]:
    """Return the JSON Schema of what the YAML may say to the verifier."""
    schema: dict[str, Any] = adapter(verifier.Options).json_schema(mode="validation")
    return schema


def read_options(kind: type, data: Mapping[str, object]) -> tuple[object, tuple[OptionProblem, ...]]:
    """Return YAML data as options of a dataclass, and everything that is wrong with it."""
    problems = list(_unknown_keys(kind, data, ()))
    options: object = None
    try:
        # through JSON: strict there means no guessing between texts and numbers, while lists may become tuples
        options = adapter(kind).validate_json(json.dumps(data, default=str), strict=True)
    except ValidationError as error:
        problems += [
            OptionProblem(path=_shown(found["loc"]), message=_lower(found["msg"]))
            for found in error.errors(include_url=False, include_context=False)
        ]
    return options, tuple(problems)


def _shown(location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Leave out what pydantic adds for the branches of a union."""
    kinds = {"str", "int", "float", "bool", "none"}
    return tuple(part for part in location if part not in kinds and not str(part).startswith(("function-", "tuple[")))


def _lower(message: str) -> str:
    message = message.removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _unknown_keys(kind: Any, data: object, path: tuple[str | int, ...]) -> Iterator[OptionProblem]:
    """Yield the keys that no field has: pydantic passes over them in dataclasses of the standard library."""
    if dataclasses.is_dataclass(kind) and isinstance(data, Mapping):
        hints = typing.get_type_hints(kind)
        known = [field.name for field in dataclasses.fields(kind) if field.init]
        for key, value in data.items():
            if key in known:
                yield from _unknown_keys(hints[key], value, (*path, key))
            else:
                close = difflib.get_close_matches(str(key), known, n=1)
                guess = f"; did you mean `{close[0]}`?" if close else f"; known are {', '.join(known)}"
                yield OptionProblem(path=(*path, str(key)), message=f"unknown key{guess}")
        return
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in {types.UnionType, typing.Union}:
        for argument in arguments:
            yield from _unknown_keys(argument, data, path)
    elif isinstance(data, list) and arguments:
        for number, item in enumerate(data):
            yield from _unknown_keys(arguments[0], item, (*path, number))
    elif isinstance(data, Mapping) and len(arguments) == 2:
        for key, item in data.items():
            yield from _unknown_keys(arguments[1], item, (*path, str(key)))
