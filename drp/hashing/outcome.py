"""What comes of one task of a verification: everything in one message, so that a lost task can be done again."""

from __future__ import annotations

from typing import Any

from drp.hashing.judge import Found
from drp.manifests.layout import Tag
from drp.manifests.row import Row

Link = tuple[bytes, bytes, int, int]
"""path, path of the first member of its group as the manifest says (its own when it says none), st_dev, st_ino."""


class Outcome:
    """Counts, the first deviations of each kind, hard links seen, and tasks that follow from this one."""

    def __init__(self, limit: int) -> None:
        """``limit``: deviations of each kind that are told besides being counted."""
        self._limit = limit
        self.counts: dict[str, int] = {}
        self.found: list[tuple[Any, ...]] = []
        self.links: list[Link] = []
        self.more: list[tuple[Any, ...]] = []
        self.files = self.size = 0

    def add(self, found: Found) -> None:
        """Count a deviation, and keep it if it is among the first of its kind."""
        count = self.counts[found.kind] = self.counts.get(found.kind, 0) + 1
        if count <= self._limit:
            self.found.append(tuple(found))

    def link(self, path: bytes, expected: Row, inode: tuple[int, int, int] | None) -> None:
        """Keep what is needed to judge an entry's hard links, if it has or should have any."""
        first = expected.extras.get(Tag.LINK_TO)
        if inode is not None:
            self.links.append((path, first or path, inode[0], inode[1]))
        elif first is not None:
            self.links.append((path, first, 0, 0))

    def message(self) -> tuple[Any, ...]:
        """Return it as plain values that can be marshalled."""
        return self.files, self.size, self.counts, self.found, self.links, self.more
