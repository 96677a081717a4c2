"""Phrases on the terminal: in the language in force, with figures as reports write them.

English needs neither a catalogue nor CLDR, which take longer to load than most commands to answer: it is written here,
and a test holds that it is what reports write. Every other language is asked of `drp.reporting.i18n`.
"""

from __future__ import annotations

from typing import Any

from drp.cli.tongue import ENGLISH, spoken
from drp.domain.phrase import RECORDED, Data, Day, Duration, Instant, Phrase, Rate, Several, Size, Value

_PERIODS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"))
_SIZES = ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB"), (1, "byte"))


def words(text: str) -> str:
    """Return a phrase in the language in force; a plain string is data, and stays as it is."""
    if not isinstance(text, Phrase):
        return text
    return _english(text) if spoken() == ENGLISH else str(_language().plain(text))


def spoken_line(text: str) -> str:
    """Return a line of drp's own in the language in force: a phrase, or a message without values."""
    if isinstance(text, Phrase) or spoken() == ENGLISH or not text:
        return words(text)
    from drp.cli.catalogue import translations

    return translations(spoken()).get(text, text)


def duration(milliseconds: int) -> str:
    """Return a duration in the language in force, truncated: never rounded over an objective."""
    return _duration(milliseconds) if spoken() == ENGLISH else str(_language().duration(milliseconds))


def size(octets: int) -> str:
    """Return an amount of data in powers of ten, in the language in force."""
    return _size(octets) if spoken() == ENGLISH else str(_language().size(octets))


def _language() -> Any:
    from drp.reporting.i18n import language

    return language(spoken())


def _english(phrase: Phrase) -> str:
    if phrase.code == RECORDED:
        return f"{phrase} (as recorded)"
    pattern = phrase.message if phrase.plural is None or phrase.number == 1 else phrase.plural
    return pattern.format(**{name: _value(value) for name, value in phrase.values.items()})


def _value(value: Value) -> str:
    match value:
        case Phrase():
            return _english(value)
        case Data():
            return value.text
        case Duration():
            return _duration(value.ms)
        case Size():
            return _size(value.octets)
        case Rate():
            return f"{_size(value.octets * 1000 // max(value.ms, 1))}/s"
        case Instant():
            return f"{value.at:%Y-%m-%d %H:%M:%SZ}"
        case Day():
            return f"{value.at:%Y-%m-%d}"
        case Several():
            return value.between.join(map(_value, value.values))
        case int():
            return f"{value:,}"


def _duration(ms: int) -> str:
    if ms < 1_000:
        return f"{ms} ms"
    if ms < 60_000:
        return f"{_figure(ms // 100 / 10)} s"
    parts = []
    for period, unit in _PERIODS:
        amount, ms = divmod(ms, period)
        if amount:
            parts.append(f"{amount:,} {unit}")
    return " ".join(parts[:2])


def _size(octets: int) -> str:
    least, unit = next((each for each in _SIZES if octets >= each[0]), _SIZES[-1])
    amount = octets / least
    return f"{_figure(round(amount, 0 if amount >= 100 else 1))} {unit}"


def _figure(amount: float) -> str:
    return f"{amount:,.1f}".removesuffix(".0")
