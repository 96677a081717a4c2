"""What the YAML may say where people write durations, sizes, instants and names: their text forms and their schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from drp.domain.phrase import Phrase, say, several
from drp.share import languages

_SECONDS = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:(N)w)?(?:(N)d)?(?:(N)h)?(?:(N)m)?(?:(N)s)?".replace("N", "[0-9]{1,9}"))
_ISO_DURATION = re.compile(
    r"P(?:(N)W)?(?:(N)D)?(?:T(?:(N)H)?(?:(N)M)?(?:(N)S)?)?".replace("N", "[0-9]{1,9}"),
)
_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,3})?)\s*(?:([KMGTP])(i?)B|B)")
_POWERS = {"K": 1, "M": 2, "G": 3, "T": 4, "P": 5}
_LONGEST = timedelta(days=3660)
_SLOWEST = 1024


def parse_duration(value: object) -> timedelta:
    """Return a duration from ``4h``, ``30m``, ``1d12h`` or ISO 8601 (``PT4H``). Raises ``ValueError`` with advice."""
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError(say("has no unit: write {value}s, {value}m or {value}h", value=value))  # noqa: TRY004 - pydantic takes ValueError
    if not isinstance(value, str):
        raise ValueError(say("is not a duration: write it as 30m, 4h or 1d12h"))  # noqa: TRY004 - as above
    text = value.replace(" ", "")
    match = _ISO_DURATION.fullmatch(text) or _DURATION.fullmatch(text)
    if not match or not any(match.groups()):
        raise ValueError(say("is not a duration: write it as 30m, 4h or 1d12h"))
    total = sum(int(number or 0) * seconds for number, seconds in zip(match.groups(), _SECONDS.values(), strict=True))
    if total > _LONGEST.total_seconds():
        raise ValueError(say("is longer than ten years"))
    return timedelta(seconds=total)


def _language(value: object) -> str:
    if not isinstance(value, str) or value not in languages():
        raise ValueError(say("must be one of {choices}", choices=several(languages())))
    return value


def _some_time(value: object) -> timedelta:
    duration = parse_duration(value)
    if not duration:
        raise ValueError(say("must be longer than zero"))
    return duration


def show_duration(duration: timedelta) -> str:
    """Return a duration the way the YAML says it: ``1d12h``, ``4h``, ``0s``."""
    rest, text = int(duration.total_seconds()), ""
    for unit, seconds in _SECONDS.items():
        number, rest = divmod(rest, seconds) if unit != "w" else (0, rest)
        text += f"{number}{unit}" if number else ""
    return text or "0s"


def parse_size(value: object) -> int:
    """Return bytes from a number or ``8GiB``, ``500MB``. Raises ``ValueError`` with advice."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if not match:
        raise ValueError(say("is not a size: write it as 512MiB or 8GiB"))
    number, unit, binary = match.groups()
    result = int(float(number) * (1024 if binary else 1000) ** (_POWERS[unit] if unit else 0))
    if not 0 < result < 1 << 60:
        raise ValueError(say("is not a size that a machine has"))
    return result


