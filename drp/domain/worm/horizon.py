"""Until when recovery points can be restored if everybody deletes what can be deleted."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from drp.domain.phrase import NOTHING, Phrase, fact
from drp.domain.terms import listed
from drp.domain.worm.attestation import WeakObject
from drp.domain.worm.judging import SeenObject

_ENDLESS = datetime.max.replace(tzinfo=UTC)
_WEAKEST = 20
_NAMED = 5
REQUESTS_EACH = 3
"""What extending one object takes at most: its retention is read, set, and read again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Horizon:
    """The earliest retain-until over everything that one recovery point depends on."""

    point: str
    consistent_at: datetime
    until: datetime | None
    """None: something that it depends on can be deleted now, or nobody could see that it cannot: see ``unknown``."""
    unknown: Phrase = NOTHING
    """Why it could not be established; nothing: it was."""
    forever: bool = False
    """Everything that it depends on is under legal hold."""
    objects: int = 0
    """Object versions that it depends on: configuration, keys, snapshot, index and packs."""
    size: int = 0
    """Bytes of them."""
    weakest: tuple[WeakObject, ...] = ()
    """Those that end first, no more than twenty."""
    below: int = 0
    """Objects that would have to be extended for the application's ``immutable_for``."""
    below_bytes: int = 0
    application: str = ""
    """Whose point it is; empty: it was not asked for an application's sake."""
    own_until: datetime | None = None
    """Until when the point's own object is locked, which is what other tools look at; None: it has no such date."""
    required_until: datetime | None = None
    """Until when ``immutable_for`` asks everything to be locked; None: the application asks for nothing."""
    open: int = 0
    """Objects that somebody can delete now: without a lock, or with one that has ended or that may be lifted."""

    def holds(self, at: datetime) -> bool:
        """Return whether nobody can delete anything of it at an instant, as far as locks say."""
        return self.forever or (self.until is not None and self.until > at)

    @property
    def margin(self) -> timedelta | None:
        """Return by how much it lasts longer than is asked, negative: shorter; None: nothing is asked, or no end."""
        if self.required_until is None or self.until is None:
            return None
        return self.until - self.required_until

    @property
    def is_enough(self) -> bool | None:
        """Return whether it lasts as long as the application asks; None: nothing is asked, or nobody knows."""
        if self.required_until is None or self.unknown:
            return None
        return self.forever or (self.until is not None and self.until >= self.required_until)

    @property
    def requests(self) -> int:
        """Return how many requests it would take at most to extend what ends before ``required_until``."""
        return self.below * REQUESTS_EACH


def horizon_of(
    point: str,
    consistent_at: datetime,
    seen: Iterable[SeenObject],
    *,
    own: str,
    at: datetime,
    mode: Literal["compliance", "governance"] = "compliance",
    required_until: datetime | None = None,
    application: str = "",
) -> Horizon:
    """Return the horizon over everything that was seen, of all that a point needs.

    ``own``: the key of the point's own object. ``at``: the later of this machine's clock and the store's. ``mode``:
    the weakest that counts; a governance lock is lifted by whoever may bypass it. Of each name the version counts that
    is read by it, and, where a delete marker hides it, the newest below: what lies deeper is reached by nobody who
    restores by name.
    """
    weighing = _Weighing(at=at, mode=mode, required=required_until)
    for each in seen:
        weighing.add(each)
        if each.key == own:
            weighing.own_until = each.until
    return Horizon(
        point=point,
        consistent_at=consistent_at,
        until=weighing.until,
        unknown=_missing(weighing.missing),
        forever=bool(weighing.objects) and weighing.held == weighing.objects,
        objects=weighing.objects,
        size=weighing.size,
        weakest=weighing.weakest(),
        below=weighing.below,
        below_bytes=weighing.below_bytes,
        application=application,
        own_until=weighing.own_until,
        required_until=required_until,
        open=weighing.open,
    )


class _Weighing:
    """Adds objects up one by one: there may be millions of them."""

    def __init__(self, *, at: datetime, mode: str, required: datetime | None) -> None:
        self._at, self._required = at, required
        self._counts = {"compliance", "governance"} if mode == "governance" else {"compliance"}
        self._weakest: list[tuple[float, int, WeakObject]] = []
        self._earliest: datetime | None = None
        self.objects = self.size = self.below = self.below_bytes = self.held = self.open = 0
        self.missing: list[str] = []
        self.own_until: datetime | None = None

    def add(self, each: SeenObject) -> None:
        """Take one object."""
        self.objects += 1
        self.size += each.size
        if each.lock is None:
            self.missing.append(each.key)
            return
        standing = each.standing(self._at)
        if standing == "legal-hold":
            self.held += 1
            return
        until = each.until if standing in self._counts else None
        if until is None:
            self.open += 1
        else:
            self._earliest = until if self._earliest is None else min(self._earliest, until)
        if self._required is not None and (until is None or until < self._required):
            self.below += 1
            self.below_bytes += each.size
        weak = WeakObject(key=each.key, version=each.version, mode=standing, until=each.until, size=each.size)
        rank = (-until.timestamp() if until is not None else 0.0, -self.objects, weak)
        if len(self._weakest) < _WEAKEST:
            heapq.heappush(self._weakest, rank)
        elif rank[:2] > self._weakest[0][:2]:
            heapq.heapreplace(self._weakest, rank)

    @property
    def until(self) -> datetime | None:
        """Return the earliest date; None where anything is open or missing, or nothing has a date."""
        return None if self.open or self.missing else self._earliest

    def weakest(self) -> tuple[WeakObject, ...]:
        """Return those that end first."""
        ranked = sorted(self._weakest, key=lambda rank: rank[:2], reverse=True)
        return tuple(weak for _, _, weak in ranked)


def _missing(keys: Sequence[str]) -> Phrase:
    if not keys:
        return NOTHING
    return fact(
        "needs-missing",
        "objects that it needs are not there: {names}",
        names=listed(sorted(keys)[:_NAMED], len(keys)),
    )


def unknown(
    point: str,
    consistent_at: datetime,
    why: Phrase,
    *,
    application: str = "",
    required_until: datetime | None = None,
) -> Horizon:
    """Return that nobody could tell, and why."""
    return Horizon(
        point=point,
        consistent_at=consistent_at,
        until=None,
        unknown=why,
        application=application,
        required_until=required_until,
    )


def safest(horizons: Iterable[Horizon], at: datetime) -> Horizon | None:
    """Return the newest point that nobody can delete; None: there is none, as far as anybody could see."""
    return max((each for each in horizons if each.holds(at)), key=lambda each: each.consistent_at, default=None)


def brief(horizons: Iterable[Horizon], most: int = 100) -> Iterator[Horizon]:
    """Yield the newest, with the five weakest objects of each, for the register."""
    for each in sorted(horizons, key=lambda one: (one.consistent_at, one.point), reverse=True)[:most]:
        yield replace(each, weakest=each.weakest[:_NAMED])
