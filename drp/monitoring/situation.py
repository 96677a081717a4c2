"""What the site knows of itself, as causes are derived from it; whoever cannot see everything says so."""

from __future__ import annotations

import signal
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from drp.domain.alerts import Aborted, Cause, Situation, causes
from drp.domain.events import Interrupted
from drp.domain.journal import Journal
from drp.domain.standing import left_behind
from drp.drill.declare import states
from drp.errors import Busy, DrpError, EvidenceError
from drp.service.overview import Overview
from drp.service.wiring import Wiring

_NEWEST = 50
"""Among so many drills those that the system stopped are looked for: who asks does so at every tick."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is the case, and whether nothing else is."""

    now: datetime
    causes: tuple[Cause, ...]
    complete: bool = True
    """False: somebody could not look, so what was the case may still be."""


def look(wiring: Wiring, overview: Overview | DrpError, heard: Collection[Cause] = ()) -> Seen:
    """Return what has to be told of a site, given its overview, or why there is none.

    ``heard`` is what somebody was told of and has no end yet: what is too long ago to be found again is still the case.
    """
    if isinstance(overview, DrpError):
        return _without(wiring, overview)
    try:
        aborted = tuple(_aborted(wiring.journal_to_read(), overview, heard)) if overview.drills else ()
    except DrpError as error:
        return _without(wiring, error)
    situation = Situation(
        now=overview.now,
        standings=overview.standings,
        dues=overview.dues,
        kept=overview.kept,
        lost=overview.lost,
        aborted=aborted,
        silent_since=overview.silent_since,
        unattended=overview.unattended,
        repositories=overview.repositories,
    )
    return Seen(now=overview.now, causes=causes(situation))


def _without(wiring: Wiring, error: DrpError) -> Seen:
    """Return what can be told without an overview; a journal that is only locked is read the next time."""
    now = wiring.clock.now().wall
    if isinstance(error, Busy):
        return Seen(now=now, causes=(), complete=False)
    cause = Cause(kind="tampered" if isinstance(error, EvidenceError) else "unreadable", at=now)
    return Seen(now=now, causes=(cause,), complete=False)


def _aborted(journal: Journal, overview: Overview, heard: Collection[Cause]) -> Iterator[Aborted]:
    """Yield, for each application, the newest of the newest drills if the system stopped it.

    The short notes say which drills to read; what is told comes from their entries. What a person stopped is not told:
    that person knows; unless something restored was left.
    """
    known = {standing.application for standing in overview.standings}
    told: set[str] = set()
    for short in reversed(journal.history.newest(_NEWEST)):
        names = {one.recovery for one in short.recoveries} & known - told
        if short.verdict is None or short.sealed is None or not names:
            continue
        told |= names
        if short.verdict != "aborted":
            continue
        (state,) = states(journal, (short.drill,))
        if state.declared_at is None:
            continue
        for name in sorted(names):
            left = left_behind(state.recoveries[name])
            if left or not _by_a_person(state.interrupted):
                yield Aborted(application=name, drill=short.drill, declared_at=state.declared_at.wall, residue=left)
    yield from _aborted_before(overview, [cause for cause in heard if cause.application not in told])


def _by_a_person(stop: Interrupted | None) -> bool:
    """Return whether a person stopped a drill: at the terminal that held it, or by a word with a name to it."""
    return stop is not None and (stop.signal_number == signal.SIGINT or bool(stop.by))


def _aborted_before(overview: Overview, heard: Collection[Cause]) -> Iterator[Aborted]:
    """Yield what was told of earlier drills, as long as no later drill of the application has a verdict."""
    left = {(cause.application, cause.drill) for cause in heard if cause.kind == "residue"}
    standings = {standing.application: standing for standing in overview.standings}
    for cause in heard:
        standing = standings.get(cause.application)
        if cause.kind != "aborted" or cause.at is None or standing is None:
            continue
        newest = [one.declared_at for one in (standing.last, standing.compared) if one is not None]
        if all(at <= cause.at for at in newest):
            residue = (cause.application, cause.drill) in left
            yield Aborted(application=cause.application, drill=cause.drill, declared_at=cause.at, residue=residue)
