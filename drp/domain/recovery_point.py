"""Recovery points: restorable states of an application, whether they can be changed, and which one a drill takes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from drp.domain.clock import CLOCKS_AGREE
from drp.domain.phrase import NOTHING, Phrase, fact, lasting

LockMode = Literal["compliance", "governance", "legal-hold", "offline", "none", "unknown"]
Provenance = Literal["declared", "observed", "probed"]
SelectionPolicy = Literal["newest", "newest-immutable", "specific", "random", "oldest-retained"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryPoint:
    """A restorable state, dated by the instant whose data it holds."""

    id: str
    """Stable and whole, as the repository names it (restic: 64 hex digits)."""
    repository: str
    application: str
    consistent_at: datetime
    """The instant whose data it holds, UTC. For restic: when the backup began."""
    taken_at: datetime | None = None
    """When the backup tool began to read, by its own clock: later than ``consistent_at`` for a dump. None: unknown."""
    duration: timedelta | None = None
    """How long the tool says that it read, where what it read was in use: nothing in it can be younger. None: unknown,
    or what it read was made before, at ``consistent_at``."""
    size_bytes: int | None
    tags: tuple[str, ...] = ()
    host: str = ""
    paths: tuple[str, ...] = ()
    manifest_id: str | None = None
    """Digest of the manifest made with it, which binds the two (tag ``drp-manifest=…``); None: it names none."""
    manifest_trouble: str = ""
    """What it says where it should name one manifest, quoted, when that is not one digest: malformed, not absent."""
    sub_path: str = ""
    """Folder in it that is the application's own, as it was backed up, and all that is restored. Empty: all is."""

    @property
    def short_id(self) -> str:
        """Return the first eight characters, enough for people."""
        return self.id[:8]

    @property
    def ended_at(self) -> datetime | None:
        """Return when the backup tool was done, so that there was a point at all. None: unknown.

        Counted from the instant that the point states, which somebody may have set (``restic backup --time``, for what
        was read from a volume's snapshot later).
        """
        return self.consistent_at + self.duration if self.duration is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Immutability:
    """Whether somebody with the backup credentials could delete or change the point, and how drp knows."""

    mode: LockMode
    provenance: Provenance
    retained_until: datetime | None = None
    """The earliest date among the objects looked at: when the first of them may be deleted."""
    objects_observed: int = 0
    objects_total: int = 0
    remarks: tuple[Phrase, ...] = ()

    def holds_at(self, instant: datetime) -> bool:
        """Return whether nobody can change the point at this instant, as far as drp knows."""
        if self.mode == "offline":
            return True
        if self.mode == "legal-hold":
            return True
        return self.mode == "compliance" and self.retained_until is not None and self.retained_until > instant


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedOver:
    """What looks like a recovery point and is none, or none yet, and why."""

    name: str
    reason: Phrase


@dataclass(frozen=True, slots=True, kw_only=True)
class PointListing:
    """Every recovery point of an application, newest first, and what of the listing could not be read."""

    points: tuple[RecoveryPoint, ...]
    unreadable: tuple[Phrase, ...] = ()
    """Objects that look like recovery points but cannot be read; never dropped in silence."""
    foreign: tuple[Phrase, ...] = ()
    """The same of points that are certainly another application's: nothing of this one is hidden behind them."""
    passed_over: tuple[PassedOver, ...] = ()
    """What looks like recovery points of the application and is not whole, or none that is taken."""
    emptied: Phrase = NOTHING
    """What shows that somebody emptied the repository behind delete markers; it is among ``unreadable`` too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """How a plan chooses among recovery points."""

    policy: SelectionPolicy = "newest"
    point: str | None = None
    """For ``specific``: the id or a unique prefix of it."""
    seed: int | None = None
    """For ``random``: recorded, so that an auditor can draw again."""
    not_older_than: timedelta | None = None
    not_newer_than: timedelta | None = None
    """Ages before the disaster; a point younger than ``not_newer_than`` may hold the attacker's work."""
    recover_to: datetime | None = None
    """Roll the restored application to this instant instead of the end of its recovery point."""
    as_of: datetime | None = None
    """See the repository as it was at this instant of its own clock; None: as it is, or before it was tampered with."""

    def restored_state(self, point: RecoveryPoint) -> datetime:
        """Return the instant whose state is brought back: the data-loss interval begins there."""
        return point.consistent_at if self.recover_to is None else min(point.consistent_at, self.recover_to)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedPoint:
    """A recovery point that was not taken, and why."""

    id: str
    consistent_at: datetime
    reason: Phrase


def refusal(point: RecoveryPoint, selection: Selection, disaster_at: datetime) -> Phrase | None:
    """Return why this point is not eligible, or None. Immutability is judged apart, since looking costs time."""
    age = disaster_at - point.consistent_at
    if age < timedelta(0):
        return fact("made-after-disaster", "made after the disaster")
    if point.ended_at is not None and point.ended_at > disaster_at + CLOCKS_AGREE:
        return fact("still-being-made-disaster", "still being made at the disaster")
    if selection.policy == "specific" and not point.id.startswith(selection.point or "?"):
        return fact("not-point-asked-for", "not the point asked for ({point})", point=selection.point)
    if selection.recover_to is not None and point.consistent_at < selection.recover_to:
        return fact(
            "ends-before-instant-recover",
            "ends before {recover_to}, the instant to recover to",
            recover_to=f"{selection.recover_to:%Y-%m-%dT%H:%M:%SZ}",
        )
    if selection.not_older_than is not None and age > selection.not_older_than:
        return fact(
            "older-than-before-disaster",
            "older than {age} before the disaster",
            age=lasting(selection.not_older_than, 5),
        )
    if selection.not_newer_than is not None and age < selection.not_newer_than:
        return fact(
            "younger-than-before-disaster",
            "younger than {age} before the disaster",
            age=lasting(selection.not_newer_than, 5),
        )
    return None


def preference(points: Sequence[RecoveryPoint], selection: Selection) -> tuple[RecoveryPoint, ...]:
    """Return the eligible points in the order in which the policy would take them.

    With an instant to recover to, the first point that reaches it comes first: a later base backup cannot go back.
    ``random`` draws with ``random.Random(seed)`` over the points sorted by (consistent_at, id), so the same seed
    and the same points give the same draw on every machine.
    """
    newest_first = sorted(points, key=lambda point: (point.consistent_at, point.id), reverse=True)
    if selection.policy == "oldest-retained" or selection.recover_to is not None:
        return tuple(reversed(newest_first))
    if selection.policy == "random":
        drawn = list(reversed(newest_first))
        random.Random(selection.seed).shuffle(drawn)  # noqa: S311 - a reproducible draw, not a secret
        return tuple(drawn)
    return tuple(newest_first)
