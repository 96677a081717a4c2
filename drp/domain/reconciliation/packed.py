"""Many numbers and keys in little memory: what came together is packed together, and read again piece by piece.

Ten million keys with instants and patients take some 200 MB so. Nothing is written to a disk, and nothing is exact only
nearly: keys are kept whole. A hostile backup cannot bring its keys into one part: Python's hash of texts is keyed.
"""

from __future__ import annotations

import marshal
import operator
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate, chain

from drp.domain.reconciliation.forms import Forms

PARTS = 64
_LONGS = 8192
_ROWS = 1024

KeyRow = tuple[str, int, int, *tuple[int, ...]]
"""Key, instant, bits of what is empty beside it, and digests of what goes with it."""


class Longs:
    """Whole numbers of 63 bits, in no order."""

    def __init__(self) -> None:
        """Begin with none."""
        self._packed: list[bytes] = []
        self._open = array("q")
        self._count = 0

    def add(self, number: int) -> None:
        """Keep one more."""
        self._open.append(number)
        if len(self._open) >= _LONGS:
            self._packed.append(_pack_longs(sorted(self._open)))
            self._count += len(self._open)
            self._open = array("q")

    def __len__(self) -> int:
        """Return how many there are."""
        return self._count + len(self._open)

    def __iter__(self) -> Iterator[int]:
        """Yield every number."""
        for packed in self._packed:
            yield from _longs(packed)
        yield from self._open


@dataclass(slots=True)
class Side:
    """One part of the keys in one field: each once."""

    since: dict[str, int] = field(default_factory=dict)
    """Key → the oldest instant at which it is there."""
    belongs: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Key → digests of what goes with it; empty where nothing was asked."""
    blank: dict[str, int] = field(default_factory=dict)
    """Key → bits of those that are empty; without those of which none is."""
    torn: set[str] = field(default_factory=set)
    """Keys that belong to several: one number, two patients."""


class KeyRows:
    """The keys in one field with what goes with each, in `PARTS` parts by their hash."""

    def __init__(self, columns: int) -> None:
        """Take how many digests go with each key."""
        self._columns = columns
        self._packed: list[list[tuple[bytes, ...]]] = [[] for _ in range(PARTS)]
        self._open: list[list[KeyRow]] = [[] for _ in range(PARTS)]
        self._forms = Forms()
        self._closed = 0

    def add(self, row: KeyRow) -> None:
        """Keep one record's key."""
        part = hash(row[0]) % PARTS
        waiting = self._open[part]
        waiting.append(row)
        if len(waiting) >= _ROWS:
            self._close(part)

    def _close(self, part: int) -> None:
        """Pack what waits."""
        waiting, self._open[part] = sorted(self._open[part]), []
        if waiting:
            keys, instants, blanks, *digests = zip(*waiting, strict=True)
            self._closed += len(keys)
            self._forms.add(keys)
            texts = zlib.compress(marshal.dumps(keys, 2), 1)
            rest = (array("Q", column).tobytes() for column in digests)
            self._packed[part].append((texts, _pack_longs(instants), _pack_longs(blanks), *rest))

    @property
    def count(self) -> int:
        """Return how many records' keys there are."""
        return self._closed + sum(map(len, self._open))

    @property
    def forms(self) -> Forms:
        """Return how the keys of all records until now are written."""
        for part in range(PARTS):
            self._close(part)
        return self._forms

    def texts(self) -> Iterator[str]:
        """Yield the key of every record; those of one part after another."""
        for part in range(PARTS):
            self._close(part)
            for packed in self._packed[part]:
                yield from _texts(packed[0])

    def side(self, part: int) -> Side:
        """Return one part of the keys, each once."""
        self._close(part)
        side = Side()
        for packed, instants, blanks, *digests in self._packed[part]:
            _take(side, _texts(packed), _longs(instants), _longs(blanks), [array("Q", each) for each in digests])
        return side


def _take(
    side: Side, keys: tuple[str, ...], instants: Iterable[int], blanks: Iterable[int], digests: list[array[int]]
) -> None:
    """Take in what came together; at once where no key has come before."""
    since = tuple(instants)
    fresh = dict(zip(keys, since, strict=True))
    if len(fresh) < len(keys) or not side.since.keys().isdisjoint(fresh):
        _take_instants(side.since, keys, since)
        if digests:
            _take_belongings(side, keys, blanks, digests)
        return
    side.since.update(fresh)
    if digests:
        side.belongs.update(zip(keys, zip(*digests, strict=True), strict=True))
        side.blank.update((key, empty) for key, empty in zip(keys, blanks, strict=True) if empty)


def _take_instants(since: dict[str, int], keys: Iterable[str], instants: Iterable[int]) -> None:
    for key, instant in zip(keys, instants, strict=True):
        earlier = since.setdefault(key, instant)
        if instant < earlier:
            since[key] = instant


def _take_belongings(side: Side, keys: Iterable[str], blanks: Iterable[int], digests: list[array[int]]) -> None:
    """Take what goes with each key; where two records differ, the smaller counts, whichever came first."""
    belongs, blank = side.belongs, side.blank
    for key, empty, *own in zip(keys, blanks, *digests, strict=True):
        values = tuple(own)
        before = belongs.setdefault(key, values)
        if before != values:
            side.torn.add(key)
            if values > before:
                continue
            belongs[key] = values
            blank.pop(key, None)
        if empty:
            blank[key] = empty


def _texts(packed: bytes) -> tuple[str, ...]:
    keys: tuple[str, ...] = marshal.loads(zlib.decompress(packed))  # noqa: S302 - our own bytes, which never left us
    return keys


def _pack_longs(numbers: Iterable[int]) -> bytes:
    """Pack numbers as differences: neighbours are near."""
    whole = array("q", numbers)
    subtract: Callable[[int, int], int] = operator.sub
    return zlib.compress(array("q", map(subtract, whole, chain((0,), whole))).tobytes(), 1)


def _longs(packed: bytes) -> Iterator[int]:
    return accumulate(array("q", zlib.decompress(packed)))
