"""What the reaper takes of one run directory, on a machine where others may have left something too."""

from __future__ import annotations

from pathlib import Path

from drp.domain.sandbox import Reaped
from drp.sandboxes.host import reaper
from tests.support.waiting import eventually


def reap(run_directory: Path, *, dry_run: bool = False) -> tuple[Reaped, ...]:
    """Reap, and return what lay in the directory: not the long empty control groups, whoever left them."""
    return tuple(each for each in reaper.reap(run_directory, dry_run=dry_run) if each.paths or each.processes)


def reaped(run_directory: Path, *wanted: str) -> set[str]:
    """Reap until all wanted ids were taken, and return whatever was: who is killed holds locks for an instant more."""
    found: set[str] = set()

    def look() -> bool:
        found.update(each.id for each in reap(run_directory))
        return set(wanted) <= found

    assert eventually(look), f"not reaped: {sorted(set(wanted) - found)}"
    return found
