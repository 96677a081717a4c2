"""What drp says, as facts: a message of the catalogue and typed values, which become words at the edge.

A `Phrase` is its English words, and remembers what they are made of, so that a reader gets them in a language of his
own, and nobody ever reads a sentence back. A conclusion that is journalled is made by `fact`, whose code stays when
its words are bettered; words that are only shown by `say` and `count`; what others said by `quoted`. The first
arguments are literals: the extraction of messages looks for them. A plain string in a record is a sentence of before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from string import Formatter
from types import MappingProxyType
from typing import Any, Self

from drp.domain import duration


@dataclass(frozen=True, slots=True)
class Duration:
    """Milliseconds, told by so many of their largest units."""

    ms: int
    units: int = 2


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
class Several:
    """Several values one after the other, with what stands between them."""

    values: tuple[Value, ...]
    between: str = ", "


class Phrase(str):
    """A message and its values; with ``plural``, the form is chosen by ``number``. As a string: its English words."""

    __slots__ = ("code", "message", "number", "plural", "values")

    code: str
    """Names what is said whatever its words are; empty: the message names itself."""
    message: str
    plural: str | None
    number: int
    values: Mapping[str, Value]

    def __new__(
        cls,
        message: str,
        plural: str | None = None,
        number: int = 0,
        values: Mapping[str, Value] | None = None,
        code: str = "",
    ) -> Self:
        """Return the phrase. Raises ``ValueError`` for a message that asks for other values than it is given."""
        given = MappingProxyType(dict(values or {}))
        pattern = message if plural is None or number == 1 else plural
        require_plain(pattern, given)
        made = super().__new__(cls, pattern.format(**{name: english(value) for name, value in given.items()}))
        made.code, made.message, made.plural, made.number, made.values = code, message, plural, number, given
        return made

    def then(self, more: str) -> Phrase:
        """Return this with more words behind it, nothing between; itself for none."""
        return joined((self, more), "")

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep what it is made of where it is copied."""
        return Phrase, (self.message, self.plural, self.number, dict(self.values), self.code)


Value = Phrase | Duration | Size | Rate | Instant | Day | Data | Several | int

QUOTED, RECORDED = "quoted", "recorded"
"""Codes of what others said, and of a sentence that a record of before holds."""


def say(message: str, **values: object) -> Phrase:
    """Return a phrase with ``{name}`` placeholders for the values; a plain string is data."""
    return Phrase(message, values=_typed(values))


def count(singular: str, plural: str, number: int, **values: object) -> Phrase:
    """Return a phrase whose form depends on a number, which is ``{n}`` in it."""
    return Phrase(singular, plural, number, {"n": number, **_typed(values)})


def fact(code: str, message: str, **values: object) -> Phrase:
    """Return what a drill concludes: a code of its own, the English message, typed values."""
    return Phrase(message, values=_typed(values), code=code)


def counted(code: str, singular: str, plural: str, number: int, **values: object) -> Phrase:
    """Return a fact whose words depend on a number, which is ``{n}`` in them."""
    return Phrase(singular, plural, number, {"n": number, **_typed(values)}, code)


def quoted(text: str) -> Phrase:
    """Return what others said, as they said it: a verifier from elsewhere, restored software, a file."""
    return text if isinstance(text, Phrase) else Phrase("{text}", values={"text": Data(text)}, code=QUOTED)


def own_words(text: str) -> Phrase:
    """Return words of drp's own that have no values, such as a hint, so that the catalogues are asked for them.

    What is not plain ASCII was never written by drp, and is data.
    """
    if isinstance(text, Phrase):
        return text
    if not (text.isascii() and text.isprintable()):
        return quoted(text)
    return Phrase(text.replace("{", "{{").replace("}", "}}"))


def recorded(text: str) -> Phrase:
    """Return a sentence that a record of before holds: shown verbatim, and as such."""
    return Phrase("{text}", values={"text": Data(text)}, code=RECORDED) if text else NOTHING


def lasting(duration: timedelta, units: int = 2) -> Duration:
    """Return a duration as a value."""
    return Duration(duration // timedelta(milliseconds=1), units)


def beside(duration: timedelta | int, limit: timedelta | int) -> tuple[Duration, Duration]:
    """Return a duration and what it is held against (an int: milliseconds), with as many units as tell them apart."""
    both = [each if isinstance(each, int) else each // timedelta(milliseconds=1) for each in (duration, limit)]
    for units in range(2, 6):
        told = Duration(both[0], units), Duration(both[1], units)
        if english(told[0]) != english(told[1]):
            break
    return told


def several(values: Iterable[object], between: str = ", ") -> Several:
    """Return values as one; plain strings are data."""
    return Several(tuple(map(value_of, values)), between)


def joined(phrases: Iterable[object], between: str = "; ") -> Phrase:
    """Return phrases one after the other as one; nothing for none."""
    values = several([each for each in phrases if each != ""], between)
    if len(values.values) == 1 and isinstance(values.values[0], Phrase):
        return values.values[0]
    return Phrase("{all}", values={"all": values}) if values.values else NOTHING


def _typed(values: Mapping[str, object]) -> dict[str, Value]:
    return {name: value_of(value) for name, value in values.items()}


def value_of(value: object) -> Value:
    """Return anything as a value: what is no typed one is data, and an error is the phrase that it was raised with."""
    if isinstance(value, Phrase | Duration | Size | Rate | Instant | Day | Data | Several):
        return value
    if isinstance(value, BaseException) and value.args and isinstance(value.args[0], Phrase):
        return value.args[0]
    return value if isinstance(value, int) and not isinstance(value, bool) else Data(str(value))


def with_data(value: Value, change: Callable[[str], str]) -> Value:
    """Return a value with every datum in it changed, words left as they are: what is redacted or bounded is data."""
    match value:
        case Phrase():
            inner = {name: with_data(each, change) for name, each in value.values.items()}
            return Phrase(value.message, value.plural, value.number, inner, value.code)
        case Data():
            return Data(change(value.text))
        case Several():
            return Several(tuple(with_data(each, change) for each in value.values), value.between)
        case _:
            return value


def require_plain(pattern: str, values: Mapping[str, Value]) -> None:
    """Raise ``ValueError`` unless a pattern asks for names alone, and for no other than there are.

    A pattern may come from a record: what reaches into a value, or formats it otherwise, is none of ours.
    """
    for _, name, spec, conversion in Formatter().parse(pattern):
        if name is not None and (name not in values or spec or conversion):
            text = f"the message {pattern[:200]!r} asks for {name!r}"
            raise ValueError(text)


def english(value: Value) -> str:
    """Return a value in plain English, as a journal or a log has it."""
    match value:
        case str():
            return str(value)
        case Data():
            return value.text
        case Duration():
            return duration.words(value.ms, units=value.units)
        case Size():
            return f"{value.octets:,} bytes"
        case Rate():
            return f"{value.octets * 1000 // max(value.ms, 1):,} bytes/s"
        case Instant():
            return f"{value.at:%Y-%m-%d %H:%M:%SZ}"
        case Day():
            return f"{value.at:%Y-%m-%d}"
        case Several():
            return value.between.join(map(english, value.values))
        case int():
            return str(value)


NOTHING = Phrase("")
"""No words at all."""
