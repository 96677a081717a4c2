"""The port of repositories: what a kind of repository gives the control flow."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from drp.domain.application import Application
from drp.domain.phrase import NOTHING, Phrase, fact
from drp.domain.precheck import BackupSign
from drp.domain.recovery_point import Immutability, PointListing, RecoveryPoint
from drp.domain.restore import CellSecret, RestoreOrder, RestoreOutcome, RestoreReceipt
from drp.domain.worm.attestation import Attestation, LockDemand
from drp.domain.worm.judging import SeenObject
from drp.domain.worm.pinned import Pinned, Served
from drp.domain.worm.scrub import Named
from drp.errors import DrpError


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What a repository is, as data."""

    object_lock: bool = False
    air_gapped: bool = False
    tool: str = ""
    tool_version: str = ""
    clock_ahead_ms: int | None = None
    """By how much this machine's wall clock is ahead of the repository's own; None: it tells no time."""
    remarks: tuple[Phrase, ...] = ()
    """What a first look already shows to be wrong with the backup; ``points`` names it as unreadable."""
    restores_parts: bool = False
    """Whether some files of a point can be restored without the others."""


class Repository(Protocol):
    """Where recovery points are kept. drp only ever reads: no call changes anything in it.

    Raises ``Unreachable``, ``AccessDenied``, ``MediaNeeded``, ``RepositoryError``; within its own time limits.
    """

    name: str

    def preflight(self) -> Abilities:
        """Return what the repository is, having proven in seconds that it answers and accepts the key."""
        ...

    def points(self, application: Application) -> PointListing:
        """Return the application's recovery points, newest first, with stable ids; unreadable ones are named."""
        ...

    def immutability(self, point: RecoveryPoint) -> Immutability:
        """Return what can be observed now about whether the point can be changed or deleted."""
        ...

    def restore_order(self, point: RecoveryPoint, *, only: Sequence[bytes] | None = None) -> RestoreOrder:
        """Return what the restore cell has to run to bring the point back below ``/data/files``.

        ``only``: these files of it, by their paths below the backed-up tree, and the folders that they are in; whatever
        a name is made of, it stands for itself. More may come back where the tool has no words for a name. Nobody asks
        who says that he restores no parts. Raises ``UsageError`` for more names than the tool takes.
        """
        ...

    def receipt(self, point: RecoveryPoint, outcome: RestoreOutcome, *, whole: bool = True) -> RestoreReceipt:
        """Return what came back, read from the tool's answer: damaged objects are ``unrestored``, named.

        ``whole`` False: only some files were ordered. Raises ``Unreachable``, ``AccessDenied`` or ``StorageFull`` when
        the answer is about access and not damage.
        """
        ...

    def secrets(self) -> tuple[CellSecret, ...]:
        """Return references to what the restore cell must be given; never values."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a recovery point has at its sub-path."""

    lacking: Phrase = NOTHING
    """Why there is nothing to restore there: see the makers of it below. Nothing: there is."""
    size_bytes: int | None = None
    """Of the files below it; None: nobody counted, or can."""


def absent(path: str) -> Phrase:
    """Return that a point has nothing at a path."""
    return fact("sub-path-absent", "there is no {path} in it", path=path)


def no_folder(path: str, kind: str) -> Phrase:
    """Return that a point has something else at a path: a file, a symlink."""
    return fact("sub-path-no-folder", "{path} in it is no folder: {kind}", path=path, kind=kind)


def empty_folder(path: str) -> Phrase:
    """Return that a point has an empty folder at a path."""
    return fact("sub-path-empty", "{path} in it is an empty folder", path=path)


@runtime_checkable
class SubPaths(Protocol):
    """A repository that knows sub-paths: its points carry the application's, and its orders restore nothing else."""

    def at_sub_path(self, point: RecoveryPoint, *, counted: bool = False) -> Held:
        """Return what the point has at its sub-path; what cannot be read there is told by the restore.

        ``counted``: with the size, which may take long. Raises as `Repository` does.
        """
        ...


@runtime_checkable
class WritersSeen(Protocol):
    """A repository that shows whether somebody writes to it now; not every kind can."""

    def writers(self, now: datetime) -> tuple[BackupSign, ...]:
        """Return the signs of it. Raises as `Repository` does."""
        ...


@runtime_checkable
class PointsLookedInto(Protocol):
    """A repository that can look into a point in seconds, without restoring anything; not every kind can."""

    def look_into(self, point: RecoveryPoint) -> tuple[Phrase, ...]:
        """Return what cannot be read of what the point says about its own contents: its top folders and its index.

        Nothing does not mean that every file is whole: contents are not read. Raises as `Repository` does.
        """
        ...

    def folders_in(self, point: RecoveryPoint) -> tuple[str, ...]:
        """Return the folders directly below the one path that the point was made of, whole; none of several paths."""
        ...


