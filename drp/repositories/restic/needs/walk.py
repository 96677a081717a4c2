"""Follows a snapshot to all that it needs: its trees, level by level, and the packs that hold their contents.

Of a blob that several packs hold, all are counted: restic takes whichever its index names first. Trees are read as
they are met, in few pieces, and checked: authentic, and what they are called.
"""

from __future__ import annotations

import hashlib
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from drp.domain.strict_json import Malformed
from drp.repositories.restic.needs import wire
from drp.repositories.restic.needs.cache import Cache
from drp.repositories.restic.needs.crypto import Key, Unauthentic, decompressed, unpacked
from drp.repositories.restic.needs.formats import LARGEST, read_snapshot, read_tree

_GAP = 64 << 10
_RUN = 8 << 20
_AT_A_TIME = 2_000
_FLUSH = 1 << 20


@dataclass(frozen=True, slots=True)
class Wish:
    """Bytes that are asked for."""

    folder: bytes
    name: bytes
    offset: int = 0
    length: int = 0
    """0: all of it."""


Read = Callable[[Sequence[Wish]], Iterator[bytes | None]]
"""Gives the bytes of each wish, in their order; None: it is not there."""


class Unknown(Exception):
    """Why nobody can tell what a point needs."""

    def __init__(self, reason: bytes, folder: bytes, name: bytes) -> None:
        """Take a reason of `wire`, and the object that is the reason."""
        super().__init__()
        self.reason, self.folder, self.name = reason, folder, name


@dataclass(slots=True)
class Found:
    """What a point needs, as far as it was followed."""

    packs: bytearray = field(default_factory=bytearray)
    """Bits, by the packs' numbers."""
    sources: set[int] = field(default_factory=set)

    def add(self, pack: int, source: int) -> None:
        """Take one pack and the index file that names it."""
        place = pack >> 3
        if place >= len(self.packs):
            self.packs.extend(bytes(place + 1 - len(self.packs) + (len(self.packs) >> 1)))
        self.packs[place] |= 1 << (pack & 7)
        self.sources.add(source)


