"""Patients (or other keys) that were merged: which value stands for which, through whole chains."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from drp.domain.reconciliation.declaration import Reconciliation

_SHOWN_DIGITS = 12


class MergeMap:
    """Old value → the one it was merged into, at the end of its chain. Immutable."""

    __slots__ = ("_survivors",)

    def __init__(self, survivors: Mapping[str, str]) -> None:
        """Take finished pairs; use `of`."""
        self._survivors = survivors

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> MergeMap:
        """Return the map of pairs (old, new), in any order.

        Raises ``ValueError`` for a pair with an empty value, an old value with two new ones, and a circle; what it
        says names values by the beginnings of their digests, for they are patients.
        """
        direct: dict[str, str] = {}
        for old, new in pairs:
            if not old or not new:
                message = "a merge lacks its old or its new value"
                raise ValueError(message)
            if direct.setdefault(old, new) != new:
                message = f"{_shown(old)} was merged into two: {_shown(direct[old])} and {_shown(new)}"
                raise ValueError(message)
        survivors: dict[str, str] = {}
        for old in direct:
            _follow(old, direct, survivors)
        return cls(survivors)

    def resolve(self, value: str) -> str:
        """Return the value that stands for this one: itself where it was not merged."""
        return self._survivors.get(value, value)

    def __len__(self) -> int:
        """Return how many values were merged into others."""
        return len(self._survivors)


def _follow(old: str, direct: Mapping[str, str], survivors: dict[str, str]) -> None:
    """Note the end of the chain for everything on it."""
    chain: dict[str, None] = {}
    at = old
    while at in direct and at not in survivors:
        if at in chain:
            message = f"merges go round in a circle at {_shown(at)}"
            raise ValueError(message)
        chain[at] = None
        at = direct[at]
    survivors.update(dict.fromkeys(chain, survivors.get(at, at)))


def _shown(value: str) -> str:
    return f"sha256:{hashlib.sha256(value.encode('utf-8', 'surrogatepass')).hexdigest()[:_SHOWN_DIGITS]}"


def merged_fields(
    declaration: Reconciliation, records: str, maps: Mapping[str, MergeMap]
) -> tuple[dict[str, tuple[MergeMap, ...]], str]:
    """Return the maps of each field of a set, in the declared order, and why one is not known: empty, all are."""
    found: dict[str, tuple[MergeMap, ...]] = {}
    missing: list[str] = []
    for merges in declaration.merges:
        fields = [field for field in declaration.fields_of(records) if f"{records}.{field}" in merges.fields]
        if fields and merges.name not in maps:
            missing.append(merges.name)
            continue
        for field in fields:
            found[field] = (*found.get(field, ()), maps[merges.name])
    return found, f"merges are not known: {', '.join(missing)}" if missing else ""
