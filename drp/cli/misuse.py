"""What is wrong with a command line, said by drp: typer knows what it met, and says it in English alone."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import Enum
from typing import Any

from drp.domain.phrase import NOTHING, Phrase, say, several
from drp.errors import UsageError

_FEW = 4


def near(name: str, known: Iterable[str]) -> Phrase:
    """Return what may have been meant, as words to put behind a message; nothing where nothing is like it."""
    return _meant(difflib.get_close_matches(name, list(known), n=3))


def _meant(names: list[str]) -> Phrase:
    return say("; did you mean {names}?", names=several(names)) if names else NOTHING


def no_such_command(name: str, known: Iterable[str], path: str, elsewhere: Iterable[str] = ()) -> UsageError:
    """Return that there is no such noun or verb, with what may have been meant: a verb may belong to a noun."""
    others = [f"`{each}`" for each in elsewhere]
    meant = _meant([*(others if len(others) <= _FEW else []), *difflib.get_close_matches(name, list(known), n=3)])
    return UsageError(
        say("there is no command {name}{meant}", name=repr(name), meant=meant),
        hint=say("see `{command} --help`", command=path),
    )


def too_much(arguments: Iterable[str], path: str) -> UsageError:
    """Return that there are more arguments than the command takes."""
    return UsageError(
        say("unexpected argument: {arguments}", arguments=several(arguments, " ")),
        hint=say("see `{command} --help`", command=path),
    )


def misuse(error: Any) -> UsageError:
    """Return what typer raised as an error of drp's, with where its help is."""
    context = getattr(error, "ctx", None)
    hint = say("see `{command} --help`", command=context.command_path if context is not None else "drp")
    return UsageError(_message(error), hint=hint)


def _message(error: Any) -> str:
    parameter = getattr(error, "param", None)
    if hasattr(error, "param_type") and parameter is not None:
        return _missing(parameter)
    if hasattr(error, "possibilities"):
        meant = near(error.option_name, error.possibilities or ())
        return say("no such option: {option}{meant}", option=error.option_name, meant=meant)
    if hasattr(error, "option_name"):
        if "does not take a value" in error.message:  # all that typer tells the two apart by
            return say("option {option} takes no value", option=error.option_name)
        return say("option {option} needs a value", option=error.option_name)
    if parameter is not None:
        return _invalid(parameter)
    text = " ".join(error.format_message().rstrip(".").split())
    return text[:1].lower() + text[1:]


def _missing(parameter: Any) -> Phrase:
    if parameter.param_type_name == "argument":
        return say("an argument is missing: {name}", name=parameter.display_name_raw)
    return say("an option is missing: {name}", name=parameter.opts[0])


def _invalid(parameter: Any) -> Phrase:
    option = parameter.param_type_name == "option"
    return say(
        "invalid value for {name}: {expected}",
        name=parameter.opts[0] if option else parameter.display_name_raw,
        expected=_expected(parameter),
    )


def _expected(parameter: Any) -> Phrase:
    """Return what the value has to be, by the declaration of the parameter."""
    kind, said = parameter.type_descriptor, parameter.type_descriptor.parameter_info
    if kind.is_choice:
        return say("it is one of {choices}", choices=several(_choice(each) for each in kind.choices or ()))
    if kind.is_datetime:
        return say("it is an instant such as {example}", example="2026-11-21T02:00:00")
    if kind.is_path:
        return say("it is a path that exists and may be read")
    plain = kind.annotation
    whole = "int" in str(plain)
    if not whole and "float" not in str(plain):
        return say("it cannot be understood")
    if said.min is not None and said.max is not None:
        return say("it is a number from {least} to {most}", least=_figure(said.min), most=_figure(said.max))
    if said.min is not None:
        return say("it is a number of at least {least}", least=_figure(said.min))
    return say("it is a whole number") if whole else say("it is a number")


def _choice(choice: Any) -> str:
    return str(choice.value if isinstance(choice, Enum) else choice)


def _figure(number: float) -> str:
    return f"{number:g}"
