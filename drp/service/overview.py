"""Gathers what `drp status` judges: the site's applications, its drills, and whether one is running now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from drp.calendars.feeds import CalendarRead
from drp.domain.application import Application
from drp.domain.coverage import Coverage, cover
from drp.domain.events import ApprovalAsked
from drp.domain.fold import DrillState
from drp.domain.held import Level
from drp.domain.journal import Verification
from drp.domain.schedule.due import Due
from drp.domain.schedule.events import Paused
from drp.domain.schedule.policy import Blackout
from drp.domain.schedule.slot import Slot
from drp.domain.standing import Standing, standings, worst
from drp.domain.worm.standing import RepositoryStanding, standing_of
from drp.drill.declare import states
from drp.drill.release import host_of, is_here
from drp.evidence.deposits import recent, require_sealed
from drp.garbage import uncollected
from drp.service.lock import is_held
from drp.service.newest_points import newest_points
from drp.service.scheduled import SILENT_CRITICAL, never_held, scheduled
from drp.service.told import deaf
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
    """Drills without an end that somebody is at."""
    running_on: Mapping[str, str] = field(default_factory=dict)
    """Each of them → the host that holds it; empty: not told."""
    awaiting: Mapping[str, ApprovalAsked] = field(default_factory=dict)
    """Those of them that wait for somebody to approve them → for whom, and until when."""
    unfinished: tuple[str, ...]
    """Drills without an end that nobody works on."""
    kept: tuple[KeptSandbox, ...]
    lost: tuple[str, ...] = ()
    """Sealed drills whose records are gone."""
    drills: int = 0
    """So many were ever held."""
    verified: Verification | None = None
    """How far the journal was verified; None: never, or it is not the same any more."""
    broken: Mapping[str, str] = field(default_factory=dict)
    """Application that cannot be drilled because of its file → the first thing that is wrong with it."""

    dues: tuple[Due, ...] = ()
    silent_since: datetime | None = None
    """Since when the scheduler, which should, gives no sign; None: it does, or nothing is scheduled."""
    unattended: bool = False
    """Drills are scheduled, and nobody has looked at the schedule yet."""
    pauses: tuple[Paused, ...] = ()
    """Those that last."""
    late: tuple[Slot, ...] = ()
    """Open slots that nobody began, and that should have begun by now."""
    closed: tuple[Blackout, ...] = ()
    """Why no drill may start now, as the site's file says; a freeze has no end."""
    calendars: tuple[CalendarRead, ...] = ()
    """Those that cannot be read, so that drills wait, or that nobody has written for too long."""
    deaf: tuple[str, ...] = ()
    """Targets of alerts that have taken no message for several tries."""
    repositories: tuple[RepositoryStanding, ...] = ()
    """Those that the register knows anything of."""

    @property
    def level(self) -> Level:
        """Return the gravest level of everything."""
        levels: list[Level] = [standing.level for standing in self.standings]
        levels += [each.level for each in self.repositories if each.level != "ok"]
        if self.silent_since is not None:
            levels.append("critical" if self.now - self.silent_since > SILENT_CRITICAL else "warning")
        levels += ["warning"] if self.late or self.unattended or self.calendars or self.deaf else []
        if self.unfinished or self.coverage.single_points or any(kept.until < self.now for kept in self.kept):
            levels.append("warning")
        if self.lost:
            levels.append("critical")
        return worst(levels)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What a site's journal tells, as far as a status needs it."""

    telling: tuple[DrillState, ...] = ()
    """Drills from which follows how applications stand, oldest first."""
    unsettled: tuple[DrillState, ...] = ()
    lost: tuple[str, ...] = ()
    drills: int = 0
    verified: Verification | None = None


