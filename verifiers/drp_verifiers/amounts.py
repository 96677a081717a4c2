"""How many of something: words that several verifiers count with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from drp.domain.phrase import NOTHING, Phrase, count, counted, fact, joined

_NAMED = 12


def tables(number: int) -> Phrase:
    """Return so many tables."""
    return count("{n} table", "{n} tables", number)


def rows(number: int) -> Phrase:
    """Return so many rows."""
    return count("{n} row", "{n} rows", number)


def objects(number: int) -> Phrase:
    """Return so many objects of a database."""
    return count("{n} object", "{n} objects", number)


def views(number: int) -> Phrase:
    """Return so many views."""
    return count("{n} view", "{n} views", number)


def size_in_bytes(number: int) -> Phrase:
    """Return a size to the byte: a rounded one would not be told from another."""
    return count("{n} byte", "{n} bytes", number)


def rows_of(counts: Mapping[str, int]) -> Phrase:
    """Return how many tables there are, and how many rows in all."""
    return fact("tables-rows", "{tables}, {rows}", tables=tables(len(counts)), rows=rows(sum(counts.values())))


def listed(said: Sequence[object], *, named: int = _NAMED, between: str = "; ") -> Phrase:
    """Return the first of many, and how many more there are; nothing for none. Plain strings are data."""
    if len(said) <= named:
        return joined(said, between) if said else NOTHING
    first, more = joined(said[:named], between), len(said) - named
    return fact("first-and-more", "{first}; and {n} more", first=first, n=more)


def same_digests(number: int) -> Phrase:
    """Return that so many tables have the content that they had."""
    return counted(
        "tables-have-digest", "{n} table has the digest that it had", "{n} tables have the digest that they had", number
    )


def gives_less(name: str, following: int, had: int) -> Phrase:
    """Return that a sequence, or a table that counts, gives a number next that it had gone beyond."""
    return fact(
        "gives-less-than-before",
        "{name} gives {number} next, would have given {had}",
        name=name,
        number=str(following),
        had=str(had),
    )


def gives_again(name: str, following: int, column: str, last: int) -> Phrase:
    """Return that a sequence gives a number next that a column holds."""
    return fact(
        "gives-a-number-in-use",
        "{name} gives {number} next, and {column} holds {last} already",
        name=name,
        number=str(following),
        column=column,
        last=str(last),
    )


def has_had(name: str, has: int, had: int) -> Phrase:
    """Return how many rows a table has, and had; or objects of a class."""
    return fact("has-and-had", "{name}: {has}, had {had}", name=name, has=has, had=had)
