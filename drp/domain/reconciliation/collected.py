"""The records of one set, gathered in one pass and as small as the judgement allows: ten million fit in memory.

Instants are microseconds since 1970 in UTC; a record without one counts as having been there always.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from drp.domain.phrase import NOTHING, Phrase
from drp.domain.reconciliation.declaration import FieldOf, Identifier, Reconciliation
from drp.domain.reconciliation.digests import digest_of_text
from drp.domain.reconciliation.merges import MergeMap
from drp.domain.reconciliation.packed import KeyRows, Longs

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


@dataclass(slots=True)
class Keys:
    """The keys in one field: since when each is there, and what it belongs to."""

    place: FieldOf
    same: tuple[str, ...] = ()
    """Other fields whose values go with the key."""
    rows: KeyRows = field(init=False)
    without: Longs = field(default_factory=Longs)
    """Instants of the records that have no key."""
    merged: int = 0
    """Records whose key, or what goes with it, was taken for what it was merged into."""

    def __post_init__(self) -> None:
        """Make room for what goes with each key."""
        self.rows = KeyRows(len(self.same))

    def taker(self, fields: tuple[str, ...], merges: Mapping[str, MergeMap]) -> _Taker:
        """Return the function that takes one record in."""
        at = fields.index(self.place.field)
        others = tuple(fields.index(name) for name in self.same)
        add, without = self.rows.add, self.without.add
        merging = {index: merges[fields[index]] for index in (at, *others) if fields[index] in merges}

        def take_one(instant: int, values: tuple[str, ...]) -> None:
            if key := values[at]:
                text = values[others[0]]
                empty = 0 if text.strip() else 1
                add((key, instant, empty, digest_of_text("" if empty else text)))
            else:
                without(instant)

        if len(others) == 1 and not merging:
            return take_one

        def take(instant: int, values: tuple[str, ...]) -> None:
            if merging:
                values = self._merged(values, merging)
            key = values[at]
            if not key:
                without(instant)
            elif others:
                texts = [values[other] if values[other].strip() else "" for other in others]
                empty = sum(1 << bit for bit, text in enumerate(texts) if not text)
                add((key, instant, empty, *map(digest_of_text, texts)))
            else:
                add((key, instant, 0))

        return take

    def _merged(self, values: tuple[str, ...], merging: Mapping[int, MergeMap]) -> tuple[str, ...]:
        after = list(values)
        for index, merge in merging.items():
            after[index] = merge.resolve(values[index])
        self.merged += tuple(after) != values
        return tuple(after)


@dataclass(slots=True)
class Numbers:
    """The numbers of one identifier that are in use in one field."""

    identifier: Identifier
    place: FieldOf
    used: Longs = field(default_factory=Longs)

    def taker(self, fields: tuple[str, ...]) -> _Taker:
        """Return the function that takes one record in."""
        at, identifier, add = fields.index(self.place.field), self.identifier, self.used.add

        def take(_: int, values: tuple[str, ...]) -> None:
            number = number_in(values[at], identifier)
            if number is not None:
                add(number)

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
        """Prepare for exactly what the declaration asks of this set; ``merges`` by field (``records.field``)."""
        self.trouble: Phrase = NOTHING
        """Why the set is not complete; empty: it is."""
        self.passed_over = 0
        """Records that were read and do not count."""
        self.instants = Longs()
        """Of every record that counts."""
        self.newest = self.oldest = ALWAYS
        """Of the dated records; ``ALWAYS``: none is."""
        self.keys: dict[tuple[str, str], Keys] = {}
        """By reference and field."""
        self.numbers: dict[tuple[str, str], Numbers] = {}
        """By identifier and field."""
        self.values: dict[str, list[str]] = {}
        """The first two values of the fields that tell a next number."""
        self.pairs: dict[str, list[tuple[str, str]]] = {}
        """By name of the merges that this set tells: old and new values."""
        self._fields = declaration.fields_of(records)
        own = {name: merges[place] for name in self._fields if merges and (place := f"{records}.{name}") in merges}
        self._takers: list[_Taker] = []
        self._declare(declaration, records)
        self._takers += [keys.taker(self._fields, own) for keys in self.keys.values()]
        self._takers += [numbers.taker(self._fields) for numbers in self.numbers.values()]

    def _declare(self, declaration: Reconciliation, records: str) -> None:
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
        for merge in declaration.merges:
            if merge.records == records:
                self._takers.append(self._pair_taker(merge.name, merge.old, merge.new))

    def _pair_taker(self, name: str, old: str, new: str) -> _Taker:
        pairs = self.pairs.setdefault(name, [])
        before, after = self._fields.index(old), self._fields.index(new)

        def take(_: int, values: tuple[str, ...]) -> None:
            pairs.append((values[before], values[after]))

        return take

    def pass_over(self, number: int) -> None:
        """Take note of records that were read and do not count."""
        self.passed_over += number

    def receive(self, row: Row) -> None:
        """Take one record in."""
        at, values = row
        instant = ALWAYS
        if at is not None:
            instant = at
            self.newest = max(self.newest, at)
            if at < self.oldest or self.oldest == ALWAYS:
                self.oldest = at
        self.instants.add(instant)
        for take in self._takers:
            take(instant, values)
        for name, seen in self.values.items():
            if len(seen) < 2:
                seen.append(values[self._fields.index(name)])
