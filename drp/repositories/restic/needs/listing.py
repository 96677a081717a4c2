"""Which objects of a restic repository are there, in little memory: a hospital has packs by the million."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from drp.domain.worm.objects import ObjectVersion
from drp.repositories.restic.needs.wire import ID

_NAME = re.compile(r"(keys|snapshots|index)/([0-9a-f]{64})|data/([0-9a-f]{2})/(\3[0-9a-f]{62})")


@dataclass(frozen=True, slots=True)
class Object:
    """One object, as it is read by name."""

    version: str
    size: int


@dataclass(slots=True)
class Listing:
    """What is read by name now, restic's own objects alone: locks, markers and what lies below others are left out."""

    config: Object | None = None
    parts: dict[str, dict[bytes, Object]] = field(
        default_factory=lambda: {"keys": {}, "snapshots": {}, "index": {}, "data": {}}
    )
    """Folder → id → object."""

    def object(self, name: str) -> Object | None:
        """Return an object by its key."""
        if name == "config":
            return self.config
        split = parsed(name)
        return self.parts[split[0]].get(split[1]) if split else None


def listing(versions: Iterable[ObjectVersion]) -> Listing:
    """Return what is read by name of what a place lists."""
    found = Listing()
    for version in versions:
        if not version.latest or version.marker:
            continue
        if version.key == "config":
            found.config = Object(version.version, version.size)
        elif split := parsed(version.key):
            found.parts[split[0]][split[1]] = Object(version.version, version.size)
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

    def __init__(self, *, config: bool = True, parts: Iterable[tuple[str, bytes]]) -> None:
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
                yield name_of(folder, ids[at : at + ID])

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


def _holds(ids: bytes, wanted: bytes) -> bool:
    low, high = 0, len(ids) // ID
    while low < high:
        middle = (low + high) // 2
        if ids[middle * ID : (middle + 1) * ID] < wanted:
            low = middle + 1
        else:
            high = middle
    return ids[low * ID : (low + 1) * ID] == wanted
