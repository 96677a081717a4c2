"""Keeps secrets out of messages: values that were resolved are known here, and are replaced wherever text leaves."""

from __future__ import annotations

import threading

from drp.domain.phrase import Phrase, quoted
from drp.domain.phrase_data import with_data

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
    return with_data(phrase, redact) if any(secret in phrase for secret in _known) else quoted(phrase)
