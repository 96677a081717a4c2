"""Phrases on the terminal: in the language in force, with figures as reports write them."""

from __future__ import annotations

from typing import Any

from drp.cli.tongue import ENGLISH, spoken
from drp.domain.phrase import RECORDED, Duration, Phrase, Rate, Several, Size, Value


def words(text: str) -> str:
    """Return a phrase in the language in force; a plain string is data, and stays as it is."""
    if not isinstance(text, Phrase):
        return text
    if spoken() == ENGLISH and not _has_figures(text):
        return str(text)
    return str(_language().plain(text))


def spoken_line(text: str) -> str:
    """Return a line of drp's own in the language in force: a phrase, or a message without values."""
    if isinstance(text, Phrase) or spoken() == ENGLISH or not text:
        return words(text)
    from drp.cli.catalogue import translations

    return translations(spoken()).get(text, text)


def duration(milliseconds: int) -> str:
    """Return a duration as reports write it in the language in force."""
    return str(_language().duration(milliseconds))


def size(octets: int) -> str:
    """Return an amount of data as reports write it in the language in force."""
    return str(_language().size(octets))


def _language() -> Any:
    from drp.reporting.i18n import language

    return language(spoken())


def _has_figures(phrase: Phrase) -> bool:
    """Return whether a phrase needs more than its English words: figures have one form, here as in reports."""
    return phrase.code == RECORDED or any(map(_is_figure, phrase.values.values()))


def _is_figure(value: Value) -> bool:
    match value:
        case Phrase():
            return _has_figures(value)
        case Several():
            return any(map(_is_figure, value.values))
        case _:
            return isinstance(value, Duration | Size | Rate | int)
