"""Adds up what workers found: exact counts, and the first deviations of each kind in path order."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import cast

from drp.domain.manifest import MAX_DEVIATIONS, Deviation, DeviationKind, encode_path, show_path
from drp.hashing.judge import UNJUDGED, Found
from drp.hashing.outcome import Link
from drp.hashing.words import words
from drp.manifests.layout import sort_key
from drp.manifests.part import OUTSIDE

OnFound = Callable[[Found], None]
"""Called with the first deviations of every task as they come, in no particular order."""


class Tally:
    """Exact counts of deviations, and the first of each kind in path order."""

    def __init__(self, on_found: OnFound | None = None) -> None:
        """``on_found`` hears of each as it comes."""
        self.counts: dict[str, int] = {}
        self._first: dict[str, list[tuple[bytes, Found]]] = {}
        self._on_found = on_found

    def add(self, found: Found, *, counted: bool = False) -> None:
        """Take a deviation; ``counted``: its count comes another way."""
        if not counted:
            self.counts[found.kind] = self.counts.get(found.kind, 0) + 1
        kept = self._first.setdefault(found.kind, [])
        bisect.insort(kept, (sort_key(found.path), found), key=_in_order)
        del kept[MAX_DEVIATIONS:]
        if self._on_found is not None and not found.kind.startswith(UNJUDGED):
            self._on_found(found)

    def count(self, counts: Mapping[str, int]) -> None:
        """Add counts."""
        for kind, count in counts.items():
            self.counts[kind] = self.counts.get(kind, 0) + count

    def take(self, kind: str) -> tuple[int, tuple[str, ...]]:
        """Take out what is no deviation: how many entries, and the first of them."""
        kept = self._first.pop(kind, [])
        return self.counts.pop(kind, 0), tuple(show_path(found.path) for _, found in kept)

    def deviations(self) -> tuple[Deviation, ...]:
        """Return what was kept, kind by kind, each in path order."""
        return tuple(deviation(found) for kind in sorted(self._first) for _, found in self._first[kind])


def _in_order(kept: tuple[bytes, Found]) -> tuple[bytes, str]:
    """Return what brings departures into one order, whichever worker tells them first."""
    return kept[0], repr(kept[1])


def deviation(found: Found) -> Deviation:
    """Return a deviation as the domain knows it."""
    return Deviation(
        kind=cast("DeviationKind", found.kind),
        path=show_path(found.path),
        path_b64=encode_path(found.path),
        expected=words(found.expected),
        observed=words(found.observed),
        errno=found.errno,
    )


def judge_links(links: Iterable[Link]) -> Iterator[Found]:
    """Yield entries whose hard links are not those of the manifest.

    Each link names its path, the first member of its group as the manifest says (itself when it says none), and the
    inode that was seen (0, 0: it has none to share). Two rules: members of a group share one inode, and entries that
    share an inode are members of one group. Where the first member is outside of what is compared, the first inside
    stands for it.
    """
    inode_of: dict[bytes, tuple[int, int]] = {}
    group_of: dict[tuple[int, int], bytes] = {}
    leaders: dict[bytes, bytes] = {}
    ordered = [
        (path, leaders.setdefault(first, path) if first.startswith(OUTSIDE) else first, device, inode)
        for path, first, device, inode in sorted(links, key=lambda link: sort_key(link[0]))
    ]
    for path, _, device, inode in ordered:
        inode_of[path] = (device, inode)
    for path, first, device, inode in ordered:
        seen = (device, inode)
        if path != first and (seen == (0, 0) or inode_of.get(first, (0, 0)) != seen):
            yield Found("metadata", path, ("link", show_path(first)), ("own-file",))
        elif seen != (0, 0) and group_of.setdefault(seen, first) != first:
            yield Found("metadata", path, ("not-linked",), ("link", show_path(group_of[seen])))
