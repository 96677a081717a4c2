"""What header and trailer of a manifest say, typed: whoever wrote it may be an enemy, and its digest only names it.

Texts must be printable and have an end, numbers must be counts, instants must have a zone; facts are bounded in depth.
Whatever is not so makes the manifest malformed, when it is opened: nothing of it is used then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from drp.domain.manifest import ManifestSummary
from drp.domain.phrase import say
from drp.domain.strict_json import EXACT, Limits, Malformed, bounded, parse_object
from drp.domain.visible import one_line, printable
from drp.errors import ManifestError

ALGORITHMS = ("blake3", "sha256")
LIMITS = Limits(size=16 << 20, largest=1 << 64)
"""Facts count rows and name sequences, of which PostgreSQL's and MariaDB's go beyond what a double holds."""
_MOST_FACTS = 1_000_000
_LONGEST = {"application": 200, "codec": 20, "host": 255, "recovery_point": 200, "root": 16 << 10, "tool": 200}
_LATER = {"facts", "options", "recovery_point"}
"""What manifests of earlier versions lack."""
_HEX = frozenset("0123456789abcdef")
_YEARS = range(1970, 9000)


def read_document(text: bytes) -> dict[str, Any]:
    """Return a header or trailer. Raises ``Malformed``."""
    return parse_object(text, LIMITS)


def require_header(header: Mapping[str, Any]) -> None:
    """Raise ``Malformed`` unless a header is one."""
    for name, longest in _LONGEST.items():
        _field(header, name, partial(_is_text, longest=longest))
    _field(header, "algorithms", _are_algorithms)
    _field(header, "key", lambda value: _is_hex(value, 64))
    _field(header, "started_at", _is_instant)
    _field(header, "options", _are_options)
    _field(header, "facts", lambda value: isinstance(value, dict))
    application = header["application"]
    if "/" in application or application.startswith("."):
        raise Malformed("application is no name")
    bounded(header.get("facts", {}), LIMITS, most=_MOST_FACTS)


def require_trailer(trailer: Mapping[str, Any]) -> None:
    """Raise ``Malformed`` unless a trailer is one."""
    for name in ("entries", "files", "total_bytes", "errors", "frames"):
        _field(trailer, name, _is_count)
    _field(trailer, "merkle_root", lambda value: _is_hex(value, 64))
    _field(trailer, "finished_at", _is_instant)


def summary_of(identity: str, header: Mapping[str, Any], trailer: Mapping[str, Any]) -> ManifestSummary:
    """Return what a header and a trailer that were looked at say together. Raises ``ManifestError``."""
    started, finished = _instant(header["started_at"]), _instant(trailer["finished_at"])
    if finished < started:
        raise ManifestError("malformed manifest: it was finished before it was begun")
    return ManifestSummary(
        id=identity,
        application=header["application"],
        root=header["root"],
        host=header["host"],
        tool=header["tool"],
        algorithms=tuple(header["algorithms"]),
        started_at=started,
        finished_at=finished,
        entries=trailer["entries"],
        files=trailer["files"],
        total_bytes=trailer["total_bytes"],
        merkle_root=trailer["merkle_root"],
        errors=trailer["errors"],
        facts=header.get("facts", {}),
        recovery_point=header.get("recovery_point", ""),
    )


def _field(document: Mapping[str, Any], name: str, fits: Callable[[Any], bool]) -> None:
    if name not in document:
        if name not in _LATER:
            raise Malformed(say("{name} is missing", name=name))
    elif not fits(document[name]):
        raise Malformed(say("{name} is {document}", name=name, document=one_line(repr(document[name])[:80], 80)))


def _is_text(value: object, longest: int) -> bool:
    return isinstance(value, str) and len(value) <= longest and printable(value) == value


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= EXACT


def _is_hex(value: object, length: int) -> bool:
    return isinstance(value, str) and len(value) == length and _HEX.issuperset(value)


def _are_algorithms(value: object) -> bool:
    known = [name for name in ALGORITHMS if isinstance(value, list) and name in value]
    return bool(known) and value in (known, known[::-1])


def _are_options(value: object) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("xattrs", False), bool)
        and isinstance(value.get("attributes", []), list)
        and all(_is_text(each, 20) for each in value.get("attributes", []))
    )


def _is_instant(value: object) -> bool:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) and len(value) <= 40 else None
    except ValueError:
        return False
    return moment is not None and moment.tzinfo is not None and moment.year in _YEARS


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
