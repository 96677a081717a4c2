"""The beginning of a drill: t0 is journalled before anything is restored."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from drp import __version__
from drp.codec import digest
from drp.domain.clock import CLOCKS_AGREE
from drp.domain.events import DrillDeclared
from drp.domain.fold import DrillState, fold
from drp.domain.journal import Journal
from drp.domain.occasion import Occasion
from drp.domain.plan import DrillPlan
from drp.domain.ports import Clock, Reporter
from drp.domain.precheck import Precheck
from drp.drill.recorder import Recorder, Silent
from drp.errors import ConfigError, NotFound, UsageError

_MOST_NAMED_ALIKE = 1000


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
) -> Recorder:
    """Declare a new drill of the plan and return its recorder.

    Raises ``ConfigError`` for a disaster yet to come, ``Busy`` when the drill of this occasion was declared already,
    by whatever host: of one order there is one.
    """
    now = clock.now().wall
    if plan.scenario.disaster_at is not None and plan.scenario.disaster_at > now + CLOCKS_AGREE:
        raise ConfigError(
            f"drill {plan.name}: its disaster is in the future: {plan.scenario.disaster_at:%Y-%m-%dT%H:%M:%SZ}",
            hint="name an instant that has been, or say `disaster_at: now`; see to this machine's clock",
        )
    drill = _new_id(plan.name, now, journal) if occasion is None else occasion.drill_id(plan.name, plan.level)
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
            clock_behind_ms=_behind_ms(journal, now),
            occasion=occasion,
            admitted=admitted,
        )
    )
    return recorder


def _behind_ms(journal: Journal, now: datetime) -> int:
    """Return how many milliseconds this clock is behind the last that the newest drill did; 0: it is not."""
    last = journal.history.newest(1)
    newest = max((entry.stamp.wall for one in last for entry in journal.entries(one.drill)), default=now)
    return (newest - now) // timedelta(milliseconds=1) if newest > now else 0


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
    what = f"{len(matches)} drills begin with {reference}" if matches else f"there is no drill {reference}"
    raise NotFound(what, hint="see `drp drill list`")


def find_unfinished(reference: str, journal: Journal) -> str:
    """Return the drill that the reference names. Raises ``NotFound``, ``UsageError`` when it has ended."""
    drill = find(reference, journal)
    state = fold(journal.entries(drill))
    if state.sealed is None:
        return drill
    verdict = state.concluded.verdict if state.concluded is not None else "sealed"
    raise UsageError(f"drill {drill} was not cut off: it has ended, {verdict}", hint="hold another: `drp drill run`")


def states(journal: Journal, drills: Iterable[str] | None = None) -> tuple[DrillState, ...]:
    """Return the states of drills, folded from their entries; without ids of all drills, oldest first."""
    return tuple(fold(journal.entries(drill)) for drill in (journal.drills() if drills is None else drills))


def _new_id(name: str, now: datetime, journal: Journal) -> str:
    base = f"{name}-{now:%Y%m%d-%H%M%S}"
    taken = set(journal.history.beginning(base, _MOST_NAMED_ALIKE))
    candidates = (base if number == 1 else f"{base}-{number}" for number in range(1, _MOST_NAMED_ALIKE))
    return next(candidate for candidate in candidates if candidate not in taken)
