"""What the index of a manifest says of one frame."""

from __future__ import annotations

from typing import NamedTuple

from drp.manifests.layout import FIRST, Key, sort_key


class Frame(NamedTuple):
    """Where a frame lies, what it holds, and the digest that it must have."""

    offset: int
    packed: int
    raw: int
    rows: int
    files: int
    size: int
    flags: int
    directory: bytes
    name: bytes
    digest: bytes
    top: bytes
    goes_on: Key | None = None
    """Directory and first name of the next frame, where it holds another part of it; None: it begins with another."""

    @property
    def key(self) -> Key:
        """Return the sort key of its first group."""
        return sort_key(self.directory), self.name

    @property
    def continues(self) -> bool:
        """Return whether it starts in the middle of a huge directory."""
        return not self.flags & FIRST
