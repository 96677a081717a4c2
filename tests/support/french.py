"""Finds English in French pages: words that only our English has, outside of quoted data.

The vocabulary is that of the catalogues: a word of an English message that no French translation uses is English.
"""

from __future__ import annotations

import html
import re
from functools import cache

from babel.messages.pofile import read_po

from drp.share import catalogue

_WORD = re.compile(r"[A-Za-zÀ-ÿœŒ][A-Za-zÀ-ÿœŒ'’-]*")
_QUOTED = re.compile(r'<bdi class="data[^"]*">.*?</bdi>|<code>.*?</code>|<style.*?</style>|<head>.*?</head>', re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_PLACE = re.compile(r"\{\w+\}|`[^`]*`|--[\w-]+|\b[A-Z][A-Z_./]+\b|\b\w+_\w+\b|\S+=\S+")
_ALWAYS = frozenset(
    [
        "the",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "not",
        "and",
        "of",
        "with",
        "which",
        "what",
        "who",
        "that",
        "this",
        "these",
        "those",
        "from",
        "by",
        "for",
        "its",
        "it",
        "has",
        "have",
        "had",
        "no",
        "every",
        "each",
        "all",
        "any",
        "could",
        "cannot",
        "would",
        "there",
        "their",
        "they",
        "them",
        "when",
        "where",
        "how",
        "than",
        "then",
        "after",
        "before",
        "since",
        "until",
        "because",
        "does",
        "did",
        "do",
    ]
)
"""Small words of English that are none in French (``on``, ``or``, ``a``, ``as``, ``des`` would be)."""


@cache
def english_words() -> frozenset[str]:
    """Return the words that English messages have and French ones have not."""
    with catalogue("fr").open("rb") as stream:
        french = read_po(stream, locale="fr", abort_invalid=True)
    ours: set[str] = set(_ALWAYS)
    theirs: set[str] = set()
    for message in french:
        if message.id:
            ours |= words(message.id)
            theirs |= words(message.string or "")
    return frozenset(word for word in ours - theirs if len(word) > 2)


def small_words(text: str) -> set[str]:
    """Return the small words of English in a text that should be French."""
    return words(text) & _ALWAYS


def words(said: object) -> set[str]:
    """Return the words of a message, without its placeholders and what stands in backticks."""
    texts = [said] if isinstance(said, str) else [str(each) for each in said]  # type: ignore[attr-defined]
    return {word.lower() for text in texts for word in _WORD.findall(_PLACE.sub(" ", text))}


def english_in_page(page: str) -> set[str]:
    """Return the English words of an HTML page, outside of data, code and styles."""
    return english_in(html.unescape(_TAG.sub(" ", _QUOTED.sub(" ", page))))


def english_in(text: str) -> set[str]:
    """Return the English words of a text."""
    return words(text) & english_words()


def sentences_in_data(page: str) -> set[str]:
    """Return what a page quotes and what reads as English sentences: names of a site do not, words of a program do."""
    found = re.findall(r'<bdi class="data[^"]*">(.*?)</bdi>', page, re.DOTALL)
    quoted = {html.unescape(_TAG.sub("", each)) for each in found}
    return {each for each in quoted if len(words(each) & _ALWAYS) >= 1 and " " in each}
