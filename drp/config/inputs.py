"""Which inputs a runbook declares beside its playbooks, and what of an application's inputs does not fit them.

Values are taken as Ansible takes them where nothing is lost (``"5433"`` is a whole number, ``no`` is false), and never
guessed: a text is no list, and nothing at all is no value.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from drp.config.document import Place, Unreadable, read_document
from drp.config.misfit import Misfit
from drp.config.problems import Problem, closest, guessed, suggestion
from drp.config.schema_inputs import InputFile, InputsFile, MainFile
from drp.config.validate import validate
from drp.domain.phrase import Phrase, say, several

FILE = "inputs.yml"
GIVEN = ("order", "restored_root")
"""Inputs that drp itself gives to every runbook."""
_STEPS = ("restore.yml", "start.yml", "stop.yml")
_TRUE = ("true", "yes", "y", "t", "on", "1", "1.0")
_FALSE = ("false", "no", "n", "f", "off", "0", "0.0")
_WANTED: Mapping[str, Phrase] = {
    "str": say("must be text: quote it"),
    "path": say("must be text: quote it"),
    "int": say("must be a whole number"),
    "float": say("must be a number"),
    "bool": say("must be true or false"),
    "list": say("must be a list"),
    "dict": say("must be a mapping"),
}
Declared = tuple[MainFile | None, tuple[Problem, ...]]
"""What a runbook declares, None where it declares nothing, and everything wrong with its declaration."""


def declared_inputs(folders: Collection[Path], kind: str) -> Declared:
    """Return what a runbook declares, None where it declares nothing, and everything wrong with its declaration."""
    for folder in folders:
        home = folder / kind
        if not any((home / step).is_file() for step in _STEPS):
            continue
        if not (home / FILE).exists():
            return None, ()
        try:
            document = read_document(home / FILE, f"runbooks/{kind}/{FILE}")
        except Unreadable as unreadable:
            return None, unreadable.problems
        said, problems = validate(document, InputsFile)
        return (said.argument_specs.main if said is not None else None), tuple(problems)
    return None, ()


def input_misfits(declared: MainFile, inputs: Mapping[str, Any]) -> Iterator[Misfit]:
    """Yield what of an application's inputs the runbook does not take, and what it lacks."""
    own = {name: value for name, value in inputs.items() if name not in GIVEN}
    for name in inputs:
        if name in GIVEN:
            yield Misfit(path=(name,), message=say("is given by drp: leave it out"), key=True)
    yield from _mapping(declared.options, own, ())


def _mapping(options: Mapping[str, InputFile], said: Mapping[str, Any], place: Place) -> Iterator[Misfit]:
    for name, value in said.items():
        if name in options:
            yield from _value(options[name], value, (*place, name))
        else:
            yield Misfit(
                path=(*place, name), message=say("unknown key; {guess}", guess=_meant(name, options)), key=True
            )
    for name, option in options.items():
        if option.required and name not in said:
            yield Misfit(path=(*place, name), message=say("is missing"))


def _meant(name: str, options: Mapping[str, InputFile]) -> Phrase:
    """Return what was probably meant: a key of this mapping, or the same key one mapping deeper."""
    if closest(name, options) is None:
        for outer, option in options.items():
            if name in (option.options or ()):
                return say("did you mean `{outer}: {{{name}: …}}`?", outer=outer, name=name)
    return suggestion(name, options)


def _value(option: InputFile, value: Any, place: Place) -> Iterator[Misfit]:
    if option.choices is not None:
        if not any(_same(value, choice) for choice in option.choices):
            yield Misfit(path=place, message=_choice(value, option.choices))
        return
    if not fits(option.type, value):
        yield Misfit(path=place, message=_WANTED[option.type] if value is not None else _nothing(option))
        return
    if option.type == "list":
        for index, item in enumerate(value):
            if option.elements is not None and not fits(option.elements, item):
                yield Misfit(path=(*place, index), message=_WANTED[option.elements])
            elif option.options is not None and isinstance(item, Mapping):
                yield from _keys(option, item, (*place, index))
    elif option.type == "dict" and option.options is not None:
        yield from _keys(option, value, place)


def _keys(option: InputFile, said: Mapping[str, Any], place: Place) -> Iterator[Misfit]:
    yield from _mapping(option.options or {}, said, place)
    stranger = any(name not in (option.options or {}) for name in said)  # which is told, and probably was meant for it
    for group in () if stranger else option.required_one_of:
        if not any(said.get(name) is not None for name in group):
            yield Misfit(path=place, message=say("needs one of {keys}", keys=several(group)))


def _nothing(option: InputFile) -> Phrase:
    return say("is empty: give a value") if option.required else say("is empty: leave it out, or give a value")


def fits(kind: str, value: Any) -> bool:
    """Return whether a value is of a type, or is taken for one by Ansible without a loss."""
    truth = isinstance(value, bool)
    match kind:
        case "raw":
            return True
        case "str" | "path":
            return isinstance(value, (str, int, float)) and not truth
        case "int":
            return (isinstance(value, int) and not truth) or (isinstance(value, str) and _whole(value))
        case "float":
            return (isinstance(value, (int, float)) and not truth) or (isinstance(value, str) and _number(value))
        case "bool":
            return str(value).lower() in (*_TRUE, *_FALSE) and not isinstance(value, (list, dict))
        case "list":
            return isinstance(value, (list, tuple))
        case _:
            return isinstance(value, Mapping)


def _whole(text: str) -> bool:
    return text.removeprefix("-").isascii() and text.removeprefix("-").isdigit()


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _same(value: Any, choice: Any) -> bool:
    if isinstance(choice, bool):
        return isinstance(value, (bool, str, int)) and str(value).lower() in (_TRUE if choice else _FALSE)
    return not isinstance(value, (bool, list, dict)) and str(value) == str(choice)


def _choice(value: Any, choices: Collection[Any]) -> Phrase:
    words = ["true" if word is True else "false" if word is False else str(word) for word in choices]
    meant = closest(value, [word for word in words if word]) if isinstance(value, str) else None
    return guessed(say("must be one of {choices}", choices=several(word or '""' for word in words)), meant)
