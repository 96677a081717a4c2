"""Reads JSON that others may have written: from sandboxes, backups, manifests. I-JSON (RFC 7493), within bounds.

Readers differ in what they make of names that come twice, of NaN, of numbers that no double holds, of half a surrogate
pair; a text that two readers read apart is no evidence. So such a text is malformed, like one that is too long, nests
too deep or is not UTF-8. Nothing but ``Malformed`` is ever raised, and time and memory grow with the text alone.
Nesting is counted before anything is parsed.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Any, NoReturn

from drp.domain.phrase import say
from drp.domain.visible import one_line

EXACT = 1 << 53
"""Beyond it a double no longer holds every whole number (RFC 7493 §2.2)."""
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)
"""A string, or one that does not end: it matches at every quotation mark, so no text is looked at twice."""
_NO_BRACKET = re.compile(r"[^][{}]+")
_STEPS = {"[": 1, "{": 1, "]": -1, "}": -1}
_SURROGATE = re.compile("[\ud800-\udfff]")
_LONGEST_NUMBER = 400
_SHOWN = 80


class Malformed(ValueError):
    """A text is not what it has to be; the message says what is wrong, short and printable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is still read."""

    size: int = 256 << 10
    """Bytes of the whole text."""
    depth: int = 32
    """Lists and objects inside one another."""
    largest: int = EXACT
    """The largest whole number, either side of zero; 0: any that can be written in 400 characters."""
    half_pairs: bool = False
    """Take half surrogate pairs: Python programs write bytes of names that are no UTF-8 so."""


LIMITS = Limits()


def parse(text: str | bytes | bytearray, limits: Limits = LIMITS) -> Any:
    """Return the value that a JSON text stands for. Raises ``Malformed``."""
    if len(text) > limits.size:
        raise Malformed(say("more than {size} bytes", size=limits.size))
    if not isinstance(text, str):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError:
            raise Malformed("no UTF-8") from None
    _require_shallow(text, limits.depth)
    try:
        value = _decoder(limits).decode(text)
    except json.JSONDecodeError as error:
        raise Malformed(say("no JSON: {msg} at character {pos}", msg=error.msg, pos=error.pos)) from None
    except (RecursionError, MemoryError):
        raise Malformed("no JSON that can be read here") from None
    if not limits.half_pairs and ("\\u" in text or _SURROGATE.search(text)):
        _require_whole_pairs(value)
    return value


def parse_object(text: str | bytes | bytearray, limits: Limits = LIMITS) -> dict[str, Any]:
    """Return the object that a JSON text stands for. Raises ``Malformed``, also when it is a list or a number."""
    value = parse(text, limits)
    if not isinstance(value, dict):
        raise Malformed("no object")
    return value


def bounded(value: object, limits: Limits = LIMITS, *, most: int = 100_000) -> None:
    """Raise ``Malformed`` unless data that another reader has made is what ``parse`` could have given.

    ``most`` bounds how many values there are in all; ``limits.size`` how many characters.
    """
    characters = count = 0
    waiting: list[tuple[object, int]] = [(value, 0)]
    while waiting:
        each, depth = waiting.pop()
        count += 1
        if depth > limits.depth:
            raise Malformed(say("more than {depth} levels", depth=limits.depth))
        if isinstance(each, Mapping):
            waiting += [(part, depth + 1) for pair in each.items() for part in pair]
            if not all(isinstance(name, str) for name in each):
                raise Malformed("a name that is no text")
        elif isinstance(each, (list, tuple)):
            waiting += [(part, depth + 1) for part in each]
        else:
            characters += _require_plain(each, limits)
        if count + len(waiting) > most or characters > limits.size:
            raise Malformed(say("more than {most} values or {size} characters", most=most, size=limits.size))


def _require_plain(value: object, limits: Limits) -> int:
    """Return how many characters a value without parts has. Raises ``Malformed`` if it is none of JSON's."""
    if isinstance(value, str):
        if not limits.half_pairs and _SURROGATE.search(value):
            raise Malformed("half a surrogate pair")
        return len(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise Malformed("a number that is none")
    if isinstance(value, int) and limits.largest and abs(value) > limits.largest:
        raise Malformed("a whole number that is too large")
    if value is not None and not isinstance(value, (bool, int, float)):
        raise Malformed(f"a {type(value).__name__}")
    return 1


@lru_cache(maxsize=32)
def _decoder(limits: Limits) -> json.JSONDecoder:
    """Return what reads within the limits; made once, for texts come by the million."""
    return json.JSONDecoder(
        object_pairs_hook=_object,
        parse_constant=_no_number,
        parse_int=_Reader(limits).whole,
        parse_float=_fraction,
    )


def _require_shallow(text: str, most: int) -> None:
    if text.count("[") + text.count("{") <= most:
        return
    brackets = _NO_BRACKET.sub("", _STRING.sub("", text))
    if max(accumulate(map(_STEPS.__getitem__, brackets)), default=0) > most:
        raise Malformed(say("more than {most} levels", most=most))


def _require_whole_pairs(value: object) -> None:
    for text in _texts(value):
        if _SURROGATE.search(text):
            raise Malformed("half a surrogate pair")


def _texts(value: object) -> Iterator[str]:
    """Yield every text and name of a value, whose depth is bounded."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield name
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


def _object(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise Malformed(say("{name} comes twice", name=one_line(name, _SHOWN)))
        found[name] = value
    return found


def _no_number(name: str) -> NoReturn:
    raise Malformed(say("{name} is no number of JSON", name=name))


def _fraction(text: str) -> float:
    value = float(text) if len(text) <= _LONGEST_NUMBER else math.inf
    if not math.isfinite(value):
        raise Malformed("a number that no double holds")
    return value


@dataclass(frozen=True, slots=True)
class _Reader:
    limits: Limits

    def whole(self, text: str) -> int:
        """Return a whole number. Raises ``Malformed``; it is not converted unless it can be small enough."""
        if len(text) > _LONGEST_NUMBER or (self.limits.largest and len(text) > len(str(self.limits.largest)) + 1):
            raise Malformed("a whole number that is too large")
        value = int(text)
        if self.limits.largest and abs(value) > self.limits.largest:
            raise Malformed("a whole number that is too large")
        return value
