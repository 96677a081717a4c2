"""Gathers what `drp status` judges: the site's applications, its drills, and whether one is running now."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from drp.domain.coverage import Coverage, cover
from drp.domain.fold import DrillState
from drp.domain.standing import Level, Standing, standings, worst
from drp.drill.declare import states
from drp.errors import NotReadable
from drp.evidence.deposits import require_sealed
from drp.service.newest_points import newest_points
from drp.service.wiring import Wiring


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSandbox:
    """A sandbox with restored data that somebody asked to keep."""

    drill: str
    application: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Everything that the status says."""

    site: str
    now: datetime
    standings: tuple[Standing, ...]
    coverage: Coverage
    running: tuple[str, ...]
    """Drills without an end, while somebody works on the site."""
    unfinished: tuple[str, ...]
    """Drills without an end that nobody works on."""
    kept: tuple[KeptSandbox, ...]
    lost: tuple[str, ...] = ()
    """Sealed drills whose records are gone."""
    broken: Mapping[str, str] = field(default_factory=dict)
    """Application that cannot be drilled because of its file → the first thing that is wrong with it."""

    @property
    def level(self) -> Level:
        """Return the gravest level of everything."""
        levels: list[Level] = [standing.level for standing in self.standings]
        if self.unfinished or self.coverage.single_points or any(kept.until < self.now for kept in self.kept):
            levels.append("warning")
        if self.lost:
            levels.append("critical")
        return worst(levels)


def overview(wiring: Wiring, only: tuple[str, ...] = ()) -> Overview:
    """Return the overview of a site, or of some of its applications. Raises NotFound, Tampered, StorageFull."""
    site, now = wiring.site, wiring.clock.now().wall
    chosen = {name: site.application(name) for name in only} or dict(site.applications)
    drills = _drills(wiring)
    lost = require_sealed(wiring.deposits(), drills, wiring.journal_to_read()) if drills else ()
    newest = newest_points(wiring, chosen.values())
    found = standings(site.applications, drills, now, newest)
    drilled = {standing.application for standing in found if standing.last is not None}
    whole = cover(site.applications, drilled)
    concerned = [state for state in drills if not only or set(only) & set(state.recoveries)]
    open_ends = tuple(state.drill for state in concerned if state.sealed is None)
    busy = _busy(site.state_directory)
    return Overview(
        site=site.name,
        now=now,
        standings=tuple(standing for standing in found if standing.application in chosen),
        coverage=Coverage(
            drilled=tuple(name for name in whole.drilled if name in chosen),
            not_drilled=tuple(name for name in whole.not_drilled if name in chosen),
            urgent=tuple(name for name in whole.urgent if name in chosen),
            single_points=tuple(point for point in whole.single_points if point.application in chosen),
        ),
        running=open_ends if busy else (),
        unfinished=() if busy else open_ends,
        kept=tuple(kept for state in concerned for kept in _kept(state) if not only or kept.application in only),
        lost=lost,
        broken={
            name: problems[0] for (kind, name), problems in site.broken.items() if kind == "application" and not only
        },
    )


def _drills(wiring: Wiring) -> tuple[DrillState, ...]:
    """Return all drills; where there never was one, without loading what reads a journal."""
    journal = wiring.site.journal
    if isinstance(journal, Path) and _is_absent(journal) and not wiring.deposits().records():
        return ()
    return states(wiring.journal_to_read())


def _is_absent(path: Path) -> bool:
    try:
        return not path.exists()
    except OSError:  # closed to us: whoever reads it will say so
        return False


def _kept(state: DrillState) -> list[KeptSandbox]:
    return [
        KeptSandbox(drill=state.drill, application=name, until=recovery.kept.until)
        for name, recovery in state.recoveries.items()
        if recovery.kept is not None and (recovery.residue is None or not recovery.residue.clean)
    ]


def _busy(state_directory: Path) -> bool:
    """Return whether another drp works on the site, without waiting for it or getting into its way.

    Raises NotReadable.
    """
    try:
        descriptor = os.open(state_directory / "lock", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    except OSError as error:  # running and cut off are not the same
        raise NotReadable(f"cannot tell whether a drill runs: {error.filename}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)
