"""What the worker of a drill tells whoever follows it, over their socket: errors and notices with their values."""

from __future__ import annotations

from typing import Any

from drp.domain.phrase import Phrase
from drp.domain.phrase_form import read, written
from drp.errors import DrpError, walk
from drp.redact import redact, redacted


def told_words(words: str) -> Any:
    """Return words as plain data, no secret in them."""
    return written(redacted(words)) if isinstance(words, Phrase) else redact(words)


def heard_words(data: Any) -> str:
    """Return the words that plain data stands for. Raises ``ValueError`` for what ``told_words`` never returns."""
    return data if isinstance(data, str) else read(data)


def told_error(error: DrpError) -> dict[str, Any]:
    """Return an error as plain data."""
    return {"kind": type(error).__name__, "message": told_words(error.message), "hint": told_words(error.hint)}


def heard_error(data: dict[str, Any]) -> DrpError:
    """Return the worker's error as its own class, so that code and exit status are the same here."""
    kinds = {kind.__name__: kind for kind in walk()}
    kind = kinds.get(str(data.get("kind")), DrpError)
    error = DrpError.__new__(kind)
    DrpError.__init__(error, heard_words(data["message"]), hint=heard_words(data.get("hint", "")))
    return error
