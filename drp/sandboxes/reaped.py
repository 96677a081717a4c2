"""What was found of a sandbox that nobody holds any more."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaped:
    """One orphan, and what was (or with ``dry_run`` would be) removed of it."""

    id: str
    processes: int = 0
    mounts: tuple[str, ...] = ()
    cgroups: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    left: str = ""
    """Why all of it is still there; empty: it is gone."""

    @property
    def shown(self) -> str:
        """Return what it was, in a line."""
        if self.left:
            return f"sandbox {self.id}: {self.left}"
        counted = f"{self.processes} processes, {len(self.mounts)} mounts, {len(self.cgroups)} groups"
        return f"sandbox {self.id}: {counted}"
