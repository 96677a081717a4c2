"""The records of one set, gathered in one pass and as small as the judgement allows: a million fit in memory.

Instants are microseconds since 1970 in UTC; a record without one counts as having been there always.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from drp.domain.reconciliation.declaration import FieldOf, Identifier, Reconciliation
from drp.domain.reconciliation.merges import MergeMap, merged_fields

ALWAYS = -(1 << 62)
"""The instant of what has none."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LONGEST_NUMBER = 18
"""Digits; more are no number that a sequence issued."""

Row = tuple[int | None, tuple[str, ...]]
"""Instant, and texts in the order of ``Reconciliation.fields_of``; empty: none."""
_Taker = Callable[[int, tuple[str, ...]], None]


def microseconds(instant: datetime) -> int:
    """Return an instant with a zone as microseconds since 1970."""
    return (instant - _EPOCH) // _MICROSECOND


def instant_of(count: int) -> datetime | None:
    """Return the instant of microseconds since 1970; None for what was there always."""
    return None if count == ALWAYS else _EPOCH + timedelta(microseconds=count)


def digest_of(values: Iterable[str]) -> int:
    """Return the first 64 bits of the SHA-256 of values that must be the same on both sides."""
    return int.from_bytes(hashlib.sha256("\0".join(values).encode("utf-8", "surrogatepass")).digest()[:8], "big")


def shown_digest(digest: int) -> str:
    """Return a digest short enough for people."""
    return f"{digest:016x}"[:12]


@dataclass(slots=True)
class Keys:
    """The different keys in one field: since when each is there, and what it belongs to."""

    place: FieldOf
    same: tuple[str, ...] = ()
    """Other fields whose values go with the key."""
    index: dict[str, int] = field(default_factory=dict)
    since: array[int] = field(default_factory=lambda: array("q"))
    belongs: array[int] = field(default_factory=lambda: array("Q"))
    blank: dict[int, int] = field(default_factory=dict)
    """Key → bits of those other fields that are empty: absent on both sides is not the same."""
    torn: set[int] = field(default_factory=set)
    """Keys that belong to several: one number, two patients."""
    without: array[int] = field(default_factory=lambda: array("q"))
    """Instants of the records that have no key."""

    def taker(self, fields: tuple[str, ...]) -> _Taker:
        """Return the function that takes one record in."""
        at = fields.index(self.place.field)
        others = tuple(fields.index(name) for name in self.same)

        def take(instant: int, values: tuple[str, ...]) -> None:
            key = values[at]
            if not key:
                self.without.append(instant)
                return
            number = self.index.setdefault(key, len(self.since))
            texts = [values[other] if values[other].strip() else "" for other in others]
            belongs = digest_of(texts) if others else 0
            if number == len(self.since):
                if empty := sum(1 << bit for bit, text in enumerate(texts) if not text):
                    self.blank[number] = empty
                self.since.append(instant)
                self.belongs.append(belongs)
                return
            if belongs != self.belongs[number]:
                self.torn.add(number)
            self.since[number] = min(self.since[number], instant)

        return take


@dataclass(slots=True)
class Numbers:
    """The numbers of one identifier that are in use in one field."""

    identifier: Identifier
    place: FieldOf
    used: array[int] = field(default_factory=lambda: array("q"))

    def taker(self, fields: tuple[str, ...]) -> _Taker:
        """Return the function that takes one record in."""
        at = fields.index(self.place.field)

        def take(_: int, values: tuple[str, ...]) -> None:
            number = number_in(values[at], self.identifier)
            if number is not None:
                self.used.append(number)

        return take


def number_in(key: str, identifier: Identifier) -> int | None:
    """Return the number in a key, or None when the key was not issued by this identifier's sequence."""
    if not (key.startswith(identifier.prefix) and key.endswith(identifier.suffix)):
        return None
    digits = key[len(identifier.prefix) : len(key) - len(identifier.suffix)]
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= _LONGEST_NUMBER):
        return None
    number = int(digits)
    return None if identifier.below is not None and number >= identifier.below else number


class Collected:
    """What was read of one set of records."""

    def __init__(self, declaration: Reconciliation, records: str, merges: Mapping[str, MergeMap] | None = None) -> None:
        """Prepare for exactly what the declaration asks of this set; ``merges`` by the name that they have there.

        What is declared as merged and not given leaves the set not judged.
        """
        self.trouble = ""
        """Why the set is not complete; empty: it is."""
        self.instants: array[int] = array("q")
        """Of every record."""
        self.keys: dict[tuple[str, str], Keys] = {}
        """By reference and field."""
        self.numbers: dict[tuple[str, str], Numbers] = {}
        """By identifier and field."""
        self.values: dict[str, list[str]] = {}
        """The first two values of the fields that tell a next number."""
        self.merged = 0
        """Values that were taken for those they were merged into."""
        self._fields = declaration.fields_of(records)
        by_field, self.unmerged = merged_fields(declaration, records, merges or {})
        self._merged = tuple((self._fields.index(name), maps) for name, maps in by_field.items())
        for reference in declaration.references:
            ends = ((reference.source, tuple(reference.same)), (reference.target, tuple(reference.same.values())))
            for end, (place, same) in zip(("source", "target"), ends, strict=True):
                if place.records == records:
                    self.keys[reference.name, end] = Keys(place, same)
        for identifier in declaration.identifiers:
            for place in identifier.used_in:
                if place.records == records:
                    self.numbers[identifier.name, str(place)] = Numbers(identifier, place)
            if identifier.issued_by.records == records:
                self.values[identifier.issued_by.field] = []
        self._takers = [keys.taker(self._fields) for keys in self.keys.values()]
        self._takers += [numbers.taker(self._fields) for numbers in self.numbers.values()]

    def receive(self, row: Row) -> None:
        """Take one record in."""
        at, values = row
        instant = ALWAYS if at is None else at
        if self._merged:
            values = self._merge(values)
        self.instants.append(instant)
        for take in self._takers:
            take(instant, values)
        for name, seen in self.values.items():
            if len(seen) < 2:
                seen.append(values[self._fields.index(name)])

    def _merge(self, values: tuple[str, ...]) -> tuple[str, ...]:
        merged = list(values)
        for at, maps in self._merged:
            for each in maps:
                merged[at] = each.resolve(merged[at])
            self.merged += merged[at] != values[at]
        return tuple(merged)

    @property
    def newest(self) -> int:
        """Return the newest instant of a record."""
        return max(self.instants, default=ALWAYS)