@runtime_checkable
class NamedByContent(Protocol):
    """A repository whose objects are named by their content, so that they can be checked without its key."""

    def named(self, key: str) -> Named:
        """Return what the name of a stored object says of it. Nothing is contacted, and no secret resolved."""
        ...

    def point_object(self, point: str) -> str | None:
        """Return the key of the object that a recovery point is called by; None: it has none of its own."""
        ...

    def decode(self, seconds: float) -> tuple[Phrase, ...]:
        """Read and decode everything with the key, within so many seconds, and return what is damaged.

        Raises as `Repository` does; ``Unreachable`` where it came to no end.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """Which stored objects a recovery point cannot be restored without."""

    names: Collection[str] = ()
    """Keys below the repository's prefix. Of content that is stored several times, every copy that the backup tool may
    pick: the point is as safe as the weakest of them."""
    unknown: Phrase = NOTHING
    """Why nobody could tell which they are; nothing: ``names`` are all of them."""
    superset: bool = False
    """``names`` may hold more than what is needed."""
    missing: tuple[str, ...] = ()
    """Those of ``names`` that are not there, no more than a hundred; where it is ``unknown``, the one that is why."""
    own: str = ""
    """The one of ``names`` that stands for the point itself, which other tools look at; empty: there is no such one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lacking:
    """What recovery points need and is not there."""

    missing: Mapping[str, tuple[str, ...]]
    """Key → ids of the points that need it, no more than a hundred keys a point."""
    unknown: Mapping[str, Phrase]
    """Point → why nobody could tell what it needs; what is known to be gone of it is among ``missing``."""


@runtime_checkable
class NeededObjects(Protocol):
    """A repository that knows which stored objects each point needs; not every kind can.

    Raises as `Repository` does.
    """

    def needs(self, point: RecoveryPoint) -> Needs:
        """Return what a point needs; what cannot be read of it is told as ``unknown``, and never left out."""
        ...

    def needs_of(
        self, points: Sequence[RecoveryPoint], told: Callable[[str, int, int], None] = lambda *_: None
    ) -> Iterator[tuple[RecoveryPoint, Needs]]:
        """Yield the same of several points, in their order: much is shared, so it takes little longer than one.

        ``told`` hears at what it is (``index``, ``trees``, ``cache``), how much is done, and of how much (0: unknown).
        """
        ...

    def points_needing(self, names: Collection[str]) -> Mapping[str, tuple[str, ...]] | None:
        """Return, for each of the given names, the ids of all points that need it; None: nobody could tell of all."""
        ...

    def lacking(self) -> Lacking:
        """Return what the points that are there need, and is not; a backup that runs meanwhile is no reason."""
        ...


@runtime_checkable
class LocksSeen(Protocol):
    """A repository whose store tells, object by object, what keeps recovery points from being deleted."""

    def attest(self, points: Sequence[RecoveryPoint], demand: LockDemand) -> Attestation:
        """Return what was observed of everything that the points depend on, with the findings by that demand.

        What cannot be seen is ``unknown``, and never taken to be locked; errors of the store are told so too.
        `Repository.immutability` follows from the same observation.
        """
        ...


@runtime_checkable
class ObjectLocks(Protocol):
    """A repository that tells what locks any of its stored objects, by name; not every kind can."""

    def locks_of(self, names: Collection[str], *, enough: datetime | None = None) -> Mapping[str, SeenObject] | None:
        """Return what protects each object; None: the place has no such locks. Raises as `Repository` does.

        Dates in compliance mode may be remembered ones, which are lower bounds; they are exact for those that end
        first, and for all that end before ``enough``.
        """
        ...


class PinnedView(Protocol):
    """A repository as it was at an instant, and what serves it: an attack changes nothing of it."""

    @property
    def repository(self) -> Repository:
        """Return what reads through the view: listings, orders and receipts of it are of that instant."""
        ...

    @property
    def pinned(self) -> Pinned:
        """Return the instant, why it, and the digest of the view: equal digests, equal versions of equal keys."""
        ...

    @property
    def unsteady(self) -> tuple[str, ...]:
        """Return the keys that one listing had and another had not."""
        ...

    @property
    def newest(self) -> datetime | None:
        """Return how the store dates what was written last, whether it is in the view or not; None: it is empty."""
        ...

    def served(self, door: str) -> Served:
        """Return what it gave to the restore whose order has that ``served_by``."""
        ...

    def trouble(self) -> DrpError | None:
        """Return why it cannot give what it holds: the store refuses, or is silent; None: it can."""
        ...


@runtime_checkable
class PinnedViews(Protocol):
    """A repository whose store keeps versions, so that a drill can be bound to them; not every kind can."""

    def pinned(self, drill: str, at: datetime | None = None) -> PinnedView | None:
        """Return the view of an instant by the store's clock, the same to whoever asks for the same drill's.

        None as the instant: now, or, where somebody emptied or overwrote the repository, when it last was whole.
        Returns None where the store keeps no versions of this repository. Raises as `Repository` does, and
        ``UsageError`` for an instant that has not passed there.
        """
        ...