def parse_rate(value: object) -> int:
    """Return bytes a second from ``50MB/s`` or ``400Mbit/s``. Raises ``ValueError`` with advice."""
    text = value.replace(" ", "") if isinstance(value, str) else ""
    bits = text.endswith("bit/s")
    try:
        amount = parse_size(f"{text.removesuffix('bit/s')}B" if bits else text.removesuffix("/s"))
    except ValueError:
        amount = 0
    if not amount or not text.endswith("/s"):
        raise ValueError(say("is not a speed: write it as 50MB/s or 400Mbit/s"))
    if (per_second := amount // 8 if bits else amount) < _SLOWEST:
        raise ValueError(say("is slower than one KiB a second, the least that tools can be told"))
    return per_second


class NotAnInstant(ValueError):
    """A text that is no point in time at all."""


def parse_instant(value: object) -> datetime:
    """Return an instant in UTC from ISO 8601 with a zone. Raises ``ValueError`` with advice."""
    try:
        instant = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        instant = None
    if instant is None:
        raise NotAnInstant(say("is not an instant: write it as 2026-11-21T02:00:00Z"))
    if instant.tzinfo is None:
        raise ValueError(say("has no time zone: end it with Z or with an offset such as +01:00"))
    return instant.astimezone(UTC)


def _disaster(value: object) -> datetime | None:
    return None if value == "now" else parse_instant(value)


def _text_schema(pattern: str, *examples: str) -> WithJsonSchema:
    schema: dict[str, Any] = {"type": "string", "pattern": pattern, "examples": list(examples)}
    return WithJsonSchema(schema)


_DURATION_PATTERN = (
    r"^(?=.*[0-9])((\d+w)? ?(\d+d)? ?(\d+h)? ?(\d+m)? ?(\d+s)?|P(\d+W)?(\d+D)?(T(\d+H)?(\d+M)?(\d+S)?)?)$"
)

Duration = Annotated[timedelta, BeforeValidator(_some_time), _text_schema(_DURATION_PATTERN, "30m", "4h", "1d12h")]
"""Longer than zero."""

DurationOrZero = Annotated[timedelta, BeforeValidator(parse_duration), _text_schema(_DURATION_PATTERN, "15m", "0s")]

Size = Annotated[
    int,
    BeforeValidator(parse_size),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^\d+(\.\d+)?\s*([KMGTP]i?)?B$", "examples": ["512MiB", "8GiB"]},
                {"type": "integer", "minimum": 1},
            ]
        }
    ),
]
"""Bytes."""

Rate = Annotated[
    int,
    BeforeValidator(parse_rate),
    _text_schema(r"^\d+(\.\d+)?\s*([KMGTP]i?)?(B|bit)/s$", "50MB/s", "400Mbit/s"),
]
"""Bytes a second."""

DisasterInstant = Annotated[
    datetime | None, BeforeValidator(_disaster), _text_schema(r"^(now|\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:\d\d))$", "now")
]
"""None: the instant the drill is declared."""

Instant = Annotated[datetime, BeforeValidator(parse_instant), _text_schema(r"^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:\d\d)$")]

FIELD_PATTERN = r"^[a-z0-9][a-z0-9-]{0,62}\.[A-Za-z_][A-Za-z0-9_]{0,62}$"
COLUMN_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]{0,62}$"
NAME_PATTERN = r"^[a-z0-9][a-z0-9-]{0,62}$"
POINT_PATTERN = r"^[0-9A-Za-z._-]{4,}$"
CREDENTIAL_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
DIGEST_PATTERN = r"^blake3:[0-9a-f]{64}$"
HOST_PATTERN = r"^[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*$"
POLICY_PATTERN = r"^[a-z0-9][a-z0-9-]{0,62}/[a-z0-9][a-z0-9-]{0,62}$"
WRITER_PATTERN = r"^%?[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}\$?$"
TIER_PATTERN = r"^[0-9]$"
ADVICE: Mapping[str, Phrase] = {
    TIER_PATTERN: say("must be a tier, from 0 to 9"),
    FIELD_PATTERN: say("must be a field of a set of records, such as lis-results.order"),
    COLUMN_PATTERN: say("must be the name of a field: letters, digits, underscores"),
    NAME_PATTERN: say("must be lower case letters, digits and hyphens, at most 63"),
    POINT_PATTERN: say("must be a point's id, or at least its first four characters"),
    CREDENTIAL_PATTERN: say("must be the name of a credential: letters, digits, dots, hyphens"),
    HOST_PATTERN: say("must be a host name such as ehr.hospital.example"),
    WRITER_PATTERN: say("must be the name of an account, or % and the name of a group"),
    POLICY_PATTERN: say("must be an application and a level, such as ehr/full"),
    DIGEST_PATTERN: say("must be blake3: and 64 hexadecimal digits, as `drp app image DIRECTORY` prints it"),
}
"""What to tell people instead of a regular expression."""

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
"""It becomes part of drill ids and file names."""

Writer = Annotated[str, Field(pattern=WRITER_PATTERN)]
"""An account of this host, or ``%group``: all its members."""

PointId = Annotated[str, Field(pattern=POINT_PATTERN)]

Text = Annotated[str, Field(min_length=1, max_length=400)]
Language = Annotated[str, BeforeValidator(_language), WithJsonSchema({"enum": list(languages())})]
"""A language that there is a catalogue of."""
