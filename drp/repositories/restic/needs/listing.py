"""Which objects of a restic repository are there, in little memory: a hospital has packs by the million."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

from drp.domain.worm.objects import ObjectVersion
from drp.repositories.restic.needs.wire import ID

_NAME = re.compile(r"(keys|snapshots|index)/([0-9a-f]{64})|data/([0-9a-f]{2})/(\3[0-9a-f]{62})")


@dataclass(frozen=True, slots=True)
class Object:
    """One object, as it is read by name."""

    version: str
    size: int


class Packs(Mapping[bytes, Object]):
    """Objects by id, at some 40 bytes each besides their versions; it is filled, then read."""

    def __init__(self) -> None:
        """Begin without any."""
        self._ids, self._sizes, self._versions = bytearray(), array("Q"), list[str]()
        self._starts: array[int] | None = None

    def add(self, identity: bytes, version: str, size: int) -> None:
        """Take one more."""
        self._ids += identity
        self._sizes.append(size)
        self._versions.append(version)
        self._starts = None

    def __len__(self) -> int:
        """Return how many."""
        return len(self._sizes)

    def __iter__(self) -> Iterator[bytes]:
        """Yield each id."""
        self._placed()
        return (bytes(self._ids[at : at + ID]) for at in range(0, len(self._ids), ID))

    def __getitem__(self, identity: bytes) -> Object:
        """Return one. Raises ``KeyError``."""
        starts = self._placed()
        first = int.from_bytes(identity[:2], "big")
        place, end = starts[first] * ID, starts[first + 1] * ID
        while len(identity) == ID and (place := self._ids.find(identity, place, end)) >= 0:
            if place % ID == 0:
                return Object(self._versions[place // ID], self._sizes[place // ID])
            place += 1
        raise KeyError(identity)

    def _placed(self) -> array[int]:
        """Return where the ids begin that begin with each two bytes, having put them there."""
        if self._starts is not None:
            return self._starts
        firsts = array("H", (int.from_bytes(self._ids[at : at + 2], "big") for at in range(0, len(self._ids), ID)))
        counts = Counter(firsts)
        self._starts = array("Q", accumulate((counts[first] for first in range(1 << 16)), initial=0))
        if all(before <= after for before, after in pairwise(firsts)):
            return self._starts
        free = array("Q", self._starts)
        ids, sizes, versions = bytearray(len(self._ids)), array("Q", self._sizes), [""] * len(self)
        for number, first in enumerate(firsts):
            place = free[first]
            free[first] += 1
            ids[place * ID : (place + 1) * ID] = self._ids[number * ID : (number + 1) * ID]
            sizes[place], versions[place] = self._sizes[number], self._versions[number]
        self._ids, self._sizes, self._versions = ids, sizes, versions
        return self._starts


@dataclass(slots=True)
class Listing:
    """What is read by name now, restic's own objects alone: locks, markers and what lies below others are left out."""

    config: Object | None = None
    keys: dict[bytes, Object] = field(default_factory=dict)
    snapshots: dict[bytes, Object] = field(default_factory=dict)
    index: dict[bytes, Object] = field(default_factory=dict)
    packs: Packs = field(default_factory=Packs)

    @property
    def parts(self) -> Mapping[str, Mapping[bytes, Object]]:
        """Return folder → id → object."""
        return {"keys": self.keys, "snapshots": self.snapshots, "index": self.index, "data": self.packs}


def listing(versions: Iterable[ObjectVersion]) -> Listing:
    """Return what is read by name of what a place lists."""
    found = Listing()
    few = {"keys": found.keys, "snapshots": found.snapshots, "index": found.index}
    for version in versions:
        if not version.latest or version.marker:
            continue
        if version.key == "config":
            found.config = Object(version.version, version.size)
        elif split := parsed(version.key):
            folder, identity = split
            if folder == "data":
                found.packs.add(identity, version.version, version.size)
            else:
                few[folder][identity] = Object(version.version, version.size)
    return found


def parsed(name: str) -> tuple[str, bytes] | None:
    """Return the folder and the id of an object of restic's; None: it is none."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    return (match[1], bytes.fromhex(match[2])) if match[1] else ("data", bytes.fromhex(match[4]))


def name_of(folder: str, identity: bytes) -> str:
    """Return the key of an object."""
    text = identity.hex()
    return f"data/{text[:2]}/{text}" if folder == "data" else f"{folder}/{text}"


class Names(Collection[str]):
    """Keys of many objects, at 32 bytes each: config and keys first, then the snapshot, index files, packs."""

    def __init__(self, *, config: bool = True, parts: Iterable[tuple[str, bytes | bytearray]]) -> None:
        """``parts``: folder, and ids one after the other; each folder's in the order of their bytes."""
        self._config, self._parts = config, tuple(parts)

    def __len__(self) -> int:
        """Return how many."""
        return self._config + sum(len(ids) // ID for _, ids in self._parts)

    def __iter__(self) -> Iterator[str]:
        """Yield each."""
        if self._config:
            yield "config"
        for folder, ids in self._parts:
            for at in range(0, len(ids), ID):
                yield name_of(folder, bytes(ids[at : at + ID]))

    def __contains__(self, name: object) -> bool:
        """Return whether a key is one of them."""
        if not isinstance(name, str):
            return False
        if name == "config":
            return self._config
        split = parsed(name)
        return split is not None and any(split[0] == folder and _holds(ids, split[1]) for folder, ids in self._parts)

    def of(self, folder: str) -> bytes:
        """Return the ids in a folder, one after the other."""
        return b"".join(ids for name, ids in self._parts if name == folder)


def _holds(ids: bytes | bytearray, wanted: bytes) -> bool:
    low, high = 0, len(ids) // ID
    while low < high:
        middle = (low + high) // 2
        if ids[middle * ID : (middle + 1) * ID] < wanted:
            low = middle + 1
        else:
            high = middle
    return ids[low * ID : (low + 1) * ID] == wanted
