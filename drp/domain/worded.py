"""Messages of programs that run where drp is not: known by what they say, kept by a code."""

from __future__ import annotations


def worded(code: str, message: str) -> tuple[str, str]:
    """Return a message, with data in it or none, and its code."""
    return message, code
