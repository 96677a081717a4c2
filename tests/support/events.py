"""Strategies for every event type, made from the types themselves: a new field or event is covered without a change."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, Union, get_args, get_origin

from hypothesis import strategies as st

from drp.domain.events import Event
from drp.domain.phrase import Phrase, fact, quoted, recorded

EVENT_TYPES: tuple[type, ...] = get_args(Event)

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
_scalars: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=12),
    int: st.integers(min_value=-(2**53), max_value=2**53),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    object: _json,
    type(None): st.none(),
    datetime: st.datetimes(timezones=st.just(UTC)),
    date: st.dates(),
    Phrase: st.one_of(
        st.text(max_size=12).map(quoted),
        st.text(max_size=12).map(recorded),
        st.builds(
            lambda text, number: fact("held", "{text}: {number}", text=text, number=number), st.text(), st.integers()
        ),
    ),
    timedelta: st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=3660)),
}


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for any type that occurs in an event."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in _scalars:
        return _scalars[kind]
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in {Union, types.UnionType}:
        return st.one_of([values(argument) for argument in arguments])
    if origin is tuple and arguments[-1] is Ellipsis:
        return st.lists(values(arguments[0]), max_size=2).map(tuple)
    if origin is Mapping:
        return st.dictionaries(values(arguments[0]), values(arguments[1]), max_size=2)
    assert is_dataclass(kind), kind
    hints = typing.get_type_hints(kind)
    return st.builds(kind, **{field.name: values(hints[field.name]) for field in fields(kind)})
