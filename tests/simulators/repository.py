"""A Repository in memory: points, protection and faults as the test scripts them. It passes the port's contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from drp.domain.application import Application
from drp.domain.ports import Abilities
from drp.domain.recovery_point import Immutability, PointListing, RecoveryPoint
from drp.domain.restore import CellSecret, RestoreOrder, RestoreOutcome, RestoreReceipt, SecretReference
from drp.errors import DrpError, NotFound


def simulated_point(
    application: str, consistent_at: datetime, *, number: int = 1, repository: str = "main", **more: object
) -> RecoveryPoint:
    """Return a point with a whole, stable id."""
    return RecoveryPoint(
        id=f"{number:064x}",
        repository=repository,
        application=application,
        consistent_at=consistent_at,
        size_bytes=1 << 20,
        **more,  # type: ignore[arg-type]
    )


@dataclass
class RepositorySimulator:
    """A scripted repository.

    ``faults`` maps a method's name to errors that its next calls raise, one a call; an entry of None lets a call
    through. ``calls`` remembers what was asked, in order.
    """

    name: str = "main"
    held: Sequence[RecoveryPoint] = ()
    unreadable: tuple[str, ...] = ()
    emptied: str = ""
    abilities: Abilities = field(
        default_factory=lambda: Abilities(tool="simulated", tool_version="1", restores_parts=True)
    )
    protection: Mapping[str, Immutability] = field(default_factory=dict)
    """By point id; points without one are not protected."""
    faults: dict[str, list[DrpError | None]] = field(default_factory=dict)
    damaged: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By point id: what a restore cannot bring back."""
    files_held: int = 1
    source_root: str = "/srv/app"
    calls: list[str] = field(default_factory=list)

    def preflight(self) -> Abilities:
        """Return the scripted abilities."""
        self._enter("preflight")
        return self.abilities

    def points(self, application: Application) -> PointListing:
        """Return the held points of the application, newest first."""
        self._enter("points")
        mine = [
            point for point in self.held if point.application == application.name and application.points.admits(point)
        ]
        mine.sort(key=lambda point: (point.consistent_at, point.id), reverse=True)
        return PointListing(points=tuple(mine), unreadable=self.unreadable, emptied=self.emptied)

    def immutability(self, point: RecoveryPoint) -> Immutability:
        """Return the scripted protection."""
        self._enter("immutability")
        return self.protection.get(point.id, Immutability(mode="none", provenance="observed"))

    def restore_order(self, point: RecoveryPoint, *, only: Sequence[bytes] | None = None) -> RestoreOrder:
        """Return an order that does nothing."""
        self._enter("restore_order")
        if all(point.id != held.id for held in self.held):
            message = f"{point.short_id} is no recovery point of {self.name}"
            raise NotFound(message)
        return RestoreOrder(
            argv=("/run/base/tool/true", point.id, "--target", "/data/files", *map(repr, only or ())),
            executables=("/usr/bin/true",),
            secrets={"SIMULATED_PASSWORD_FILE": "password"},
            source_root=self.source_root,
        )

    def receipt(self, point: RecoveryPoint, outcome: RestoreOutcome, *, whole: bool = True) -> RestoreReceipt:
        """Return what came back: never complete when the order ended badly."""
        self._enter("receipt")
        unrestored = self.damaged.get(point.id, ())
        if outcome.exit_code != 0 and not unrestored:
            unrestored = outcome.errors or ("the simulated tool ended badly",)
        return RestoreReceipt(
            bytes_restored=point.size_bytes or 0, files_restored=self.files_held, unrestored=unrestored
        )

    def secrets(self) -> tuple[CellSecret, ...]:
        """Return a reference that leads nowhere."""
        self._enter("secrets")
        reference = SecretReference(kind="credential", value=("simulated",))
        return (CellSecret(name="password", template="{0}", references=(reference,)),)

    def _enter(self, method: str) -> None:
        self.calls.append(method)
        waiting = self.faults.get(method)
        if waiting and (error := waiting.pop(0)) is not None:
            raise error


def locked_until(instant: datetime, *, objects: int = 10) -> Immutability:
    """Return a compliance lock that was observed on every object."""
    return Immutability(
        mode="compliance",
        provenance="observed",
        retained_until=instant,
        objects_observed=objects,
        objects_total=objects,
    )


def points_every(
    step: timedelta, newest: datetime, count: int, *, application: str = "ehr"
) -> tuple[RecoveryPoint, ...]:
    """Return ``count`` points, newest first, ``step`` apart."""
    return tuple(
        simulated_point(application, newest - step * index, number=count - index, tags=(application,))
        for index in range(count)
    )
