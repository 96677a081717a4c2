"""Pieces of Markdown in one language: data that stays data, aligned tables, marks for tones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from drp.domain.phrase import Data, Phrase, Several, Value, recorded
from drp.domain.visible import visible
from drp.reporting.i18n import Language
from drp.reporting.words import Tone

MARKS: Mapping[Tone, str] = {"good": "✔", "bad": "✘", "doubt": "⚠", "plain": "—"}


class Markdown:
    """Says phrases in one language."""

    def __init__(self, tongue: Language) -> None:
        """Take the language."""
        self.tongue = tongue

    def say(self, phrase: str | Data) -> str:
        """Return a phrase in the language, its data as code; a plain string is a sentence of before."""
        if isinstance(phrase, Data):
            return code(phrase.text)
        if not isinstance(phrase, Phrase):
            phrase = recorded(phrase)
        values = {name: self._value(value) for name, value in phrase.values.items()}
        return self.tongue.pattern(phrase).format(**values)

    def _value(self, value: Value) -> str:
        if isinstance(value, Several):
            return value.between.join(map(self._value, value.values))
        return self.say(value) if isinstance(value, Phrase | Data) else self.tongue.value(value)

    def word(self, tone: Tone, word: Phrase) -> str:
        """Return a word with the mark of its tone."""
        return f"{MARKS[tone]} {self.say(word)}"

    def found(self, found: Phrase, listed: Sequence[str]) -> str:
        """Return what was found, and the keys of it."""
        return ": ".join([self.say(found), *([", ".join(map(code, listed))] if listed else [])])

    def more(self, number: int) -> str:
        """Return how many more there are than are told."""
        pattern = self.tongue.ngettext("and {n} more", "and {n} more", number)
        return pattern.format(n=self.tongue.number(number))


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield an aligned table."""
    body = [[cell.replace("|", "\\|") for cell in row] for row in (headings, *rows)]
    widths = [max(3, *(len(row[column]) for row in body)) for column in range(len(headings))]
    for number, row in enumerate(body):
        yield "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        if number == 0:
            yield "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    yield ""


def code(text: str) -> str:
    """Return a datum as a code span that its own backticks cannot end."""
    shown = visible(text) or "—"
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * (longest + 1)
    space = " " if shown[0] == "`" or shown[-1] == "`" else ""
    return f"{fence}{space}{shown}{space}{fence}"
