"""Finds facts that a journal would flatten: a phrase in a field that is declared as a plain string."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

from drp.domain.phrase import Phrase


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def flattened(value: object, where: str = "") -> Iterator[str]:
    """Yield the places of phrases whose code and values would be lost."""
    if is_dataclass(value) and not isinstance(value, type):
        hints = _hints(type(value))
        for field in fields(value):
            inner, place = getattr(value, field.name), f"{type(value).__name__}.{field.name}"
            if isinstance(inner, Phrase) and "Phrase" not in str(hints[field.name]):
                yield f"{place}: {inner}"
            elif not isinstance(inner, Phrase):
                yield from flattened(inner, place)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from flattened(each, where)
    elif isinstance(value, tuple | list):
        for each in value:
            yield from flattened(each, where)
