"""A document against its schema: every problem at its place, in plain words, with the key that was probably meant."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from drp.config.document import Document, Place
from drp.config.problems import Problem, Step, closest, guessed, suggestion
from drp.config.values import ADVICE
from drp.domain.phrase import Phrase, count, quoted, say, several

M = TypeVar("M", bound=BaseModel)

_PLAIN: Mapping[str, Phrase] = {
    "string_type": say("must be text: quote it"),
    "int_type": say("must be a whole number"),
    "int_from_float": say("must be a whole number"),
    "float_type": say("must be a number"),
    "bool_type": say("must be true or false"),
    "list_type": say("must be a list"),
    "dict_type": say("must be a mapping"),
    "model_type": say("must be a mapping"),
    "model_attributes_type": say("must be a mapping"),
    "string_too_short": say("must not be empty"),
    "too_short": say("has too few items"),
    "too_long": say("has too many items"),
}
_BOUNDED: Mapping[str, Callable[[Any], Phrase]] = {
    "greater_than": lambda said: say("must be greater than {bound}", bound=_bound(said["gt"])),
    "greater_than_equal": lambda said: say("must be greater than or equal to {bound}", bound=_bound(said["ge"])),
    "less_than": lambda said: say("must be less than {bound}", bound=_bound(said["lt"])),
    "less_than_equal": lambda said: say("must be less than or equal to {bound}", bound=_bound(said["le"])),
    "string_too_long": lambda said: count(
        "must be at most one character", "must be at most {n} characters", said["max_length"]
    ),
}


def _bound(said: Any) -> Any:
    """Return a bound as people write it: pydantic makes 0.0 of 0."""
    return int(said) if isinstance(said, float) and said.is_integer() else said


def validate(document: Document, model: type[M]) -> tuple[M | None, list[Problem]]:
    """Return the model that a document stands for, or every problem with it."""
    if not isinstance(document.data, dict):
        return None, [document.problem((), say("must be a mapping: `key: value` lines"))]
    try:
        return model.model_validate(document.data), []
    except ValidationError as error:
        return None, [_problem(document, model, details) for details in error.errors(include_url=False)]


def _problem(document: Document, model: type[BaseModel], details: Any) -> Problem:
    location, kind = tuple(details["loc"]), str(details["type"])
    place = _place(document, location)
    if kind == "missing":
        return document.problem((*place, str(location[-1])), say("is missing"))
    if kind == "extra_forbidden":
        known = _known_keys(model, location[:-1])
        guess = suggestion(str(location[-1]), known)
        return document.problem(place, say("unknown key; {guess}", guess=guess), key=True)
    if location and location[-1] == "[key]":
        return document.problem(place, message_of(details), key=True)
    return document.problem(place, message_of(details))


def message_of(details: Any) -> Phrase:
    """Return what is wrong by an error of pydantic, as people say it."""
    kind, context = str(details["type"]), details.get("ctx", {})
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind in _BOUNDED:
        return _BOUNDED[kind](context)
    if kind == "value_error":
        return said_by(context["error"])
    if kind == "literal_error":
        return _choice(details["input"], str(context["expected"]))
    if kind == "string_pattern_mismatch":
        return ADVICE.get(str(context["pattern"]), say("does not look as expected"))
    message = str(details["msg"]).replace("Input should be", "must be", 1)
    return quoted(message[:1].lower() + message[1:])


def said_by(error: BaseException) -> Phrase:
    """Return what an error says: as it was raised with, where these are words of drp's."""
    words = error.args[0] if error.args else str(error)
    return words if isinstance(words, Phrase) else quoted(str(error))


def _choice(value: object, expected: str) -> Phrase:
    choices = [choice.strip("' ") for choice in expected.replace(" or ", ",").split(",")]
    if isinstance(value, bool) or value is None:
        return say("must be one of {choices}: quote words such as no, on and null", choices=several(choices))
    wanted = (
        say("must be one of {choices}", choices=several(choices))
        if len(choices) > 1
        else say("must be {choice}", choice=several(choices))
    )
    return guessed(wanted, closest(str(value), choices))


def _place(document: Document, location: Sequence[Step]) -> Place:
    """Return where an error stands in the document: the steps that exist there, without pydantic's own tags."""
    place: Place = ()
    for step in location:
        if (*place, step) in document.values:
            place = (*place, step)
    return place


def _known_keys(model: type[BaseModel], location: Sequence[Step]) -> set[str]:
    """Return the keys that are known at a location of the model."""
    models = [model]
    for step in location:
        annotations = [found.model_fields[step].annotation for found in models if step in found.model_fields]
        if annotations:
            models = [inner for annotation in annotations for inner in _models(annotation)]
    return {field.alias or name for found in models for name, field in found.model_fields.items()}


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in {Annotated, Union, types.UnionType, list, dict}:
        return [model for argument in get_args(annotation) for model in _models(argument)]
    return []
