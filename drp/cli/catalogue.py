"""A catalogue of messages, read fast: the words of a help page may not take longer than the page.

It reads what `python -m tests.support.messages` writes, a blank line between entries, and nothing else: there is
nothing beside the catalogue that could be older than it. What it understands is what babel does, which a test holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from drp.share import catalogue

_ESCAPED = re.compile(r"\\(.)")
_CONTROL = {"n": "\n", "t": "\t", "r": "\r"}


@cache
def translations(tag: str) -> Mapping[str, str]:
    """Return the translation of each message that has one, forms of plural left out. Raises ``OSError``."""
    found: dict[str, str] = {}
    for entry in catalogue(tag).read_text(encoding="utf-8").split("\n\n"):
        message, translation = _entry(entry)
        if message and translation:
            found[message] = translation
    return found


def _entry(text: str) -> tuple[str, str]:
    parts: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.split("\n"):
        if line[:1] == '"':
            current.append(line[1:-1])
        elif line[:3] == "msg":
            name, _, first = line.partition(" ")
            current = parts.setdefault(name, [])
            current.append(first[1:-1])
        elif line[:2] == "#," and "fuzzy" in line:
            return "", ""
    return _plain(parts.get("msgid", [])), _plain(parts.get("msgstr", []))


def _plain(lines: list[str]) -> str:
    text = "".join(lines)
    return _ESCAPED.sub(lambda found: _CONTROL.get(found[1], found[1]), text) if "\\" in text else text
