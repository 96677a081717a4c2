"""The port of repositories: what a kind of repository gives the control flow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from drp.domain.application import Application
from drp.domain.precheck import BackupSign
from drp.domain.recovery_point import Immutability, PointListing, RecoveryPoint
from drp.domain.restore import CellSecret, RestoreOrder, RestoreOutcome, RestoreReceipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What a repository is, as data."""

    object_lock: bool = False
    air_gapped: bool = False
    tool: str = ""
    tool_version: str = ""
    clock_ahead_ms: int | None = None
    """By how much this machine's wall clock is ahead of the repository's own; None: it tells no time."""
    remarks: tuple[str, ...] = ()
    """What a first look already shows to be wrong with the backup; ``points`` names it as unreadable."""


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

    def restore_order(self, point: RecoveryPoint) -> RestoreOrder:
        """Return what the restore cell has to run to bring the point back below ``/data/files``."""
        ...

    def receipt(self, point: RecoveryPoint, outcome: RestoreOutcome) -> RestoreReceipt:
        """Return what came back, read from the tool's answer: damaged objects are ``unrestored``, named.

        Raises ``Unreachable``, ``AccessDenied`` or ``StorageFull`` when the answer is about access and not damage.
        """
        ...

    def secrets(self) -> tuple[CellSecret, ...]:
        """Return references to what the restore cell must be given; never values."""
        ...


@runtime_checkable
class WritersSeen(Protocol):
    """A repository that shows whether somebody writes to it now; not every kind can."""

    def writers(self, now: datetime) -> tuple[BackupSign, ...]:
        """Return the signs of it. Raises as `Repository` does."""
        ...
