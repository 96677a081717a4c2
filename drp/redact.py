"""Keeps secrets out of messages: values that were resolved are known here, and are replaced wherever text leaves."""

from __future__ import annotations

import threading

from drp.domain.phrase import Data, Phrase, Several, Value, quoted

_MINIMUM = 4
"""Shorter values would blank out ordinary words."""

_known: set[str] = set()
_lock = threading.Lock()


def remember(secret: str) -> None:
    """Never let this value leave in a message again."""
    secret = secret.strip()
    if len(secret) >= _MINIMUM:
        with _lock:
            _known.add(secret)


def redact(text: str) -> str:
    """Return the text with every known secret replaced."""
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, "[secret]")
    return text


def redacted(phrase: str) -> Phrase:
    """Return a phrase with every known secret replaced in its values; a plain string, as data."""
    kept = quoted(phrase)
    if not _known:
        return kept
    values = {name: _redacted(value) for name, value in kept.values.items()}
    made = Phrase(kept.message, kept.plural, kept.number, values, kept.code)
    if any(secret in each for secret in _known for each in (made, made.message, made.plural or "")):
        return quoted(redact(made))  # it is in the words themselves: what they were made of does not matter then
    return made


def _redacted(value: Value) -> Value:
    match value:
        case Phrase():
            return redacted(value)
        case Data():
            return Data(redact(value.text))
        case Several():
            return Several(tuple(map(_redacted, value.values)), value.between)
        case _:
            return value
