"""What is left of a sandbox, by looking: processes, mounts, paths, control groups."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from drp.domain.sandbox import Residue
from drp.ending import is_ended
from drp.sandboxes.host import cgroups, mounts, processes

_SETTLE_SECONDS = 5.0
"""Killed processes take their moment to end, the longer the busier the machine is."""


def look(
    sandbox: str, directories: Sequence[Path], pid_namespace: str, network: str = "", *, duration_ms: int = 0
) -> Residue:
    """Return what stays of a sandbox; ``directories`` are the places where it had files or mounts.

    ``network`` is its network namespace.
    """
    deadline = time.monotonic() + _SETTLE_SECONDS
    while (
        not (seen := _look(sandbox, directories, (pid_namespace, network), duration_ms)).clean
        and time.monotonic() < deadline
    ):
        time.sleep(0.05)
    return seen


def _look(sandbox: str, directories: Sequence[Path], namespaces: tuple[str, str], duration_ms: int) -> Residue:
    groups = cgroups.find(sandbox)
    alive = {each for each in cgroups.members(groups) if not is_ended(each)}
    alive |= processes.in_namespace("pid", namespaces[0]) | processes.in_namespace("net", namespaces[1])
    return Residue(
        processes=len(alive),
        mounts=tuple(point for directory in directories for point in mounts.below(directory)),
        paths=tuple(str(directory) for directory in directories if directory.exists()),
        cgroups=tuple(str(group) for group in groups),
        duration_ms=duration_ms,
    )
