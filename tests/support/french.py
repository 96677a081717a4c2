"""Whether what drp says is French through and through: no message without one, no sentence of its own among the data."""

from __future__ import annotations

import re
from collections.abc import Iterator

from drp.domain.phrase import QUOTED, Data, Phrase, Several, Value
from drp.reporting.i18n import language

ENGLISH = {
    *("the", "this", "that", "these", "its", "is", "are", "was", "were", "be", "been", "has", "have", "had", "not"),
    *("cannot", "must", "may", "and", "of", "from", "with", "without", "which", "what", "who", "nobody", "nothing"),
    *("there", "than", "where", "when", "while", "into", "by", "for", "to", "at", "it", "they", "did", "does", "say"),
}
"""Words that French does not have."""


def english_in(phrase: str) -> list[str]:
    """Return the words of English that a French reader gets of a phrase; what others said is not looked at."""
    if not isinstance(phrase, Phrase):
        return [f"no phrase: {phrase}"]
    shown = language("fr").plain(_masked(phrase))
    return [*_words(shown), *(word for datum in _data(phrase) for word in _words(datum))]


def _words(text: str) -> list[str]:
    plain = re.sub(r"`[^`]*`|/\S*|--\S+|[\w.-]+\.yml", " ", text)
    return [word for word in re.findall(r"[A-Za-z]+", plain) if word in ENGLISH]


def _masked(value: Value) -> Value:
    match value:
        case Phrase():
            values = {name: _masked(each) for name, each in value.values.items()}
            return Phrase(value.message, value.plural, value.number, values, value.code)
        case Several():
            return Several(tuple(map(_masked, value.values)), value.between)
        case Data():
            return Data("·")
        case _:
            return value


def _data(value: Value) -> Iterator[str]:
    match value:
        case Phrase() if value.code != QUOTED:
            for each in value.values.values():
                yield from _data(each)
        case Several():
            for each in value.values:
                yield from _data(each)
        case Data():
            yield value.text
        case _:
            return
