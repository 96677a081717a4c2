"""A document against its schema: every problem at its place, in plain words, with the key that was probably meant."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from drp.config.document import Document, Place
from drp.config.problems import Problem, Step, closest, suggestion
from drp.config.values import ADVICE

M = TypeVar("M", bound=BaseModel)

_PLAIN: Mapping[str, str] = {
    "string_type": "must be text: quote it",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "string_too_short": "must not be empty",
}


def validate(document: Document, model: type[M]) -> tuple[M | None, list[Problem]]:
    """Return the model that a document stands for, or every problem with it."""
    if not isinstance(document.data, dict):
        return None, [document.problem((), "must be a mapping: `key: value` lines")]
    try:
        return model.model_validate(document.data), []
    except ValidationError as error:
        return None, [_problem(document, model, details) for details in error.errors(include_url=False)]


def _problem(document: Document, model: type[BaseModel], details: Any) -> Problem:
    location, kind = tuple(details["loc"]), str(details["type"])
    place = _place(document, location)
    if kind == "missing":
        return document.problem((*place, str(location[-1])), "is missing")
    if kind == "extra_forbidden":
        known = _known_keys(model, location[:-1])
        return document.problem(place, f"unknown key; {suggestion(str(location[-1]), known)}", key=True)
    if location and location[-1] == "[key]":
        return document.problem(place, _message(details), key=True)
    return document.problem(place, _message(details))


def _message(details: Any) -> str:
    kind, context = str(details["type"]), details.get("ctx", {})
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        return _choice(details["input"], str(context["expected"]))
    if kind == "string_pattern_mismatch":
        return ADVICE.get(str(context["pattern"]), "does not look as expected")
    if kind in {"too_short", "too_long"}:
        return "has too few items" if kind == "too_short" else "has too many items"
    message = str(details["msg"]).replace("Input should be", "must be", 1)
    return message[:1].lower() + message[1:]


def _choice(value: object, expected: str) -> str:
    choices = [choice.strip("' ") for choice in expected.replace(" or ", ",").split(",")]
    if isinstance(value, bool) or value is None:
        return f"must be one of {', '.join(choices)}: quote words such as no, on and null"
    meant = closest(str(value), choices)
    return f"must be {'one of ' if len(choices) > 1 else ''}{', '.join(choices)}" + (
        f"; did you mean `{meant}`?" if meant else ""
    )


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
