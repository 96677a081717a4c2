"""The beginning of a drill: t0 is journalled before anything is restored."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from drp import __version__
from drp.codec import digest
from drp.domain.clock import CLOCKS_AGREE
from drp.domain.events import DrillDeclared, Resumed
from drp.domain.fold import DrillState, fold
from drp.domain.journal import Journal
from drp.domain.occasion import Occasion
from drp.domain.phrase import fact, say
from drp.domain.plan import DrillPlan
from drp.domain.ports import Clock, Reporter
from drp.domain.precheck import Precheck
from drp.drill.recorder import Recorder, Silent
from drp.errors import Busy, ConfigError, NotFound, UsageError
from drp.garbage import uncollected

_MOST_NAMED_ALIKE = 1000
_LOOKED_AT = 20
"""So many of the newest drills are looked through for one of this machine."""
_HOST_LENGTH = 24


def declare(
    plan: DrillPlan,
    journal: Journal,
    reporter: Reporter,
    clock: Clock,
    *,
    requested_by: str,
    ad_hoc: bool,
    occasion: Occasion | None = None,
    admitted: Precheck | None = None,
    shared: bool = False,
    zone: str = "",
) -> Recorder:
    """Declare a new drill of the plan, held by this process from before its first entry, and return its recorder.

    Where the journal is ``shared`` by several hosts, the id of a drill that somebody asks for names this one.
    ``zone`` is the site's, for reports.

    Raises ``ConfigError`` for a disaster yet to come, ``Busy`` when the drill of this occasion was declared already,
    by whatever host: of one order there is one.
    """
    now = clock.now().wall
    if plan.scenario.disaster_at is not None and plan.scenario.disaster_at > now + CLOCKS_AGREE:
        raise ConfigError(
            say(
                "drill {name}: its disaster is in the future: {disaster_at}",
                name=plan.name,
                disaster_at=f"{plan.scenario.disaster_at:%Y-%m-%dT%H:%M:%SZ}",
            ),
            hint="name an instant that has been, or say `disaster_at: now`; see to this machine's clock",
        )
    if occasion is None:
        drill = _held_id(f"{plan.name}-{now:%Y%m%d-%H%M%S}{f'-{_host_part()}' if shared else ''}", journal)
    else:
        drill = occasion.drill_id(plan.name, plan.level)
        journal.hold(drill)
    behind, apart = _clocks(journal, now)
    recorder = Recorder(drill, DrillState(drill=drill), journal, reporter)
    recorder.append(
        DrillDeclared(
            plan=plan,
            plan_digest=digest(plan),
            disaster_at=plan.scenario.disaster_at or now,
            requested_by=requested_by,
            drp_version=__version__,
            host=socket.gethostname(),
            ad_hoc=ad_hoc,
            clock_behind_ms=behind,
            clock_apart_ms=apart,
            occasion=occasion,
            admitted=admitted,
            site_zone=zone,
        )
    )
    return recorder


def _clocks(journal: Journal, now: datetime) -> tuple[int, int]:
    """Return by how many ms this clock is behind the newest instants of this machine, and of others, in the journal.

    0: it is not. Of this machine that is a clock that was set back; of another, either clock may be the wrong one.
    """
    here, newest = socket.gethostname(), {True: now, False: now}
    seen = set()
    for one in reversed(journal.history.newest(_LOOKED_AT)):
        host = ""
        for entry in journal.entries(one.drill):
            event = entry.event
            if isinstance(event, DrillDeclared):
                host = event.host
            elif isinstance(event, Resumed):
                host = event.host or host
            ours = host == here
            seen.add(ours)
            newest[ours] = max(newest[ours], entry.stamp.wall)
        if True in seen:  # older ones of this machine say no more than its newest
            break
    behind, apart = ((newest[ours] - now) // timedelta(milliseconds=1) for ours in (True, False))
    return behind, apart


def reopen(drill: str, journal: Journal, reporter: Reporter | None = None) -> Recorder:
    """Return the recorder of a drill that exists; without a reporter it shows nothing."""
    return Recorder(drill, fold(journal.entries(drill)), journal, reporter or Silent())


def unfinished(journal: Journal) -> tuple[str, ...]:
    """Return the drills that were declared and never sealed, oldest first."""
    return tuple(one.drill for one in journal.history.unsettled() if one.sealed is None)


def find(reference: str, journal: Journal) -> str:
    """Return the drill that ``latest``, a whole id or a unique prefix names. Raises ``NotFound``."""
    if reference == "latest":
        newest = journal.history.newest(1)
        if not newest:
            raise NotFound("no drill was ever held on this site", hint="hold one with `drp drill run NAME`")
        return newest[0].drill
    return matching(reference, journal.history.beginning(reference, _MOST_NAMED_ALIKE))


def matching(reference: str, drills: Sequence[str]) -> str:
    """Return the drill that a whole id or a unique prefix names. Raises ``NotFound``."""
    matches = [drill for drill in drills if drill == reference] or [d for d in drills if d.startswith(reference)]
    if len(matches) == 1:
        return matches[0]
    what = (
        fact("drills-begin-with", "{n} drills begin with {reference}", n=len(matches), reference=reference)
        if matches
        else fact("there-no-drill", "there is no drill {reference}", reference=reference)
    )
    raise NotFound(what, hint="see `drp drill list`")


def find_unfinished(reference: str, journal: Journal) -> str:
    """Return the drill that the reference names. Raises ``NotFound``, ``UsageError`` when it has ended."""
    drill = find(reference, journal)
    state = fold(journal.entries(drill))
    if state.sealed is None:
        return drill
    verdict = state.concluded.verdict if state.concluded is not None else "sealed"
    raise UsageError(
        say("drill {drill} was not cut off: it has ended, {verdict}", drill=drill, verdict=verdict),
        hint="hold another: `drp drill run`",
    )


@uncollected()
def states(journal: Journal, drills: Iterable[str] | None = None) -> tuple[DrillState, ...]:
    """Return the states of drills, folded from their entries; without ids of all drills, oldest first."""
    wanted = tuple(journal.drills() if drills is None else drills)
    found = {drill: fold(entries) for drill, entries in journal.entries_of(wanted)}
    return tuple(found[drill] for drill in wanted)


def _held_id(base: str, journal: Journal) -> str:
    """Return an id that no drill has, held: of those who look for one at the same time, each gets another."""
    taken = set(journal.history.beginning(base, _MOST_NAMED_ALIKE))
    for number in range(1, _MOST_NAMED_ALIKE):
        drill = base if number == 1 else f"{base}-{number}"
        if drill in taken:
            continue
        with suppress(Busy):
            journal.hold(drill)
            if not any(True for _ in journal.entries(drill)):
                return drill
            journal.release(drill)
    raise Busy(
        say("there are {MOST_NAMED_ALIKE} drills called {base}", MOST_NAMED_ALIKE=_MOST_NAMED_ALIKE, base=base),
        hint="try again in a second",
    )


def _host_part() -> str:
    """Return this machine's name as an id may hold it."""
    first = socket.gethostname().partition(".")[0].lower()
    return re.sub(r"[^a-z0-9]+", "-", first).strip("-")[:_HOST_LENGTH] or "host"
