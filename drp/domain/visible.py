"""Makes hostile text harmless to eyes and terminals: nothing that hides, reorders or commands survives.

Restored software, backups and names of files say what they like; whatever is shown of it goes through here.
"""

from __future__ import annotations

DATA_LIMIT = 400
"""Characters of one datum that a report shows; the record has all of it."""

_SPACES = "\u00a0\u202f"
"""Blanks that do not break, as French writes them."""
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0") | frozenset(
    map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)
"""What counts as printable and shows nothing: fillers, joiners, variation selectors, the blank of Braille."""
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def is_visible(character: str) -> bool:
    """Return whether a character shows itself, and nothing else.

    Not so: control characters, C1 among them (a terminal obeys them), line and paragraph ends, bidirectional and
    zero-width characters (they show a name that is not the name), lone surrogates and unassigned code points.
    """
    return character.isprintable() and character not in _UNSEEN


def escape(character: str) -> str:
    r"""Return how a character that does not show itself is written: ``\n``, ``\x1b``, ``\u202e``, ``\U000e0041``."""
    number = ord(character)
    if number >= 0x10000:
        return f"\\U{number:08x}"
    return _NAMED.get(character) or (f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}")


def printable(text: str, *, keep: str = "") -> str:
    """Return the text with everything escaped that does not show itself, but for characters to ``keep``."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(each if is_visible(each) or each in _SPACES or each in keep else escape(each) for each in text)


def printable_lines(text: str) -> str:
    """Return text of several lines: line ends and tabs stay."""
    return printable(text, keep="\n\t")


def one_line(text: str, limit: int) -> str:
    """Return a text from inside as one printable line of at most ``limit`` characters, cut with an ellipsis."""
    line = printable(" ".join(text[: limit * 2].split()))
    return line if len(line) <= limit else f"{line[:limit]}…"


def split_visible(text: str, limit: int = DATA_LIMIT) -> tuple[list[tuple[bool, str]], int]:
    """Return the text as runs of (is an escape, characters), and how many characters were left out."""
    runs: list[tuple[bool, str]] = []
    for character in text[:limit]:
        plain = is_visible(character) or character in _SPACES
        shown = character if plain else escape(character)
        if runs and runs[-1][0] is not plain:
            runs[-1] = (not plain, runs[-1][1] + shown)
        else:
            runs.append((not plain, shown))
    return runs, max(0, len(text) - limit)


def visible(text: str, limit: int = DATA_LIMIT) -> str:
    """Return the text for a terminal or a plain file, cut with an ellipsis."""
    runs, left_out = split_visible(text, limit)
    return "".join(shown for _, shown in runs) + (f"… (+{left_out})" if left_out else "")
