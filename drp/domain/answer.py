"""What a program inside a sandbox may answer: declared names and types, and nothing else.

A declaration is plain data, so that a role writes it in YAML beside the program. It is an object of names and types; a
name that ends in ``?`` may be absent. A type is one of ``bool``, ``int`` (0 to 2^53), ``text`` (at most 4096
characters, made printable: it is shown), ``raw`` (at most 64 KiB, taken as it is: it is handed on, and never shown),
``notices`` (what `drp.drill.phases.notices` takes), a list of one type or of several in their order, or an object; in
an object the one name ``*`` stands for any.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drp.domain.phrase import say
from drp.domain.strict_json import EXACT, Malformed, parse_object
from drp.domain.visible import one_line, printable

NOTICES = "notices"
_LONGEST = {"text": 4096, "raw": 64 << 10}
_MOST = 10_000
_SHOWN = 80
WHY = "why"
"""What a program that failed may say, declared or not: the message of its failure."""
_SAID: Mapping[str, object] = {"message": "text", "values": {"*": "text"}}
_NOTICE: Mapping[str, object] = {
    "kind": "text",
    "subject": "text",
    "observed": "text",
    "said?": {"subject?": _SAID, "observed?": _SAID},
}


def read_answer(text: bytes, declared: Mapping[str, object], *, whole: bool = True) -> dict[str, Any]:
    """Return what a program said: one object a line; each name once, but notices, which are joined.

    ``whole`` False: the program did not come to its end, so what is declared may be absent. Raises ``Malformed``.
    """
    said: dict[str, Any] = {}
    declared = declared if whole else {**declared, f"{WHY}?": _SAID}
    for line in filter(None, map(bytes.strip, text.split(b"\n"))):
        for name, value in _fields(parse_object(line), declared, "").items():
            if name == NOTICES and NOTICES in said:
                said[name] += value
            elif said.setdefault(name, value) != value:
                raise Malformed(say("{name} is said twice, and not alike", name=name))
    if whole:
        _require_all(said, declared, "")
    return said


def _require_all(said: Mapping[str, Any], declared: Mapping[str, object], where: str) -> None:
    for name in declared:
        if not name.endswith("?") and name not in said:
            raise Malformed(say("{where}{name} is missing", where=where, name=name))


def _fields(said: Mapping[str, Any], declared: Mapping[str, object], where: str) -> dict[str, Any]:
    """Return an object with every value typed; names may be missing."""
    if set(declared) == {"*"}:
        _require_few(said, where)
        return {_value(name, "text", where): _value(value, declared["*"], where) for name, value in said.items()}
    types = {name.removesuffix("?"): kind for name, kind in declared.items()}
    for name in said:
        if name not in types:
            raise Malformed(say("{where}{name} is not declared", where=where, name=one_line(name, _SHOWN)))
    return {name: _value(value, types[name], f"{where}{name}") for name, value in said.items()}


def _value(value: Any, kind: object, where: str) -> Any:
    if isinstance(kind, str):
        return _plain(value, kind, where)
    if isinstance(kind, list) and kind:
        if not isinstance(value, list) or (len(kind) > 1 and len(value) != len(kind)):
            raise Malformed(say("{where} is no such list", where=where))
        if len(kind) > 1:
            return [_value(each, its, where) for each, its in zip(value, kind, strict=True)]
        _require_few(value, where)
        return [_value(each, kind[0], where) for each in value]
    if isinstance(kind, Mapping):
        if not isinstance(value, Mapping):
            raise Malformed(say("{where} is no object", where=where))
        if set(kind) != {"*"}:
            _require_all(value, kind, f"{where}.")
        return _fields(value, kind, f"{where}.")
    raise Malformed(say("{where} is declared as something that is no type", where=where))


def _plain(value: Any, kind: str, where: str) -> Any:
    if kind == NOTICES:
        return _value(value, [_NOTICE], where)
    if kind == "bool" and isinstance(value, bool):
        return value
    if kind == "int" and isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= EXACT:
        return value
    if kind in _LONGEST and isinstance(value, str) and len(value) <= _LONGEST[kind]:
        return printable(value) if kind == "text" else value
    raise Malformed(say("{where} is no {kind}", where=where, kind=kind))


def _require_few(value: Any, where: str) -> None:
    if len(value) > _MOST:
        raise Malformed(say("{where} has more than {MOST} parts", where=where, MOST=_MOST))
