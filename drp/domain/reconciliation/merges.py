"""Which value stands for which after merges of patients: followed through whole chains, and never in a circle."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from drp.domain.phrase import Phrase, fact, say, several
from drp.domain.reconciliation.digests import digest_of, shown_digest
from drp.domain.reconciliation.preparation import Merges


class MergeMap:
    """Old values and the one that each stands for in the end."""

    def __init__(self, ends: Mapping[str, str]) -> None:
        """Take every old value with its last new one; see `of`."""
        self._ends = ends

    def __len__(self) -> int:
        """Return how many values were merged into others."""
        return len(self._ends)

    def resolve(self, value: str) -> str:
        """Return the value that counts: the last of its chain, or itself."""
        return self._ends.get(value, value)

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> MergeMap:
        """Return the map of pairs of an old value and the one that it was merged into.

        Raises ValueError, which names nobody, for an empty value, for a circle, and for one value merged into two.
        """
        following: dict[str, str] = {}
        for old, new in pairs:
            if not old or not new:
                raise ValueError("a merge names nothing on one of its sides")
            if following.setdefault(old, new) != new:
                raise ValueError(
                    say(
                        "{old} was merged into two: {following} and {new}",
                        old=_shown(old),
                        following=_shown(following[old]),
                        new=_shown(new),
                    )
                )
        return cls({old: _end(old, following) for old in following if following[old] != old})


def maps_of(
    merges: Iterable[Merges], pairs: Mapping[str, Iterable[tuple[str, str]]]
) -> tuple[dict[str, MergeMap], dict[str, Phrase]]:
    """Return the map of each field, of all merges that are about it together, and why one has none.

    ``pairs`` are those of each merge by its name; a merge without any there is passed over. Chains go through all of
    them: whoever had a temporary name may have been merged afterwards, whichever is declared first.
    """
    about: dict[str, tuple[str, ...]] = {}
    for merge in merges:
        for place in merge.fields if merge.name in pairs else ():
            about[place] = (*about.get(place, ()), merge.name)
    known: dict[tuple[str, ...], MergeMap] = {}
    wrong: dict[tuple[str, ...], Phrase] = {}
    for names in dict.fromkeys(about.values()):
        try:
            known[names] = MergeMap.of(pair for name in names for pair in pairs[name])
        except ValueError as error:
            wrong[names] = fact("merges-not-taken", "{merges}: {error}", merges=several(names), error=error)
    return (
        {place: known[names] for place, names in about.items() if names in known},
        {place: wrong[names] for place, names in about.items() if names in wrong},
    )


def _end(old: str, following: Mapping[str, str]) -> str:
    """Return the last of a chain; a value merged into itself ends it."""
    value, seen = old, {old}
    while (after := following.get(value, value)) != value:
        if after in seen:
            raise ValueError(say("merges go in a circle through {after}", after=_shown(after)))
        seen.add(after)
        value = after
    return value


def _shown(value: str) -> str:
    return f"sha256:{shown_digest(digest_of((value,)))}"


def pair_of(line: str) -> tuple[str, str]:
    """Return the two values of a line ``old,new`` (or with a semicolon or a tabulator). Raises ValueError."""
    values = [value.strip() for value in re.split("[,;\t]", line)]
    if len(values) != 2:
        raise ValueError("a line is not `old,new`")
    return values[0], values[1]
