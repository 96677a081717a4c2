"""The border to the journal: what a drill is written to and read from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from drp.domain.events import Entry, Event, Progressed, Sign


class Journal(Protocol):
    """The append-only truth. Raises ``StorageFull``, ``Tampered``, and ``Busy`` while another process locks it."""

    def append(self, drill: str, *events: Event) -> tuple[Entry, ...]:
        """Make events durable, all of them or none (on disk when this returns), and return them in their places."""
        ...

    def note(self, drill: str, event: Progressed) -> Sign:
        """Keep a sign of life beside the chain if there is room, and return it; raises nothing for want of room."""
        ...

    def entries(self, drill: str, after: int = -1) -> Iterator[Entry]:
        """Yield a drill's entries in order, from the one after sequence ``after``."""
        ...

    def signs(self, drill: str) -> tuple[Sign, ...]:
        """Return the signs of life that are left of a drill, oldest first: the older, the fewer."""
        ...

    def drills(self) -> tuple[str, ...]:
        """Return the ids of all drills, oldest first."""
        ...

    def verify(self) -> int:
        """Return how many entries were checked; raises ``Tampered`` naming the first that does not fit the chain."""
        ...
