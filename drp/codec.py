"""Domain values ↔ JSON, without twin models: pydantic adapts the frozen dataclasses themselves.

Canonical form (digests, hash chain): UTF-8, keys sorted, no blanks, no NaN; for our ASCII keys and integer numbers
it is the form of RFC 8785.
"""

from __future__ import annotations

import codecs
import hashlib
import json
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import CoreSchema, core_schema

from drp.domain import phrase_form
from drp.domain.phrase import Phrase, say
from drp.domain.repository import Location
from drp.errors import Tampered

T = TypeVar("T")


def _phrases(kind: type[Phrase], source: Any, handler: Any) -> CoreSchema:  # noqa: ARG001 - pydantic's signature
    """Tell pydantic how a phrase is written and read, since the domain knows nothing of it."""
    return core_schema.no_info_plain_validator_function(
        phrase_form.read,
        serialization=core_schema.plain_serializer_function_ser_schema(phrase_form.written),
        metadata={"pydantic_js_functions": [lambda _schema, _handler: dict(phrase_form.FORM)]},
    )


Phrase.__get_pydantic_core_schema__ = classmethod(_phrases)  # type: ignore[attr-defined]


def _by_what_it_is(kind: type[Location], source: Any, handler: Any) -> CoreSchema:
    """Tell pydantic to write any location as what it is: packages add places, and no union could name them."""
    if source is not Location:
        schema: CoreSchema = handler(source)
        return schema
    return core_schema.is_instance_schema(kind, serialization=core_schema.plain_serializer_function_ser_schema(to_data))


Location.__get_pydantic_core_schema__ = classmethod(_by_what_it_is)  # type: ignore[attr-defined]

_adapters: dict[Any, TypeAdapter[Any]] = {}


def adapter(kind: Any) -> TypeAdapter[Any]:
    """Return the adapter of a type, made once: making one is slow."""
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]


def to_data(value: object, kind: Any = None) -> Any:
    """Return plain JSON data; ``kind`` names the declared type where it is a union."""
    return adapter(kind if kind is not None else type(value)).dump_python(value, mode="json")


def from_data(kind: type[T], data: object) -> T:
    """Return the value that JSON data stands for. Raises ``pydantic.ValidationError``."""
    result: T = adapter(kind).validate_python(data)
    return result


def from_json(kind: type[T], text: str | bytes) -> T:
    """Return the value that a JSON text stands for; raises Tampered when it does not fit the type."""
    try:
        result: T = adapter(kind).validate_json(text)
    except ValidationError as error:
        message = say(
            "stored {kind} cannot be read: {error_count} problems, first: {msg}",
            kind=kind.__name__,
            error_count=error.error_count(),
            msg=error.errors()[0]["msg"],
        )
        raise Tampered(message) from error
    return result


def _escape_surrogates(error: UnicodeError) -> tuple[str, int]:
    r"""Write what is no Unicode as text: restored software may answer ``"\ud800"``, and no reader would take that."""
    assert isinstance(error, UnicodeEncodeError)
    wrong = error.object[error.start : error.end]
    return "".join(f"\\\\u{ord(character):04x}" for character in wrong), error.end


codecs.register_error("drp-escape-surrogates", _escape_surrogates)


def canonical(data: object) -> bytes:
    """Return the canonical JSON bytes of plain data."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "drp-escape-surrogates")


def digest(value: object, kind: Any = None) -> str:
    """Return the SHA-256 of a value's canonical form, hex."""
    return hashlib.sha256(canonical(to_data(value, kind))).hexdigest()


def json_schema(kind: Any) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a type as it is written out."""
    return adapter(kind).json_schema(mode="serialization")
