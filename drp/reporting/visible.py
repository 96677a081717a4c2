"""Makes hostile text harmless to eyes: nothing that hides, reorders or commands survives, and it stays short."""

from __future__ import annotations

DATA_LIMIT = 400
"""Characters of one datum that a report shows; the record has all of it."""


def split_visible(text: str, limit: int = DATA_LIMIT) -> tuple[list[tuple[bool, str]], int]:
    """Return the text as runs of (is an escape, characters), and how many characters were left out.

    Escapes stand for control characters (a terminal would obey them), line and paragraph ends, bidirectional and
    zero-width characters (they show a name that is not the name), lone surrogates and unassigned code points.
    """
    runs: list[tuple[bool, str]] = []
    for character in text[:limit]:
        plain = character.isprintable() or character in "\u00a0\u202f"
        shown = character if plain else _escape(character)
        if runs and runs[-1][0] is not plain:
            runs[-1] = (not plain, runs[-1][1] + shown)
        else:
            runs.append((not plain, shown))
    return runs, max(0, len(text) - limit)


def visible(text: str, limit: int = DATA_LIMIT) -> str:
    """Return the text for a terminal or a plain file, cut with an ellipsis."""
    runs, left_out = split_visible(text, limit)
    return "".join(shown for _, shown in runs) + (f"… (+{left_out})" if left_out else "")


def _escape(character: str) -> str:
    known = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
    number = ord(character)
    if number >= 0x10000:
        return f"\\U{number:08x}"
    return known.get(character) or (f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}")
