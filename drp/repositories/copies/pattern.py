"""How dated folders are named: a path of literal text, directives of strftime(3), and what tells one from another.

Stricter than strptime: every directive has its full width, so that one instant has one name, and nothing is local.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo
from functools import cached_property
from zoneinfo import ZoneInfo

from drp.domain.phrase import say

_DIRECTIVES = {
    "Y": r"(?P<Y>[0-9]{4})",
    "m": r"(?P<m>[0-9]{2})",
    "d": r"(?P<d>[0-9]{2})",
    "j": r"(?P<j>[0-9]{3})",
    "H": r"(?P<H>[0-9]{2})",
    "M": r"(?P<M>[0-9]{2})",
    "S": r"(?P<S>[0-9]{2})",
    "f": r"(?P<f>[0-9]{6})",
    "z": r"(?P<z>Z|[+-][0-9]{2}:?[0-5][0-9])",
    "s": r"(?P<s>[0-9]{9,11})",
}
_FIELDS = {
    "host": r"(?P<host>[^/.][^/]*?)",
    "tag": r"(?P<tag>[^/.][^/]*?)",
    "number": r"(?P<number>[0-9]{1,9})",
}
_TOKEN = re.compile(r"%(?P<directive>.)|\{(?P<field>[^{}]*)\}|(?P<text>[^%{}]+)|(?P<odd>.)", re.DOTALL)
_MOST_LEVELS = 8
_DATES = ({"Y", "m", "d"}, {"Y", "j"}, {"s"})
_HINT = "such as `%Y-%m-%dT%H%M%SZ`, `{tag}/%Y-%m-%d_%H%M` or `daily.{number}/{host}`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """What a name leaves open: the time zone, and the time of day."""

    name: str = "UTC"
    at: time | None = None
    """When the job begins, where names tell a day only."""

    @property
    def info(self) -> tzinfo:
        """Return the zone. Raises ``ZoneInfoNotFoundError``, ``ValueError``."""
        return UTC if self.name == "UTC" else ZoneInfo(self.name)


class FolderPattern:
    """One way in which dated folders are named, level by level below the repository."""

    def __init__(self, text: str) -> None:
        """Take the pattern. Raises ``ValueError`` for one that names nothing, or a thing in two ways."""
        self.text = text
        parts = text.split("/")
        if not text.isprintable() or any(part in {"", ".", ".."} for part in parts) or len(parts) > _MOST_LEVELS:
            raise ValueError(say("is no path of folders below the repository: write it {pattern}", pattern=_HINT))
        used: list[str] = []
        self.levels = tuple(re.compile(_expression(part, used)) for part in parts)
        if len(used) != len(set(used)):
            raise ValueError(
                say("says a part of the date, `{{host}}`, `{{tag}}` or `{{number}}` twice: one of the two is right")
            )
        self.parts = frozenset(used)
        if self.parts & set(_DIRECTIVES) and not self.is_dated:
            raise ValueError(say("tells no whole day: it takes %Y, %m and %d, or %Y and %j, or %s"))
        if self.parts & {"H", "M", "S", "f"} and not self.is_timed:
            raise ValueError(say("tells half a time: it takes %H and %M at least, or neither"))

    def __eq__(self, other: object) -> bool:
        """Patterns are what they say."""
        return isinstance(other, FolderPattern) and other.text == self.text

    def __hash__(self) -> int:
        """Patterns are what they say."""
        return hash(self.text)

    def __repr__(self) -> str:
        """Return what it says."""
        return f"FolderPattern({self.text!r})"

    @cached_property
    def is_dated(self) -> bool:
        """Whether names state a day."""
        return any(wanted <= self.parts for wanted in _DATES)

    @cached_property
    def is_timed(self) -> bool:
        """Whether names state a time of that day."""
        return "s" in self.parts or {"H", "M"} <= self.parts


def _expression(part: str, used: list[str]) -> str:
    expression = ""
    for token in _TOKEN.finditer(part):
        if (text := token["text"]) is not None:
            expression += re.escape(text)
        elif token["directive"] == "%":
            expression += "%"
        elif (directive := token["directive"]) in _DIRECTIVES:
            used.append(directive)
            expression += _DIRECTIVES[directive]
        elif (field := token["field"]) in _FIELDS:
            used.append(field)
            expression += _FIELDS[field]
        else:
            known = ", ".join([*(f"%{each}" for each in _DIRECTIVES), *(f"{{{each}}}" for each in _FIELDS)])
            raise ValueError(say("holds {token}, which is none of {known}", token=repr(token[0]), known=known))
    return expression


def instant_of(found: Mapping[str, str], zone: Zone) -> datetime:
    """Return the instant that a name's parts state, in UTC. Raises ``ValueError`` for a day or time that is none.

    Of a local hour that happened twice it is the first: a state is never called younger than it may be.
    """
    if "s" in found:
        return datetime.fromtimestamp(int(found["s"]), UTC)
    number = {name: int(value) for name, value in found.items() if name in set("YmdjHMSf")}
    if "j" in number:
        day = datetime(number["Y"], 1, 1, tzinfo=UTC) + timedelta(days=number["j"] - 1)
        if day.year != number["Y"] or number["j"] == 0:
            raise ValueError(say("a year without a day {j}", j=number["j"]))
    else:
        day = datetime(number["Y"], number["m"], number["d"], tzinfo=UTC)
    at = zone.at or time()
    if "H" in number:
        at = time(number["H"], number.get("M", 0), number.get("S", 0), number.get("f", 0))
    local = datetime.combine(day.date(), at, tzinfo=_offset(found["z"]) if "z" in found else zone.info)
    instant = local.astimezone(UTC)
    if instant.astimezone(local.tzinfo).replace(fold=0) != local:
        raise ValueError(say("no such local time in {name}", name=zone.name))
    return instant


def _offset(text: str) -> timezone:
    if text == "Z":
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    offset = timedelta(hours=hours, minutes=minutes)
    if hours > 14:
        raise ValueError(say("no offset from UTC: {text}", text=text))
    return timezone(-offset if text[0] == "-" else offset)
