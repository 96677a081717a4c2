"""What is left of a sandbox, by looking: processes, mounts, paths, control groups."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from drp.domain.sandbox import Residue
from drp.sandboxes import cgroups, mounts, processes


def look(sandbox: str, directories: Sequence[Path], pid_namespace: str, *, duration_ms: int = 0) -> Residue:
    """Return what can be seen of a sandbox now; ``directories`` are the places where it had files or mounts."""
    groups = cgroups.find(sandbox)
    alive = {each for each in cgroups.members(groups) if not processes.is_ended(each)}
    alive |= processes.in_pid_namespace(pid_namespace)
    return Residue(
        processes=len(alive),
        mounts=tuple(point for directory in directories for point in mounts.below(directory)),
        paths=tuple(str(directory) for directory in directories if directory.exists()),
        cgroups=tuple(str(group) for group in groups),
        duration_ms=duration_ms,
    )
