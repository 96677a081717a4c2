"""Where the volumes of a plan would lie, as they are opened: on which file systems, and with how much of memory. Pure.

What is up together is what `up_together` yields; folders are taken in their order, the first that has room.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from drp.domain.plan import DrillPlan, PlannedRecovery
from drp.domain.volume import MEMORY_SHARE, image_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A place of images."""

    device: int
    """Number of its file system: folders with the same one share what is free."""
    free_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortage:
    """A file system on which the volumes of a plan do not fit."""

    folder: str
    needed_bytes: int
    free_bytes: int


def in_memory(recovery: PlannedRecovery) -> bool:
    """Return whether the first volume of a recovery is in memory."""
    return recovery.sandbox.data_backing == "memory"


def disk_bytes(recovery: PlannedRecovery) -> int:
    """Return what all volumes of a recovery take on disk, what their file systems take for themselves with it."""
    profile = recovery.sandbox
    quotas = [
        *([] if in_memory(recovery) else [profile.data_bytes]),
        *(each.size_bytes for each in profile.data_volumes),
    ]
    return sum(map(image_bytes, quotas))


def turns(plan: DrillPlan, at_once: int) -> int:
    """Return how many recoveries are at work at a time on a machine that carries so many."""
    return at_once if plan.parallel is None else min(at_once, plan.parallel)


def up_together(
    plan: DrillPlan, at_once: int, cost: Callable[[PlannedRecovery], int]
) -> Iterator[tuple[PlannedRecovery, ...]]:
    """Yield for each wave the recoveries that are up at its dearest: those that stay, and the dearest that pass by."""
    held: list[PlannedRecovery] = []
    for wave in plan.waves():
        held += [each for each in wave if plan.is_needed_to_the_end(each)]
        pass_by = [each for each in wave if not plan.is_needed_to_the_end(each)]
        yield (*held, *sorted(pass_by, key=cost, reverse=True)[:at_once])


def peak(plan: DrillPlan, at_once: int, cost: Callable[[PlannedRecovery], int]) -> int:
    """Return the most that recoveries cost together."""
    return max((sum(map(cost, each)) for each in up_together(plan, at_once, cost)), default=0)


def on_disks(plan: DrillPlan, at_once: int, folders: Mapping[str, Folder], usual: str) -> dict[int, int]:
    """Return the most bytes that a plan's volumes take of each file system; ``usual``: of who names no folder."""
    most: dict[int, int] = {}
    for together in up_together(plan, at_once, disk_bytes):
        used: dict[int, int] = {}
        for recovery in together:
            for wanted, size in _images(recovery, usual):
                places = [folders[each] for each in wanted]
                place = next((p for p in places if p.free_bytes - used.get(p.device, 0) >= size), places[0])
                used[place.device] = used.get(place.device, 0) + size
        most |= {device: max(size, most.get(device, 0)) for device, size in used.items()}
    return most


def shortages(plan: DrillPlan, at_once: int, folders: Mapping[str, Folder], usual: str) -> tuple[Shortage, ...]:
    """Return each file system that a plan's volumes do not fit on, named by a folder there."""
    found = []
    for device, needed in on_disks(plan, at_once, folders, usual).items():
        folder, place = next((name, each) for name, each in folders.items() if each.device == device)
        if needed > place.free_bytes:
            found.append(Shortage(folder=folder, needed_bytes=needed, free_bytes=place.free_bytes))
    return tuple(found)


def _images(recovery: PlannedRecovery, usual: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield for each volume on disk the folders that it may lie in, and what it takes."""
    profile = recovery.sandbox
    if not in_memory(recovery):
        yield profile.volumes or (usual,), image_bytes(profile.data_bytes)
    for each in profile.data_volumes:
        yield (each.directory,), image_bytes(each.size_bytes)


def quotas_in_memory(plan: DrillPlan, at_once: int, free_bytes: int) -> dict[str, int]:
    """Return the quota that the volume of each recovery would have in memory, opened one after the other."""
    found: dict[str, int] = {}

    def asked(recovery: PlannedRecovery) -> int:
        return recovery.sandbox.data_bytes if in_memory(recovery) else 0

    for together in up_together(plan, at_once, asked):
        free = free_bytes
        for recovery in filter(in_memory, together):
            quota = max(0, min(asked(recovery), int(free * MEMORY_SHARE)))
            found[recovery.name] = min(quota, found.get(recovery.name, quota))
            free -= quota
    return found
