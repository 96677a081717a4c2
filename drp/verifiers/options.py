"""Checks what the YAML says to a verifier, strictly: no unknown key, no value of another type, all problems at once."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from drp.codec import adapter
from drp.config.misfit import Misfit
from drp.config.problems import suggestion
from drp.config.validate import message_of
from drp.domain.check_runner import Verifier
from drp.domain.phrase import Phrase, say
from drp.errors import PluginError
from drp.verifiers.loading import describe
from drp.verifiers.option_docs import documented, parts_of


def make_options(verifier: Verifier, data: Mapping[str, object], *, check: str) -> object:
    """Return the verifier's options from YAML data. Raises PluginError listing every problem of check ``check``."""
    options, problems = read_options(verifier.Options, data)
    if problems:
        listed = "\n".join(f"  {problem}" for problem in problems)
        who = f"verifier {verifier.name} of {describe(verifier.name).shown.split(' sha256:', maxsplit=1)[0]}"
        message = say(
            "check {check}: {who} does not understand its options\n{listed}", check=check, who=who, listed=listed
        )
        raise PluginError(
            message, hint=say("run `drp verifier list {name}`: it names every option", name=verifier.name)
        )
    return options


def option_problems(verifier: Verifier, data: Mapping[str, object]) -> tuple[Misfit, ...]:
    """Return everything that is wrong with YAML data as the verifier's options; empty: nothing is."""
    return read_options(verifier.Options, data)[1]


def options_schema(verifier: Verifier) -> dict[str, Any]:
    """Return the JSON Schema of what the YAML may say to the verifier; what options mean is their description."""
    schema: dict[str, Any] = adapter(verifier.Options).json_schema(mode="validation")
    for part in parts_of(verifier.Options):
        properties = (schema if part is verifier.Options else schema.get("$defs", {}).get(part.__name__, {})).get(
            "properties", {}
        )
        for name, text in documented(part).items():
            if name in properties:
                properties[name]["description"] = text
    return schema


def read_options(kind: type, data: Mapping[str, object]) -> tuple[object, tuple[Misfit, ...]]:
    """Return YAML data as options of a dataclass, and everything that is wrong with it."""
    problems = list(_unknown_keys(kind, data, ()))
    options: object = None
    try:
        # through JSON: strict there means no guessing between texts and numbers, while lists may become tuples
        options = adapter(kind).validate_json(json.dumps(data, default=str), strict=True)
    except ValidationError as error:
        problems += [
            Misfit(path=_shown(found, data), message=_message(found)) for found in error.errors(include_url=False)
        ]
    return options, tuple(problems)


def _shown(found: Any, data: object) -> tuple[int | str, ...]:
    """Return where a problem is, as the data has it: pydantic adds the branches of a union."""
    path: list[int | str] = []
    location = found["loc"]
    for part in location:
        inside = range(len(data)) if isinstance(data, (list, tuple)) else data if isinstance(data, Mapping) else ()
        if part in inside:
            data = data[part]  # type: ignore[index]
        elif found["type"] != "missing" or part is not location[-1]:
            continue
        path.append(part)
    return tuple(path)


def _message(found: Any) -> Phrase:
    if found["type"] == "missing":
        return say("is missing")
    return message_of(found)


def unknown_key(path: tuple[str | int, ...], known: Sequence[str]) -> Misfit:
    """Return the problem of a key that nothing has, with the one that was probably meant."""
    return Misfit(path=path, message=say("unknown key; {guess}", guess=suggestion(str(path[-1]), known)), key=True)


def _unknown_keys(kind: Any, data: object, path: tuple[str | int, ...]) -> Iterator[Misfit]:
    """Yield the keys that no field has: pydantic passes over them in dataclasses of the standard library."""
    if dataclasses.is_dataclass(kind) and isinstance(data, Mapping):
        hints = typing.get_type_hints(kind)
        known = [field.name for field in dataclasses.fields(kind) if field.init]
        for key, value in data.items():
            if key in known:
                yield from _unknown_keys(hints[key], value, (*path, key))
            else:
                yield unknown_key((*path, str(key)), known)
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
