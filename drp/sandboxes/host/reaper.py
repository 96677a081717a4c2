"""Clears what a crash left behind: processes, control groups, mounts, loop devices, directories, restored data.

Truth, in this order: the lock of the sandbox's directory (held by the kernel for a living owner), the control group
that carries its id, the recorded pid namespace of this boot with the start of its first process, then mounts and
paths. A bare process id or namespace number is never believed: both are given again. Sandboxes of a living drp are
left alone.
"""

from __future__ import annotations

import os
import re
import shutil
from contextlib import suppress
from pathlib import Path

from drp.clock import boot_id, utc_now
from drp.domain.phrase import say
from drp.domain.sandbox import Reaped
from drp.domain.volume import Erased
from drp.errors import SandboxError
from drp.sandboxes.host import cgroups, erasure, image, layout, ledger, mounts, processes
from drp.sandboxes.host.identity import standing, sweep_slots

_ID = re.compile(r"\.?drp-[0-9a-f]{12}")
_YOUNG_SECONDS = 60.0
_OURS = re.compile(r"(drp-[0-9a-f]{12})(-[0-9]+)?(\.image|\.images)")
"""Files of a run directory that name a sandbox."""


def reap(run_directory: Path, *, driver: str | None = None, dry_run: bool = False) -> tuple[Reaped, ...]:
    """Remove every orphan of a run directory and return what was found; with ``dry_run`` only look.

    With ``driver`` those that another driver recorded as its own are left alone.
    """
    home = layout.home(run_directory)
    named = {each.name for place in {home, run_directory} for each in layout.entries(place)}
    candidates = {name.removeprefix(".") for name in named if _ID.fullmatch(name)}
    candidates |= {its[1] for name in named if (its := _OURS.fullmatch(name)) is not None}
    candidates |= {name for name in cgroups.sandboxes() if _ID.fullmatch(name) and _is_ours(name, home)}
    others = {name for name, its in recorded_drivers(run_directory).items() if driver not in {None, its}}
    found = [_reap_one(name, home, run_directory, dry_run=dry_run) for name in sorted(candidates - others)]
    if not dry_run:
        with suppress(SandboxError):  # whoever starts a drill tells what is wrong with it
            ledger.tidy(run_directory)
        sweep_slots(layout.slots_directory(run_directory))
        for each in {home, *layout.public_homes()}:  # those of sites that are gone as well
            layout.forsake(each)
    return tuple(each for each in found if each is not None)


def reap_one(name: str, run_directory: Path) -> Reaped | None:
    """Remove one orphan by its id; None when a living process holds it."""
    return _reap_one(name, layout.home(run_directory), run_directory, dry_run=False)


def recorded_drivers(run_directory: Path) -> dict[str, str]:
    """Return the driver of every sandbox that no living process holds, by id, as far as it was recorded."""
    home = layout.home(run_directory)
    orphans = [each for each in layout.entries(home) if _ID.fullmatch(each.name) and layout.is_abandoned(each)]
    recorded = {each.name: layout.read_record(each).get("driver") for each in orphans}
    return {name: driver for name, driver in recorded.items() if isinstance(driver, str)}


def _is_ours(name: str, home: Path) -> bool:
    """Return whether a control group may be taken: ours by its directory, or nobody's: long empty, no directory.

    A plain user takes his own alone: he cannot see the directories of others.
    """
    if (home / name).exists():
        return True
    groups = cgroups.find(name)
    if any((each / name).exists() for each in layout.public_homes()) or not all(_may_take(each) for each in groups):
        return False
    return not cgroups.members(groups) and all(_age(each) > _YOUNG_SECONDS for each in groups)


def _may_take(group: Path) -> bool:
    try:
        return standing() == "root" or os.geteuid() == group.stat().st_uid
    except OSError:
        return False


def _age(path: Path) -> float:
    try:
        return utc_now().timestamp() - path.stat().st_ctime
    except OSError:
        return 0.0


def _reap_one(name: str, home: Path, run_directory: Path, *, dry_run: bool) -> Reaped | None:
    directory = home / name
    hidden = home / f".{name}"
    if not layout.is_abandoned(directory) or (hidden.exists() and not layout.is_abandoned(hidden)):
        return None
    record = layout.read_record(directory)
    groups = cgroups.find(name)
    alive = cgroups.members(groups) | _recorded_processes(record)
    mounted = mounts.below(directory)
    images = image.noted(run_directory, name)
    paths = tuple(str(each) for each in (directory, hidden, *images) if each.exists())
    erased: tuple[Erased, ...] = ()
    if not dry_run:
        cgroups.destroy(groups)
        processes.kill_all(alive)
        clear(directory)
        erased = tuple(_erase(each) for each in images)
        image.forget(run_directory, name)
        shutil.rmtree(hidden, ignore_errors=True)
    return Reaped(
        id=name,
        processes=len(alive),
        mounts=mounted,
        cgroups=tuple(str(each) for each in groups),
        paths=paths,
        erased=erased,
    )


def clear(directory: Path) -> None:
    """Unmount everything below a sandbox's directory and remove it: never while something is still mounted in it."""
    for _ in range(8):  # mounts may be stacked
        points = mounts.below(directory)
        if not points:
            break
        for point in points:
            mounts.unmount(point)
    if not mounts.below(directory):
        shutil.rmtree(directory, ignore_errors=True)


def _recorded_processes(record: dict[str, object]) -> set[int]:
    """Return the living processes of the recorded pid namespace, if it was recorded in this boot and is the same."""
    name = record.get("pid_namespace")
    if record.get("boot_id") != boot_id() or not isinstance(name, str) or "@" not in name:
        return set()
    return processes.in_pid_namespace(name)


def _erase(file: Path) -> Erased:
    """Erase an image of a sandbox that has ended: whatever key there was has gone with it."""
    if not image.detach(file):
        return Erased(erased_by="overwrite", done=False, left=say("{path}: something still holds it", path=file))
    return erasure.erase(file, by="overwrite")
