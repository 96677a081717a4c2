"""Languages of reports: gettext catalogues read as they are written, and dates, durations and numbers by CLDR."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from gettext import c2py
from string import Formatter
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale
from babel.dates import format_datetime, format_time
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent
from babel.units import format_compound_unit, format_unit

from drp.domain.duration import cut
from drp.domain.phrase import RECORDED, Data, Day, Duration, Instant, Phrase, Rate, Several, Size, Value
from drp.domain.visible import visible
from drp.errors import UsageError
from drp.share import catalogue, languages

_SIZES = (
    (10**12, "digital-terabyte"),
    (10**9, "digital-gigabyte"),
    (10**6, "digital-megabyte"),
    (10**3, "digital-kilobyte"),
    (1, "digital-byte"),
)
_PERIODS = (
    (86_400_000, "duration-day"),
    (3_600_000, "duration-hour"),
    (60_000, "duration-minute"),
    (1_000, "duration-second"),
)
_SYMBOLS = {
    "duration-day": "d",
    "duration-hour": "h",
    "duration-minute": "min",
    "duration-second": "s",
    "duration-millisecond": "ms",
}
"""As ISO 80000-3 writes them: English short forms ("4 hr", "14 sec") are neither that nor what the terminal says."""


class Language:
    """One language: its messages and its ways of writing figures. Make it with `language`."""

    def __init__(self, tag: str, catalog: Catalog, zone: ZoneInfo | None = None) -> None:
        self.tag = tag
        self.zone = zone
        """In which instants are told, with UTC beside it; None: UTC alone."""
        self.locale = catalog.locale or Locale.parse(tag)
        """By the catalogue's header ``Language``, which names a territory: dates differ between en_GB and en_US."""
        self._catalog = catalog

    def within(self, zone: str) -> Language:
        """Return the language as it tells instants in a time zone, by its IANA name; an unknown one is left out."""
        return _within(self, zone) if zone and zone != "UTC" else self

    def gettext(self, message: str) -> str:
        """Return the message in this language; the message itself (English) where there is no translation.

        One of placeholders and signs alone is in no catalogue; French sets its signs apart all the same.
        """
        found = self._catalog.get(message)
        if found is not None and found.string and not found.fuzzy:
            return str(found.string)
        wordless = not any(map(str.isalpha, "".join(text for text, *_ in Formatter().parse(message))))
        if wordless and self.locale.language == "fr":
            apart = {place for place, sign in enumerate(message) if sign in ":;" and not message[:place][-1:].isspace()}
            return "".join(f"\u00a0{sign}" if place in apart else sign for place, sign in enumerate(message))
        return message

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        """Return the form that the number asks for."""
        found = self._catalog.get(singular)
        if found is not None and isinstance(found.string, tuple | list) and all(found.string) and not found.fuzzy:
            return str(found.string[c2py(self._catalog.plural_expr)(number)])
        return singular if number == 1 else plural

    def labelled(self, label: str, text: str) -> str:
        """Return a text behind its label and a colon, which French sets apart."""
        return self.gettext("{label}: {text}").format(label=label, text=text)

    def plain(self, phrase: Phrase) -> str:
        """Return a phrase as plain text."""
        return self.pattern(phrase).format(**{name: self.value(value) for name, value in phrase.values.items()})

    def pattern(self, phrase: Phrase) -> str:
        """Return the phrase's message in this language, its placeholders still in it."""
        if phrase.code == RECORDED:
            return self.gettext("{text} (as recorded)")
        if phrase.plural is not None:
            return self.ngettext(phrase.message, phrase.plural, phrase.number)
        return self.gettext(phrase.message)

    def text(self, text: str) -> str:
        """Return words in this language: of a phrase, or of a message that has no values."""
        return self.plain(text) if isinstance(text, Phrase) else self.gettext(text)

    def value(self, value: Value) -> str:
        """Return a typed value as plain text."""
        match value:
            case Phrase():
                return self.plain(value)
            case Duration():
                return self.duration(value.ms, value.units)
            case Size():
                return self.size(value.octets)
            case Rate():
                return self.rate(value.octets, value.ms)
            case Instant():
                return self.instant(value.at)
            case Day():
                return self.day(value.at)
            case Data():
                return visible(value.text)
            case Several():
                return self.gettext(value.between).join(map(self.value, value.values))
            case int():
                return self.number(value)

    def number(self, number: float) -> str:
        """Return a number with its separators."""
        return str(format_decimal(number, locale=self.locale))

    def percent(self, part: float) -> str:
        """Return a fraction as a percentage, with a decimal only below ten."""
        return str(format_percent(part, format="#,##0.0 %" if 0 < part < 0.1 else "#,##0 %", locale=self.locale))

    def duration(self, ms: int, units: int = 2) -> str:
        """Return a duration by its two largest units that count, truncated: never rounded over an objective."""
        if ms < 1_000:
            return self._period(ms, "duration-millisecond")
        if ms < 60_000:
            return self._period(ms // 100 / 10, "duration-second")
        parts = []
        for size, unit in _PERIODS:
            amount, ms = divmod(ms, size)
            if amount:
                parts.append(self._period(amount, unit))
        return "\u00a0".join(parts[:units])

    def interval(self, lower: int, upper: int) -> str:
        """Return two durations (ms), or the one that both are shown as."""
        if cut(lower) == cut(upper):
            return self.duration(upper)
        return self.gettext("{lower} to {upper}").format(lower=self.duration(lower), upper=self.duration(upper))

    def size(self, octets: int) -> str:
        """Return an amount of data, in powers of ten."""
        size, unit = next(((size, unit) for size, unit in _SIZES if octets >= size), _SIZES[-1])
        return self._unit(_three_figures(octets / size), unit)

    def rate(self, octets: int, ms: int) -> str:
        """Return data per second."""
        per_second = octets * 1000 / max(ms, 1)
        size, unit = next(((size, unit) for size, unit in _SIZES if per_second >= size), _SIZES[-1])
        text = format_compound_unit(
            _three_figures(per_second / size),
            unit,
            denominator_unit="duration-second",
            length="short",
            locale=self.locale,
        )
        return str(text).replace(" ", "\u00a0")

    def instant(self, at: datetime) -> str:
        """Return an instant to the second, UTC: behind the time of the site where that is known."""
        utc = at.astimezone(UTC)
        if self.zone is None:
            return f"{self._moment(utc)}\u00a0UTC"
        here = at.astimezone(self.zone)
        name = here.tzname() or ""
        name = name if name.isalpha() else f"UTC{name}"
        beside = format_time(utc, "medium", locale=self.locale) if here.date() == utc.date() else self._moment(utc)
        return f"{self._moment(here)}\u00a0{name} ({beside}\u00a0UTC)"

    def _moment(self, at: datetime) -> str:
        return str(format_datetime(at, "medium", locale=self.locale))

    def day(self, at: datetime) -> str:
        """Return a date: the site's where its zone is known."""
        return str(format_datetime(at.astimezone(self.zone or UTC), "d MMM y", locale=self.locale))

    def _unit(self, amount: float, unit: str) -> str:
        return str(format_unit(amount, unit, length="short", locale=self.locale)).replace(" ", "\u00a0")

    def _period(self, amount: float, unit: str) -> str:
        if self.locale.language == "en":
            return f"{self.number(amount)}\u00a0{_SYMBOLS[unit]}"
        return self._unit(amount, unit)


def _three_figures(amount: float) -> float:
    return round(amount, 0 if amount >= 100 else 1)


@cache
def language(tag: str) -> Language:
    """Return a language by its tag. Raises ``UsageError`` for one that there is no catalogue of."""
    if tag not in languages():
        raise UsageError(f"no reports in language {tag!r}", hint=f"use one of: {', '.join(languages())}")
    with catalogue(tag).open("rb") as stream:
        return Language(tag, read_po(stream, abort_invalid=True))


@cache
def _within(tongue: Language, zone: str) -> Language:
    try:
        return Language(tongue.tag, tongue._catalog, ZoneInfo(zone))  # noqa: SLF001 - its own module
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a record may come from a machine with other tables
        return tongue
