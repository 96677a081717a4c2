"""What dangles in one way of a reference, apart by what it means: lost, old, strange, undated, excepted."""

from __future__ import annotations

import heapq
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import get_args

from drp.domain.reconciliation.collected import ALWAYS, Keys, instant_of
from drp.domain.reconciliation.digests import shown_digest
from drp.domain.reconciliation.forms import Forms, commonest, form_of
from drp.domain.reconciliation.packed import PARTS
from drp.domain.reconciliation.preparation import Circumstances, KeyException
from drp.domain.reconciliation.result import MOST_LISTED, Dangling, DanglingKind, ExceptionUse

_KINDS: tuple[DanglingKind, ...] = get_args(DanglingKind)
WITHOUT = "(no key)"
"""Stands for a record that should have a key and has none."""

Shown = Callable[[str], str]
"""Returns a key for people."""


@dataclass(slots=True)
class First:
    """The first of many in order, at most `MOST_LISTED`, and how many there were."""

    count: int = 0
    _kept: list[tuple[int, str, tuple[int, ...]]] = field(default_factory=list)

    def add(self, rank: int, key: str, belongs: tuple[int, ...]) -> None:
        """Take one in: the smallest rank is first."""
        self.count += 1
        self._kept.append((rank, key, belongs))
        if len(self._kept) >= 8 * MOST_LISTED:
            self._kept = heapq.nsmallest(MOST_LISTED, self._kept)

    def __iter__(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Yield the first, in order."""
        return ((key, belongs) for _, key, belongs in heapq.nsmallest(MOST_LISTED, self._kept))


@dataclass(slots=True)
class Kind:
    """All that dangles of one kind."""

    first: First = field(default_factory=First)
    oldest: int = ALWAYS
    newest: int = ALWAYS
    forms: Counter[str] = field(default_factory=Counter)

    def add(self, kind: DanglingKind, since: int, key: str, belongs: tuple[int, ...]) -> None:
        """Take a key in."""
        self.first.add(since if kind == "recent" else -since, key, belongs)
        self.newest = max(self.newest, since)
        if since != ALWAYS and (self.oldest == ALWAYS or since < self.oldest):
            self.oldest = since
        if kind == "strange" and (len(self.forms) < 64 or form_of(key) in self.forms):
            self.forms[form_of(key)] += 1


@dataclass(slots=True)
class Apart:
    """What dangles in one way, apart by kind."""

    kinds: dict[DanglingKind, Kind] = field(default_factory=lambda: {kind: Kind() for kind in _KINDS})
    recent_since: array[int] = field(default_factory=lambda: array("q"))
    """Of all recent ones."""
    exceptions: list[Excepting] = field(default_factory=list)
    excepted: int = 0
    forms_there: tuple[str, ...] = ()

    def told(self, shown: Shown) -> tuple[Dangling, ...]:
        """Return what there is, of each kind."""
        return tuple(
            Dangling(
                kind=name,
                count=kind.first.count,
                listed=tuple(key if key == WITHOUT else shown(key) for key, _ in kind.first),
                oldest_at=instant_of(kind.oldest),
                newest_at=instant_of(kind.newest),
                forms=commonest(kind.forms) if name == "strange" else (),
                forms_there=self.forms_there if name == "strange" else (),
            )
            for name, kind in self.kinds.items()
            if kind.first.count
        )

    def patients(self, kind: DanglingKind) -> tuple[str, ...]:
        """Return whose the listed keys of a kind are, as far as that is known."""
        return tuple("+".join(map(shown_digest, belongs)) for _, belongs in self.kinds[kind].first if belongs)


class Excepting:
    """One declared exception at work in one way of its reference."""

    def __init__(self, declared: KeyException, circumstances: Circumstances, theirs: Keys) -> None:
        """Take what it says; ``theirs`` are the keys of the application that lacks."""
        self.declared = declared
        self.expired = circumstances.today > declared.expires
        self.count = self.recent = 0
        self._first = First()
        self._theirs = theirs
        self._broad: bool | None = None
        listed = declared.listed
        self._keys = circumstances.listed[listed.path] if listed is not None else None

    def fits(self, key: str) -> bool:
        """Return whether it names the key."""
        return key in self._keys if self._keys is not None else fnmatchcase(key, self.declared.pattern)

    def takes(self, since: int, key: str, *, recent: bool) -> bool:
        """Return whether a key is excepted: one that fits, unless it may just as well be one that was lost."""
        if not self.fits(key) or (recent and self.broad):
            return False
        self.count += 1
        self.recent += recent
        self._first.add(-since, key, ())
        return not self.expired

    @property
    def broad(self) -> bool:
        """Return whether its pattern fits keys of the application that lacks, too: then it would hide a loss."""
        if self._broad is None:
            self._broad = self._keys is None and any(map(self.fits, self._theirs.rows.texts()))
        return self._broad

    def told(self, shown: Shown) -> ExceptionUse:
        """Return what it came to."""
        declared = self.declared
        return ExceptionUse(
            name=declared.name,
            reason=declared.reason,
            owner=declared.owner,
            expires=declared.expires,
            count=self.count,
            recent=self.recent,
            expired=self.expired,
            broad=bool(self._broad),
            listed=tuple(shown(key) for key, _ in self._first),
        )


def apart(
    ours: Keys,
    theirs: Keys,
    *,
    border: int | None,
    exceptions: Sequence[KeyException],
    circumstances: Circumstances,
    required: bool,
) -> Apart:
    """Return what of ``ours`` is not among ``theirs``; the border is in microseconds, None: nobody knows it.

    ``required``: whether a record without a key dangles, too.
    """
    found = Apart()
    found.exceptions = [Excepting(each, circumstances, theirs) for each in exceptions]
    forms = Forms(theirs.rows.texts())
    found.forms_there = forms.commonest
    for key, since, belongs in _missing(ours, theirs):
        dated = since != ALWAYS
        recent = dated and (border is None or since > border)
        taken = [each.takes(since, key, recent=recent) for each in found.exceptions]
        if any(taken):
            found.excepted += 1
            continue
        kind: DanglingKind = "recent" if recent else "older" if dated else "undated"
        kind = "strange" if forms.strange(key) else kind
        found.kinds[kind].add(kind, since, key, belongs)
        if kind == "recent":
            found.recent_since.append(since)
    for since in ours.without if required else ():
        recent = since != ALWAYS and (border is None or since > border)
        kind = "recent" if recent else "older" if since != ALWAYS else "undated"
        found.kinds[kind].add(kind, since, WITHOUT, ())
        if recent:
            found.recent_since.append(since)
    return found


def _missing(ours: Keys, theirs: Keys) -> Iterator[tuple[str, int, tuple[int, ...]]]:
    """Yield every key that the other side lacks, since when it is there, and what goes with it."""
    for part in range(PARTS):
        held, there = ours.rows.side(part), theirs.rows.side(part)
        belongs: Mapping[str, tuple[int, ...]] = held.belongs
        for key in held.since.keys() - there.since.keys():
            yield key, held.since[key], belongs.get(key, ())