@uncollected()
def overview(wiring: Wiring, only: tuple[str, ...] = (), *, notes: bool = False) -> Overview:
    """Return the overview of a site, or of some of its applications. Raises NotFound, Tampered, StorageFull.

    ``notes``: which recovery points the repositories list is noted in the register; else nothing is written.
    """
    site, now = wiring.site, wiring.clock.now().wall
    chosen = {name: site.application(name) for name in only} or dict(site.applications)
    known = _known(wiring)
    newest = newest_points(wiring, chosen.values(), notes=notes)
    schedule = scheduled(wiring, known.telling, known.unsettled, now)
    found = standings(site.applications, known.telling, now, newest, schedule.by_application())
    drilled = {standing.application for standing in found if standing.last is not None}
    whole = cover(site.applications, drilled)
    concerned = [state for state in known.unsettled if not only or set(only) & set(state.recoveries)]
    open_ends = tuple(state.drill for state in concerned if state.sealed is None)
    held = _held(wiring, [state for state in concerned if state.sealed is None])
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
        running=tuple(name for name in open_ends if name in held),
        running_on=held,
        awaiting={state.drill: asked for state in concerned if state.drill in held and (asked := _awaited(state))},
        unfinished=tuple(name for name in open_ends if name not in held),
        kept=tuple(kept for state in concerned for kept in _kept(state) if not only or kept.application in only),
        lost=known.lost,
        drills=known.drills,
        verified=known.verified,
        dues=tuple(due for due in schedule.dues if due.application in chosen),
        silent_since=schedule.silent_since,
        unattended=schedule.unattended,
        pauses=schedule.pauses,
        late=tuple(slot for slot in schedule.late if slot.application in chosen),
        closed=tuple(each for each in site.schedule.blackouts if each.lasts_at(now)),
        calendars=schedule.calendars,
        deaf=deaf(site.state_directory, site.monitoring.targets),
        repositories=_repositories(wiring, chosen.values(), only=bool(only)),
        broken={
            name: problems[0] for (kind, name), problems in site.broken.items() if kind == "application" and not only
        },
    )


def _known(wiring: Wiring) -> _Known:
    """Return what drills tell; where there never was one, without loading what reads a journal.

    What is shown is read from entries; `drp.domain.journal.History` only says of which drills.
    """
    if never_held(wiring):
        return _Known()
    journal = wiring.journal_to_read()
    lost = require_sealed(wiring.deposits(), recent(journal), journal)
    return _Known(
        telling=states(journal, journal.history.telling(wiring.site.applications)),
        unsettled=states(journal, (drill.drill for drill in journal.history.unsettled())),
        lost=lost,
        drills=journal.history.count(),
        verified=journal.history.verified(),
    )


def _repositories(wiring: Wiring, chosen: Iterable[Application], *, only: bool) -> tuple[RepositoryStanding, ...]:
    """Return how the repositories stand, of some applications those in which they are kept."""
    if never_held(wiring):
        return ()
    named = {name for application in chosen for name in application.repositories}
    known = wiring.register_to_read().state().repositories
    return tuple(
        standing_of(name, known[name])
        for name in wiring.site.repositories
        if name in known and (name in named or not only)
    )


def _awaited(state: DrillState) -> ApprovalAsked | None:
    return state.approval.asked if state.approval.awaited and state.concluded is None else None


def _kept(state: DrillState) -> list[KeptSandbox]:
    return [
        KeptSandbox(drill=state.drill, application=name, until=recovery.kept.until)
        for name, recovery in state.recoveries.items()
        if recovery.kept is not None and (recovery.residue is None or not recovery.residue.clean)
    ]


def _held(wiring: Wiring, open_ends: Iterable[DrillState]) -> Mapping[str, str]:
    """Return the drills without an end that somebody is at, with the host; an older drp holds the site alone."""
    found = {}
    for state in open_ends:
        host = wiring.journal_to_read().holder(state.drill)
        if host is None and is_here(state) and is_held(wiring.site.state_directory):
            host = host_of(state)
        if host is not None:
            found[state.drill] = host
    return found
