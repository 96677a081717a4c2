"""Whether a phrase is French through and through: no message without a translation, no sentence of ours as data."""

from __future__ import annotations

import re
from collections.abc import Iterator

from drp.domain.phrase import QUOTED, Data, Phrase, Several, Value
from drp.reporting.i18n import language
from tests.support.french import small_words

_NAMES = re.compile(r"/\S*|[\w.-]+\.yml")


def english_in_phrase(phrase: str) -> set[str]:
    """Return the words of English that a French reader gets of a phrase; what others said is not looked at."""
    if not isinstance(phrase, Phrase):
        return {f"no phrase: {phrase}"}
    texts = (language("fr").plain(_masked(phrase)), *_data(phrase))
    return {word for text in texts for word in small_words(_NAMES.sub(" ", text))}


def _masked(phrase: Phrase) -> Phrase:
    values = {name: _hidden(each) for name, each in phrase.values.items()}
    return Phrase(phrase.message, phrase.plural, phrase.number, values, phrase.code)


def _hidden(value: Value) -> Value:
    match value:
        case Phrase():
            return _masked(value)
        case Several():
            return Several(tuple(map(_hidden, value.values)), value.between)
        case Data():
            return Data("·")
        case _:
            return value


def _data(value: Value) -> Iterator[str]:
    match value:
        case Phrase():
            for each in value.values.values() if value.code != QUOTED else ():
                yield from _data(each)
        case Several():
            for each in value.values:
                yield from _data(each)
        case Data():
            yield value.text
