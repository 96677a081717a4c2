"""How people write windows, cron expressions, time zones and days: text forms, their advice and their schema."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import BeforeValidator, WithJsonSchema

from drp.config.problems import closest, guessed
from drp.config.values import NotAnInstant, parse_instant
from drp.cron import fires
from drp.domain.phrase import NOTHING, Phrase, joined, say, several
from drp.domain.schedule.policy import Window

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WINDOW = re.compile(r"(?:(?P<days>[a-z,\- ]+?)\s+)?(?P<begins>\d\d:\d\d)\s*-\s*(?P<ends>\d\d:\d\d)")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def parse_window(value: object) -> Window:
    """Return a window from ``mon-fri 20:00-24:00`` or ``22:00-06:00``. Raises ``ValueError`` with advice."""
    match = _WINDOW.fullmatch(value.strip().lower()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(say("is not a window: write it as 22:00-06:00, or as sat,sun 22:00-06:00"))
    begins, ends = match["begins"], match["ends"]
    if begins == ends:
        raise ValueError(say("is empty: it ends when it begins; a whole day is 00:00-24:00"))
    if begins == "24:00":
        raise ValueError(say("begins at 24:00: write 00:00 of the day after"))
    return Window(days=_days(match["days"]), begins=_clock(begins), ends=time() if ends == "24:00" else _clock(ends))


def _clock(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise ValueError(
            say("there is no time {text}: from 00:00 to 23:59, and 24:00 where a window ends", text=text)
        ) from None


def _days(text: str | None) -> tuple[int, ...]:
    if text is None or text in {"daily", "every day"}:
        return tuple(range(7))
    found: set[int] = set()
    for term in text.split(","):
        first, dash, last = (part.strip() for part in term.partition("-"))
        begins = _weekday(first)
        ends = _weekday(last) if dash else begins
        found.update((begins + number) % 7 for number in range((ends - begins) % 7 + 1))
    return tuple(sorted(found))


def _weekday(name: str) -> int:
    if name not in DAYS:
        meant = closest(name, DAYS)
        raise ValueError(
            say("there is no day `{name}`: did you mean `{meant}`?", name=name, meant=meant)
            if meant
            else say("there is no day `{name}`: {days}", name=name, days=several(DAYS))
        )
    return DAYS.index(name)


@lru_cache(maxsize=2_000)
def _sound(expression: str) -> Phrase:
    """Return what is wrong with an expression; empty: nothing is."""
    try:
        return NOTHING if fires(expression) else say("never fires")
    except ValueError as error:
        return joined([error])


def parse_cron(value: object) -> str:
    """Return a cron expression that fires. Raises ``ValueError`` with advice."""
    if not isinstance(value, str):
        raise ValueError(say("is no cron expression: quote five fields, minute hour day month weekday"))  # noqa: TRY004 - pydantic takes ValueError
    text = " ".join(value.split())
    if problem := _sound(text):
        raise ValueError(
            say("{problem}; cron has five: minute hour day month weekday, such as 0 22 * * 6", problem=problem)
        )
    return text


def parse_zone(value: object) -> str:
    """Return the name of a time zone that there is. Raises ``ValueError`` with what was probably meant."""
    if not isinstance(value, str):
        raise ValueError(say("is no time zone: write it as Europe/Paris"))  # noqa: TRY004 - pydantic takes ValueError
    if not _is_zone(value):
        meant = _meant_zone(value)
        raise ValueError(guessed(say("there is no time zone `{name}`", name=value), meant))
    return value


@lru_cache(maxsize=500)
def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _meant_zone(name: str) -> str | None:
    known = available_timezones()
    cities = {zone.rpartition("/")[2].lower().replace("_", " "): zone for zone in sorted(known, reverse=True)}
    city = name.lower().replace("_", " ")
    return cities.get(city) or closest(name, known)


def parse_moment(value: object) -> date | datetime:
    """Return a day, or an instant in UTC. Raises ``ValueError`` with advice, also for days that there are not."""
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError(say("there is no day {value}", value=value)) from None
    try:
        return parse_instant(value).astimezone(UTC)
    except ValueError as error:
        if not isinstance(error, NotAnInstant):
            raise
        advice = say("is neither a day nor an instant: write 2026-12-24, or 2026-12-24T18:00:00+01:00")
        raise ValueError(advice) from None


def _schema(pattern: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": list(examples)})


WindowText = Annotated[
    Window,
    BeforeValidator(parse_window),
    _schema(r"^([A-Za-z,\- ]+ +)?\d\d:\d\d *- *\d\d:\d\d$", "22:00-06:00", "sat,sun 20:00-24:00"),
]
"""Days and local times; one that ends before it begins crosses midnight."""

Cron = Annotated[str, BeforeValidator(parse_cron), _schema(r"^\S+( +\S+){4}$", "0 22 * * 6", "30 1 1 1,4,7,10 *")]

Zone = Annotated[str, BeforeValidator(parse_zone), _schema(r"^[A-Za-z0-9_+\-/]+$", "Europe/Paris")]

Moment = Annotated[
    date | datetime,
    BeforeValidator(parse_moment),
    _schema(r"^\d{4}-\d\d-\d\d(T.*(Z|[+-]\d\d:\d\d))?$", "2026-12-24", "2026-12-24T18:00:00+01:00"),
]
"""A day, of the zone in ``defaults``, or an instant with its zone."""
