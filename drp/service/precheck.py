"""Looks whether there is room for a drill, and promises it: what is judged lies in `drp/domain/precheck.py`.

Two looks: a cheap one at this machine, which every start takes, and with ``repositories`` one that asks them as well
how much a point holds and whether somebody writes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Literal

from drp.domain.phrase import joined, say
from drp.domain.placing import Folder, on_disks, turns
from drp.domain.plan import DrillPlan, PlannedRecovery
from drp.domain.precheck import (
    LEAST_FREE_BYTES,
    BackupSign,
    Precheck,
    PrecheckReason,
    Room,
    judge,
    places_of,
)
from drp.domain.precheck_words import sentence
from drp.domain.repository_port import SubPaths, WritersSeen
from drp.domain.schedule.windows import open_now
from drp.drill.phases.select import choose
from drp.engine.capacity import capacity
from drp.errors import DrpError, NoRoom, SandboxError, StorageFull
from drp.machine import available_memory, cores
from drp.sandboxes.host.ledger import open_ledger, promised_now, tidy
from drp.service.wiring import Wiring

_SPACE = {"volume-space", "state-full"}
_SANDBOX = {"sandbox-lacking"}


def precheck(
    wiring: Wiring,
    plan: DrillPlan,
    *,
    sizes: Mapping[str, int] | None = None,
    repositories: bool = True,
    lasting: timedelta = timedelta(0),
) -> Precheck:
    """Return whether there is room for a plan now; nothing is promised, and nothing of the site is changed.

    With ``repositories`` they are asked, but for points where somebody has looked already and gives their ``sizes``, in
    bytes by recovery; what cannot be reached is left to the drill to tell. ``lasting``: so long it is expected to take.
    """
    room = _room(wiring, plan, sizes=sizes, repositories=repositories, lasting=lasting)
    return judge(plan, replace(room, promised=promised_now(wiring.run_directory)))


def why_wait(wiring: Wiring, plan: DrillPlan, lasting: timedelta = timedelta(0)) -> PrecheckReason | None:
    """Return why a drill that nobody waits for has to wait; None: there is room, and no backup that it would meet."""
    here = precheck(wiring, plan, repositories=False, lasting=lasting).waits
    return here or precheck(wiring, plan, lasting=lasting).waits


@contextmanager
def admitted(wiring: Wiring, plan: DrillPlan, *, despite: str = "") -> Iterator[tuple[Precheck, int]]:
    """Promise a plan what it needs; yield how that was judged, and the descriptor that holds the promise.

    A process that inherits the descriptor holds it too. Raises ``StorageFull``, ``SandboxError`` and ``NoRoom`` when
    there is no room, unless somebody says why it is begun all the same.
    """
    room = _room(wiring, plan)
    with open_ledger(wiring.run_directory) as ledger:
        room = replace(room, promised=ledger.promised())
        found = judge(plan, room, despite=despite)
        if found.blocking and not despite:
            wiring.journal_to_read()  # that somebody tampered with it is told before want of room
            raise refusal(found)
        disks = on_disks(plan, turns(plan, room.at_once), places_of(room), room.volumes[0])
        promise = ledger.promise(found.needs, disks)
    try:
        yield found, promise
    finally:
        os.close(promise)
        with suppress(SandboxError):  # whoever looks next removes it
            tidy(wiring.run_directory)


def refusal(found: Precheck) -> DrpError:
    """Return the error that says why a drill is not begun."""
    reasons = joined(sentence(reason) for reason in found.blocking)
    codes = {reason.code for reason in found.blocking}
    if codes & _SPACE:
        hint = say("free space, lower `data_bytes` of the sandbox profile, or recover fewer at once (`parallel`)")
        return StorageFull(
            say("no room for the drill: {reasons}", reasons=reasons),
            hint=say("{hint}; or go on with `--despite REASON`", hint=hint),
        )
    if codes & _SANDBOX:
        return SandboxError(say("the drill cannot have its sandboxes: {reasons}", reasons=reasons))
    return NoRoom(say("no room for the drill now: {reasons}", reasons=reasons))


def _room(
    wiring: Wiring,
    plan: DrillPlan,
    *,
    sizes: Mapping[str, int] | None = None,
    repositories: bool = False,
    lasting: timedelta = timedelta(0),
) -> Room:
    site = wiring.site
    volumes = wiring.run_directory
    records = (site.state_directory, *site.evidence_directories)
    found = sizes or {}
    signs = [sign for name in _repositories(plan) for sign in _windows(wiring, name, lasting)]
    if repositories:
        found = _sizes(wiring, plan) if sizes is None else found
        signs += [sign for name in _repositories(plan) for sign in _signs(wiring, name)]
    return Room(
        memory_bytes=available_memory(),
        cores=cores(),
        at_once=capacity(),
        volumes=(str(volumes), _free(volumes) - LEAST_FREE_BYTES),
        folders=_folders(plan, volumes),
        device=_device(volumes),
        records={str(folder): _free(folder) for folder in records},
        sizes=found,
        backups=tuple(signs),
        lacking=_lacking(wiring, plan),
    )


def _folders(plan: DrillPlan, usual: Path) -> dict[str, Folder]:
    """Return every folder that the plan names for volumes; where the journal is, some room has to be left to it."""
    named = {name for each in plan.recoveries for name in each.sandbox.volumes}
    named |= {volume.directory for each in plan.recoveries for volume in each.sandbox.data_volumes}
    spare = {_device(usual): LEAST_FREE_BYTES}
    return {
        name: Folder(device=device, free_bytes=_free(Path(name)) - spare.get(device, 0))
        for name in sorted(named)
        for device in [_device(Path(name))]
    }


def _device(folder: Path) -> int:
    return next(each for each in (folder, *folder.parents) if each.exists()).stat().st_dev


def _repositories(plan: DrillPlan) -> tuple[str, ...]:
    return tuple(sorted({recovery.repository for recovery in plan.recoveries}))


def _free(folder: Path) -> int:
    """Return the bytes that are free where a folder is, or will be made."""
    there = os.statvfs(next(each for each in (folder, *folder.parents) if each.exists()))
    return there.f_bavail * there.f_frsize


def _sizes(wiring: Wiring, plan: DrillPlan) -> Mapping[str, int]:
    sizes: dict[str, int] = {}
    for recovery in plan.recoveries:
        with suppress(DrpError):  # the drill itself will say what is wrong
            size = _size(wiring, plan, recovery)
            sizes |= {recovery.name: size} if size is not None else {}
    return sizes


def _size(wiring: Wiring, plan: DrillPlan, recovery: PlannedRecovery) -> int | None:
    now = wiring.clock.now().wall
    repository = wiring.repositories()[recovery.repository]
    listing = repository.points(recovery.application)
    disaster = plan.scenario.disaster_at or now
    point, _, _ = choose(repository, listing, recovery.selection, disaster_at=disaster, now=now)
    if point is not None and point.sub_path and isinstance(repository, SubPaths):
        return repository.at_sub_path(point, counted=True).size_bytes
    return point.size_bytes if point is not None else None


def _windows(wiring: Wiring, name: str, lasting: timedelta) -> Iterator[BackupSign]:
    """Yield the declared window in which a repository's backups run, if it is now or comes so soon."""
    settings, now = wiring.site.repositories[name], wiring.clock.now().wall
    span = open_now(settings.backup_windows, settings.backup_zone, now, lasting)
    if span is not None:
        kind: Literal["window", "due"] = "window" if span[0] <= now else "due"
        yield BackupSign(repository=name, kind=kind, since=span[0], until=span[1])


def _signs(wiring: Wiring, name: str) -> Iterator[BackupSign]:
    """Yield what a repository itself shows of somebody who writes."""
    repository = wiring.repositories()[name]
    if isinstance(repository, WritersSeen):
        with suppress(DrpError):  # the drill itself will say what is wrong
            yield from repository.writers(wiring.clock.now().wall)


def _lacking(wiring: Wiring, plan: DrillPlan) -> Mapping[str, str]:
    """Return what the plan's sandboxes lack on this host; whether there is space for them is judged apart."""
    from drp.sandboxes.registry import driver

    lacking: dict[str, str] = {}
    for recovery in plan.recoveries:
        try:
            driver(recovery.sandbox.driver).room_for(replace(recovery.sandbox, data_bytes=1), wiring.run_directory)
        except SandboxError as error:
            lacking[recovery.name] = error.message
        except DrpError:
            continue  # no such driver: the drill itself says so
    return lacking