class Walker:
    """Follows snapshots of one repository."""

    def __init__(self, cache: Cache, key: Key, read: Read, tell: Callable[[int], None]) -> None:
        """``tell`` hears how many trees a point has so far."""
        self._cache, self._key, self._read, self._tell = cache, key, read, tell

    def needs(self, point: bytes) -> tuple[bytes, array[int]]:
        """Return the packs (bits by number) and index files (numbers) that a snapshot needs. Raises ``Unknown``."""
        kept = self._cache.kept(point)
        if kept is not None:
            return kept[0], array("q", kept[1])
        found = self._followed(self._root(point))
        packs, sources = bytes(found.packs), array("q", sorted(found.sources))
        self._cache.keep(point, packs, sources.tobytes())
        return packs, sources

    def _root(self, point: bytes) -> bytes:
        (sealed,) = self._read([Wish(wire.SNAPSHOT, point)])
        text = opened(self._key, sealed, wire.SNAPSHOT, point)
        try:
            return read_snapshot(unpacked(text, LARGEST))
        except Malformed:
            raise Unknown(wire.MALFORMED, wire.SNAPSHOT, point) from None

    def _followed(self, root: bytes) -> Found:
        found, seen, level = Found(), {root}, [root]
        keys: array[int] = array("q")
        while level:
            below: list[bytes] = []
            for start in range(0, len(level), _AT_A_TIME):
                for subtrees, contents in self._trees(level[start : start + _AT_A_TIME], found):
                    for at in range(0, len(subtrees), wire.ID):
                        each = subtrees[at : at + wire.ID]
                        if each not in seen:
                            seen.add(each)
                            below.append(each)
                    some: array[int] = array("q", contents)
                    if sys.byteorder == "little":  # `key_of` reads them from the other end
                        some.byteswap()
                    keys.extend(some)
                    if len(keys) >= _FLUSH:
                        self._resolve(keys, found)
                        keys = array("q")
                self._tell(len(seen))
            level = below
        self._resolve(keys, found)
        return found

    def _resolve(self, keys: array[int], found: Found) -> None:
        for pack, source in self._cache.holding(keys):
            if pack is None or source is None:
                raise Unknown(wire.UNINDEXED, wire.BLOB, wire.NOTHING)
            found.add(pack, source)

    def _trees(self, wanted: Sequence[bytes], found: Found) -> Iterator[tuple[bytes, bytes]]:
        """Yield subtrees and contents of trees, from the cache or read anew, and count the packs that hold them."""
        unread: dict[bytes, tuple[int, int, int, int, int]] = {}
        for tree in wanted:
            places = self._cache.places(tree)
            if not places:
                raise Unknown(wire.UNINDEXED, wire.BLOB, tree)
            for place in places:
                found.add(place[0], place[1])
            known = self._cache.tree(tree)
            if known is None:
                unread[tree] = places[0]
            else:
                yield known
        new = []
        for tree, text in self._read_trees(unread):
            try:
                subtrees, contents = read_tree(text)
            except Malformed:
                raise Unknown(wire.MALFORMED, wire.BLOB, tree) from None
            new.append((tree, subtrees, contents))
            yield subtrees, contents
        if new:
            self._cache.keep_trees(new)

    def _read_trees(self, unread: dict[bytes, tuple[int, int, int, int, int]]) -> Iterator[tuple[bytes, bytes]]:
        runs = list(_runs(unread))
        packs = {number: self._cache.pack_id(number) for number in {run.pack for run in runs}}
        answers = self._read([Wish(wire.PACK, packs[run.pack], run.start, run.end - run.start) for run in runs])
        for run, content in zip(runs, answers, strict=True):
            if content is None:
                raise Unknown(wire.IS_ABSENT, wire.PACK, packs[run.pack])
            for tree in run.trees:
                _, _, offset, length, raw = unread[tree]
                yield tree, self._tree_text(tree, content[offset - run.start :][:length], raw)

    def _tree_text(self, tree: bytes, sealed: bytes, raw: int) -> bytes:
        try:
            text = self._key.open(sealed)
            if raw:
                text = decompressed(text, min(raw, LARGEST))
        except Unauthentic:
            raise Unknown(wire.UNAUTHENTIC, wire.BLOB, tree) from None
        except Malformed:
            raise Unknown(wire.MALFORMED, wire.BLOB, tree) from None
        if hashlib.sha256(text).digest() != tree:
            raise Unknown(wire.OTHER_DIGEST, wire.BLOB, tree)
        return text


@dataclass(slots=True)
class _Run:
    """A piece of a pack that is read at once, and the trees in it."""

    pack: int
    start: int
    end: int
    trees: list[bytes]


def _runs(unread: dict[bytes, tuple[int, int, int, int, int]]) -> Iterator[_Run]:
    """Yield pieces to read: trees that lie close together are read together."""
    run: _Run | None = None
    for tree, (pack, _, offset, length, _) in sorted(unread.items(), key=lambda item: (item[1][0], item[1][2])):
        end = offset + length
        near = run is not None and run.pack == pack and offset - run.end <= _GAP and end - run.start <= _RUN
        if run is not None and near:
            run.end = max(run.end, end)
            run.trees.append(tree)
        else:
            if run is not None:
                yield run
            run = _Run(pack, offset, end, [tree])
    if run is not None:
        yield run


def opened(key: Key, sealed: bytes | None, folder: bytes, name: bytes) -> bytes:
    """Return what a file holds, having compared it with its name and opened it. Raises ``Unknown``."""
    if sealed is None:
        raise Unknown(wire.IS_ABSENT, folder, name)
    if folder != wire.CONFIG and hashlib.sha256(sealed).digest() != name:
        raise Unknown(wire.OTHER_DIGEST, folder, name)
    try:
        return key.open(sealed)
    except Unauthentic:
        raise Unknown(wire.UNAUTHENTIC, folder, name) from None


def batches(wishes: Iterable[Wish], most: int, sizes: Callable[[Wish], int]) -> Iterator[list[Wish]]:
    """Yield wishes in groups of no more than ``most`` bytes together, or of one."""
    group: list[Wish] = []
    total = 0
    for wish in wishes:
        size = sizes(wish)
        if group and (total + size > most or len(group) >= 64):
            yield group
            group, total = [], 0
        group.append(wish)
        total += size
    if group:
        yield group
