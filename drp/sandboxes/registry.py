"""The sandboxes of a site, whichever drivers make them: opened by their profile's, then with the one that made them.

A driver is an entry point of the group ``drp.sandboxes`` (`drp/sandboxes/driver.py`), loaded when it is first used.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drp.config.sandbox_drivers import DRIVERS, INSTALL, configured_driver
from drp.domain.check import Target
from drp.domain.phrase import own_words, say
from drp.domain.ports import Sandbox
from drp.domain.restore import CellSecret, RestoreOrder
from drp.domain.sandbox import (
    DEFAULT_DRIVER,
    EgressAttempt,
    IsolationProof,
    NeighbourContact,
    Reaped,
    Residue,
    SandboxHandle,
    SandboxOrder,
    SandboxProfile,
)
from drp.domain.volume import VolumeRoom
from drp.errors import DrpError, PluginError, SandboxError
from drp.sandboxes.driver import Resolve, SandboxDriver
from drp.sandboxes.host import reaper
from drp.sandboxes.network.gateway import GatewayClient
from drp.sandboxes.proof.whole import require_whole

_METHODS = ("create", "reap", "requirements", "room_for", "programs")
_BARE = SandboxOrder()


def driver(name: str) -> SandboxDriver:
    """Return a driver. Raises ``PluginError``, and ``Untrusted`` where others can change its code."""
    found: Any = configured_driver(name)
    if lacking := [each for each in _METHODS if not callable(getattr(found, each, None))]:
        message = say("{who} has no method {lacking}", who=DRIVERS.named(DRIVERS.entry(name)), lacking=lacking[0])
        raise PluginError(message, hint=INSTALL)
    driven: SandboxDriver = found
    return driven


def reap(run_directory: Path) -> tuple[Reaped, ...]:
    """Remove what dead processes left of sandboxes, each by its driver; what has none here is named, and stays."""
    recorded = reaper.recorded_drivers(run_directory)
    found: list[Reaped] = []
    for name in sorted({DEFAULT_DRIVER, *recorded.values()}):
        try:
            found += _reaped(name, run_directory)
        except DrpError as error:
            if name == DEFAULT_DRIVER:
                raise
            left = say("{why}; {hint}, and clean up again", why=own_words(error.message), hint=own_words(error.hint))
            found += [Reaped(id=each, left=left) for each, its in sorted(recorded.items()) if its == name]
    return tuple(found)


def _reaped(name: str, run_directory: Path) -> tuple[Reaped, ...]:
    """Let a driver reap. Raises of the family what it raises, and ``PluginError`` for anything else."""
    found = driver(name)
    try:
        return found.reap(run_directory)
    except DrpError:
        raise
    except Exception as error:
        message = say(
            "{driver} cannot clean up: {kind}: {error}",
            driver=DRIVERS.named(DRIVERS.entry(name)),
            kind=type(error).__name__,
            error=error,
        )
        raise PluginError(message, hint="repair or remove the package that brings it") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a sandbox is: in a pod, unless that is empty, and by which driver."""

    pod: str
    driver: str


class Sandboxes:
    """The Sandbox port over all drivers."""

    def __init__(self, run_directory: Path, *, resolve: Resolve, gateway: GatewayClient | None = None) -> None:
        """Keep live sandboxes under ``run_directory``; ``resolve`` reads a secret; ``gateway`` reaches repositories."""
        self._run_directory, self._resolve, self._gateway = run_directory, resolve, gateway
        self._lock = threading.Lock()
        self._made: dict[str, Sandbox] = {}
        self._taken: list[_Place] = []
        """Of all sandboxes that are there or being made."""
        self._places: dict[str, _Place] = {}
        """By sandbox."""

    def open(self, profile: SandboxProfile, label: str, order: SandboxOrder = _BARE) -> SandboxHandle:
        """Return a new run sandbox, by the profile's driver."""
        made = self._driven(profile.driver)
        place = self._join(order.pod, profile.driver)
        with ExitStack() as undo:
            undo.callback(self._leave, place)
            handle = made.open(profile, label, order)
            if handle.driver != profile.driver:
                made.destroy(handle)
                message = say(
                    "the sandbox driver {driver} made a sandbox of {other}",
                    driver=profile.driver,
                    other=handle.driver or say("no driver"),
                )
                raise SandboxError(message, hint=INSTALL)
            self._places[handle.id] = place
            undo.pop_all()
        return handle

    def prove(self, handle: SandboxHandle) -> IsolationProof:
        """Return the proof for this sandbox. Raises ``SandboxError`` where it is not one of all that drp tries."""
        proof = self._driven(handle.driver).prove(handle)
        require_whole(proof, handle.driver)
        return proof

    def open_reader(self, handle: SandboxHandle) -> SandboxHandle:
        """Return a reader cell."""
        return self._driven(handle.driver).open_reader(handle)

    def open_caller(self, handle: SandboxHandle) -> SandboxHandle:
        """Return a caller cell."""
        return self._driven(handle.driver).open_caller(handle)

    def open_cell(self, handle: SandboxHandle, order: RestoreOrder, secrets: Sequence[CellSecret]) -> SandboxHandle:
        """Return a restore cell on the same data volume."""
        return self._driven(handle.driver).open_cell(handle, order, secrets)

    def settle(self, handle: SandboxHandle) -> None:
        """Write what was restored to its medium. Raises ``MediumFailed``."""
        self._driven(handle.driver).settle(handle)

    def rooms(self, handle: SandboxHandle) -> tuple[VolumeRoom, ...]:
        """Return how full each of its volumes is now."""
        return self._driven(handle.driver).rooms(handle)

    def target(self, handle: SandboxHandle) -> Target:
        """Return the way to run commands inside."""
        return self._driven(handle.driver).target(handle)

    def egress(self, handle: SandboxHandle) -> tuple[EgressAttempt, ...]:
        """Return what tried to leave this sandbox so far."""
        return self._driven(handle.driver).egress(handle)

    def neighbours(self, handle: SandboxHandle) -> tuple[NeighbourContact, ...]:
        """Return who called its application in its pod so far, and whom it called."""
        return self._driven(handle.driver).neighbours(handle)

    def destroy(self, handle: SandboxHandle) -> Residue:
        """Destroy a sandbox or cell. Raises ``SandboxError`` naming a driver that is not installed any more."""
        residue = self._driven(handle.driver).destroy(handle)
        if (place := self._places.pop(handle.id, None)) is not None:
            self._leave(place)
        return residue

    def _join(self, pod: str, name: str) -> _Place:
        """Take a place in a pod, if any. Raises SandboxError where another driver has one: the two would not meet."""
        place = _Place(pod=pod, driver=name)
        with self._lock:
            if others := sorted({each.driver for each in self._taken if pod and each.pod == pod} - {name}):
                message = say(
                    "in one pod, sandboxes by {other} and by {name} would not reach one another",
                    other=others[0],
                    name=name,
                )
                raise SandboxError(message, hint="give the applications of a pod profiles with the same `driver`")
            self._taken.append(place)
        return place

    def _leave(self, place: _Place) -> None:
        with self._lock:
            self._taken[:] = [each for each in self._taken if each is not place]

    def _driven(self, name: str) -> Sandbox:
        with self._lock:
            if name in self._made:
                return self._made[name]
            try:
                by = driver(name)
            except PluginError as error:
                raise SandboxError(error.message, hint=own_words(error.hint)) from error
            self._made[name] = by.create(self._run_directory, resolve=self._resolve, gateway=self._gateway)
            return self._made[name]
