"""Names in what a repository says: some of them, and how many more there are."""

from __future__ import annotations

from collections.abc import Sequence

from drp.domain.phrase import Phrase, Several, count, several


def further(errors: int) -> Phrase:
    """Return that so many errors were counted and nobody knows what they say."""
    return count("one further error that was not kept", "{n} further errors that were not kept", errors)


def and_more(names: Sequence[str], most: int) -> Phrase | Several:
    """Return at most so many of the names, and how many were left out."""
    shown, more = several(names[:most]), len(names) - most
    return count("{names} and {n} more", "{names} and {n} more", more, names=shown) if more > 0 else shown
