"""The border to the journal: what a drill is written to, and how one is found without reading all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from drp.domain.events import Entry, Event, Progressed, Sign
from drp.domain.summary import DrillSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """How far a journal was verified. It says what was looked at when, and is no reason to believe what is read."""

    entries: int
    """So many, from the first on, did fit the chain."""
    at: datetime
    """When all of them were last looked at."""


class History(Protocol):
    """Tells which drills to read. Raises as `Journal` does.

    What it tells of a drill follows from its entries, those since the last time it was brought up to date included.
    Whoever judges reads the entries themselves.
    """

    def count(self) -> int:
        """Return how many drills there are."""
        ...

    def newest(self, most: int) -> tuple[DrillSummary, ...]:
        """Return the newest drills, oldest first."""
        ...

    def beginning(self, prefix: str, most: int) -> tuple[str, ...]:
        """Return the ids of drills that begin so, no more than that many."""
        ...

    def unsettled(self, but: str = "") -> tuple[DrillSummary, ...]:
        """Return the drills of which more is to come, oldest first: not sealed, not read, or with a sandbox kept."""
        ...

    def telling(self, applications: Iterable[str]) -> tuple[str, ...]:
        """Return, oldest first, the drills from which it follows how applications stand.

        For each the newest of each level and verdict, and the newest that saw which recovery points there were.
        """
        ...

    def baselines(
        self, application: str, *, before: datetime, until: datetime, counted: bool, but: str
    ) -> tuple[str, ...]:
        """Return drills that passed for an application, declared before an instant: the newest restored state first.

        Only states not newer than ``until`` count, and if ``counted`` those that were counted; ``but`` is left out.
        """
        ...

    def rta_ms(self, application: str) -> int | None:
        """Return what the newest drill measured that measured it."""
        ...

    def durations_ms(self, application: str, level: str, most: int, *, plan: str = "") -> tuple[int, ...]:
        """Return how long the newest whole drills of an application at a level took, newest first: `drp.domain.took`.

        Milliseconds, no more than ``most``; with ``plan`` only drills of a plan of that name.
        """
        ...

    def durations_of(
        self, asked: Iterable[tuple[str, str, str]], most: int
    ) -> Mapping[tuple[str, str, str], tuple[int, ...]]:
        """Return `durations_ms` of many at once, by application, level and plan (empty: of any)."""
        ...

    def passed(self, plan: str, most: int) -> tuple[DrillSummary, ...]:
        """Return the newest sealed drills of a plan that passed, newest first, no more than that many."""
        ...

    def misfit(self) -> str:
        """Return the first drill of which is noted what does not follow from its entries; empty: there is none."""
        ...

    def forget(self) -> None:
        """Drop what is noted of drills, if one may write: it is made again."""
        ...

    def known_records(self) -> str:
        """Return how the folders of evidence were when the journal knew every record; empty: nobody noted it."""
        ...

    def note_known_records(self, state: str) -> None:
        """Note how the folders of evidence are, now that the journal knows every record, if one may write."""
        ...

    def verified(self) -> Verification | None:
        """Return how far the journal was verified as a whole; None: never, or it is not the same any more."""
        ...


class Journal(Protocol):
    """The append-only truth. Raises ``StorageFull``, ``Tampered``, and ``Busy`` while another process locks it."""

    @property
    def history(self) -> History:
        """Return what tells which drills to read."""
        ...

    def append(self, drill: str, *events: Event) -> tuple[Entry, ...]:
        """Make events durable, all of them or none (on disk when this returns), and return them in their places.

        Raises ``LeaseLost``, and ``Busy`` for a drill that another holds.
        """
        ...

    def hold(self, drill: str) -> None:
        """Take a drill: nobody else conducts, ends, cleans or adds to it until it is released, or this process ends.

        Raises ``Busy`` naming the host that has it. Whoever goes on with a drill reads it after that.
        """
        ...

    def release(self, drill: str) -> None:
        """Give a drill back; raises nothing, and nothing happens if it is not held."""
        ...

    def require_held(self) -> None:
        """Raise ``LeaseLost`` when a drill that this process took is not its own any more: it adds nothing to it."""
        ...

    def holder(self, drill: str) -> str | None:
        """Return the host on which a drill is held, empty where that is not told; None: nobody holds it."""
        ...

    def note(self, drill: str, event: Progressed) -> Sign:
        """Keep a sign of life beside the chain if there is room, and return it; raises nothing for want of room."""
        ...

    def entries(self, drill: str, after: int = -1) -> Iterator[Entry]:
        """Yield a drill's entries in order, from the one after sequence ``after``."""
        ...

    def entries_of(self, drills: Iterable[str]) -> Iterator[tuple[str, Iterator[Entry]]]:
        """Yield each of many drills once, in any order, with its entries as `entries` yields them."""
        ...

    def signs(self, drill: str) -> tuple[Sign, ...]:
        """Return the signs of life that are left of a drill, oldest first: the older, the fewer."""
        ...

    def drills(self) -> tuple[str, ...]:
        """Return the ids of all drills, oldest first."""
        ...

    def verify(self, *, whole: bool = True) -> int:
        """Return how many entries were checked; raises ``Tampered`` naming the first that does not fit the chain.

        Unless ``whole``, only entries since the last time are. Who may write brings up to date what `history` tells.
        """
        ...
