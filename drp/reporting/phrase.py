"""Sentences that are not yet in any language: a message of the catalogue, and typed values to put into it.

`say` and `count` are what message extraction looks for, so their first arguments are literals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Duration:
    """Milliseconds."""

    ms: int


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes."""

    octets: int


@dataclass(frozen=True, slots=True)
class Rate:
    """Bytes in milliseconds."""

    octets: int
    ms: int


@dataclass(frozen=True, slots=True)
class Instant:
    """A point in time, UTC."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Day:
    """The date of a point in time, UTC."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Data:
    """Text of the drill: never translated, possibly hostile, always escaped and made visible."""

    text: str


@dataclass(frozen=True, slots=True)
class Phrase:
    """A message and its values; with ``plural``, the form is chosen by ``number``."""

    message: str
    plural: str | None = None
    number: int = 0
    values: Mapping[str, Value] = field(default_factory=dict)


Value = Phrase | Duration | Size | Rate | Instant | Day | Data | int


def say(message: str, **values: Value) -> Phrase:
    """Return a phrase with ``{name}`` placeholders for the values."""
    return Phrase(message, values=values)


def count(singular: str, plural: str, number: int, **values: Value) -> Phrase:
    """Return a phrase whose form depends on a number, which is ``{n}`` in it."""
    return Phrase(singular, plural, number, {"n": number, **values})
