"""Phrases as a journal and a record hold them: a code, the message, typed values. Read strictly, and both ways alike.

A plain string is a sentence of before, and stays one. Types of values: ``"text"`` and ``17`` as they are;
``{"milliseconds"}`` (with ``units``), ``{"bytes"}``, both for a rate; ``{"instant"}``, ``{"day"}`` (ISO 8601);
``{"several", "between"}``; ``{"quoted"}``; ``{"code", "message", "values"}`` with ``plural`` and
``number`` where the words depend on one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from drp.domain.phrase import (
    QUOTED,
    RECORDED,
    Data,
    Day,
    Duration,
    Instant,
    Phrase,
    Rate,
    Several,
    Size,
    Value,
    quoted,
    recorded,
)

_UNITS = 2
_DEEPEST = 8
"""Phrases within phrases; no conclusion of ours has more than four."""


def written(phrase: str) -> Any:
    """Return a phrase as plain data; a plain string, and a sentence of before, as that string."""
    if not isinstance(phrase, Phrase) or phrase.code == RECORDED or not phrase.message:
        return str(phrase)
    if phrase.code == QUOTED:
        return {"quoted": str(phrase)}
    said: dict[str, Any] = {"code": phrase.code} if phrase.code else {}
    said["message"] = phrase.message
    if phrase.plural is not None:
        said |= {"plural": phrase.plural, "number": phrase.number}
    return said | {"values": {name: _written(value) for name, value in phrase.values.items()}}


def _written(value: Value) -> Any:
    match value:
        case str():
            return written(value)
        case Data():
            return value.text
        case Duration():
            return {"milliseconds": value.ms} | ({} if value.units == _UNITS else {"units": value.units})
        case Size():
            return {"bytes": value.octets}
        case Rate():
            return {"bytes": value.octets, "milliseconds": value.ms}
        case Instant():
            return {"instant": value.at.isoformat()}
        case Day():
            return {"day": value.at.isoformat()}
        case Several():
            return {"several": [_written(each) for each in value.values], "between": value.between}
        case int():
            return value


def read(data: object, *, depth: int = 0) -> Phrase:
    """Return the phrase that plain data stands for. Raises ``ValueError`` for what ``written`` never writes."""
    if isinstance(data, Phrase):
        return data
    if isinstance(data, str):
        return recorded(data)
    if not isinstance(data, Mapping) or depth > _DEEPEST:
        raise ValueError("no phrase")
    if set(data) == {"quoted"} and isinstance(data["quoted"], str):
        return quoted(data["quoted"])
    code, message, values = data.get("code", ""), data.get("message"), data.get("values")
    plural, number = data.get("plural"), data.get("number", 0)
    known = {"code", "message", "values"} | ({"plural", "number"} if plural is not None else set())
    if not (set(data) <= known and isinstance(message, str) and isinstance(code, str) and isinstance(values, Mapping)):
        raise ValueError("a phrase is a code, a message and values")
    if code in {QUOTED, RECORDED} or not (plural is None or isinstance(plural, str)) or not _whole(number):
        raise ValueError("a phrase has one message, or two forms of it and a number")
    return Phrase(message, plural, number, {name: _read(value, depth + 1) for name, value in values.items()}, code)


def _read(data: object, depth: int) -> Value:
    if isinstance(data, str):
        return Data(data)
    if _whole(data):
        return data  # type: ignore[return-value]
    if not isinstance(data, Mapping):
        raise ValueError("no value of a phrase")  # noqa: TRY004 - what is malformed is one kind of error
    if set(data) == {"several", "between"} and isinstance(data["several"], list) and depth <= _DEEPEST:
        return Several(tuple(_read(each, depth + 1) for each in data["several"]), str(data["between"]))
    if set(data) <= {"milliseconds", "bytes", "units"} and data and all(map(_whole, data.values())):
        return _amount(data)
    if set(data) == {"instant"}:
        return Instant(_moment(data["instant"]))
    if set(data) == {"day"}:
        return Day(_moment(data["day"]))
    return read(data, depth=depth)


def _amount(data: Mapping[str, Any]) -> Value:
    if set(data) == {"bytes", "milliseconds"}:
        return Rate(data["bytes"], data["milliseconds"])
    if set(data) == {"bytes"}:
        return Size(data["bytes"])
    if "milliseconds" not in data or "bytes" in data:
        raise ValueError("no amount")
    return Duration(data["milliseconds"], data.get("units", _UNITS))


def _moment(text: object) -> datetime:
    at = datetime.fromisoformat(str(text))
    if at.tzinfo is None:
        raise ValueError("an instant without its zone")
    return at.astimezone(UTC)


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


FORM: Mapping[str, Any] = {
    "title": "Phrase",
    "description": "What drp concluded: a code, an English message, typed values. A string: a sentence of before.",
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {"quoted": {"type": "string"}},
            "required": ["quoted"],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "plural": {"type": "string"},
                "number": {"type": "integer"},
                "values": {"type": "object"},
            },
            "required": ["message", "values"],
            "additionalProperties": False,
        },
    ],
}
"""The JSON Schema of it."""
