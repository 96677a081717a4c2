"""Changes the data in a phrase, and nothing of what it says: what it is made of, and so its language, stays."""

from __future__ import annotations

from collections.abc import Callable

from drp.domain.phrase import Data, Phrase, Several, Value, quoted


def with_data(phrase: str, change: Callable[[str], str]) -> Phrase:
    """Return a phrase with every text of its data changed; a plain string is data as a whole."""
    kept = quoted(phrase)
    values = {name: _changed(value, change) for name, value in kept.values.items()}
    return Phrase(kept.message, kept.plural, kept.number, values, kept.code)


def _changed(value: Value, change: Callable[[str], str]) -> Value:
    match value:
        case Phrase():
            return with_data(value, change)
        case Data():
            return Data(change(value.text))
        case Several():
            return Several(tuple(_changed(each, change) for each in value.values), value.between)
        case _:
            return value
