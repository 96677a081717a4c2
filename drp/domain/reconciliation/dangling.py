"""What dangles in one way of a reference, apart by what it means: lost, old, strange, undated, excepted."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import get_args

from drp.domain.reconciliation.collected import ALWAYS, Keys, instant_of
from drp.domain.reconciliation.digests import shown_digest
from drp.domain.reconciliation.forms import Forms
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
    forms: Forms = field(default_factory=Forms)

    def add(self, kind: DanglingKind, since: int, key: str, belongs: tuple[int, ...]) -> None:
        """Take a key in."""
        self.first.add(since if kind == "recent" else -since, key, belongs)
        self.newest = max(self.newest, since)
        if since != ALWAYS and (self.oldest == ALWAYS or since < self.oldest):
            self.oldest = since
        if kind == "strange":
            self.forms.add((key,))


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


class Apart:
    """What dangles in one way, apart by kind. Hand every key that the other side lacks to `take`."""

    def __init__(
        self, theirs: Keys, *, border: int | None, exceptions: Sequence[KeyException], circumstances: Circumstances
    ) -> None:
        """Take the keys of the application that lacks, and its border in microseconds; None: nobody knows it."""
        self.kinds: dict[DanglingKind, Kind] = {kind: Kind() for kind in _KINDS}
        self.exceptions = [Excepting(each, circumstances, theirs) for each in exceptions]
        self.excepted = 0
        self.unsettled = 0
        self._border = border - circumstances.clocks if border is not None else None
        self._forms = theirs.rows.forms

    def take(self, key: str, since: int, belongs: tuple[int, ...]) -> None:
        """Take a key in that the other side lacks."""
        kind = self._age(since)
        if self.exceptions and any([each.takes(since, key, recent=kind == "recent") for each in self.exceptions]):  # noqa: C419 - each counts for itself
            self.excepted += 1
            return
        if self._forms.strange(key):
            self.unsettled += kind != "older"
            kind = "strange"
        self.kinds[kind].add(kind, since, key, belongs)

    def take_without(self, instants: Iterable[int]) -> None:
        """Take in records that should have a key and have none."""
        for since in instants:
            kind = self._age(since)
            self.kinds[kind].add(kind, since, WITHOUT, ())

    def _age(self, since: int) -> DanglingKind:
        if since == ALWAYS:
            return "undated"
        return "recent" if self._border is None or since > self._border else "older"

    def told(self, shown: Shown) -> tuple[Dangling, ...]:
        """Return what there is, of each kind."""
        return tuple(
            Dangling(
                kind=name,
                count=kind.first.count,
                listed=tuple(key if key == WITHOUT else shown(key) for key, _ in kind.first),
                oldest_at=instant_of(kind.oldest),
                newest_at=instant_of(kind.newest),
                forms=kind.forms.commonest if name == "strange" else (),
                unsettled=self.unsettled if name == "strange" else 0,
                forms_there=self._forms.commonest if name == "strange" else (),
            )
            for name, kind in self.kinds.items()
            if kind.first.count
        )

    def patients(self, kind: DanglingKind) -> tuple[str, ...]:
        """Return whose the listed keys of a kind are, as far as that is known."""
        return tuple("+".join(map(shown_digest, belongs)) for _, belongs in self.kinds[kind].first if belongs)
