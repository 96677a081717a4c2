"""The desk of a site: what its schedule is carried out with, each part made when it is first asked."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from drp.calendars.feeds import closed, read_calendars
from drp.domain.fold import DrillState
from drp.domain.journal import Journal
from drp.domain.orders import Engine, OrderSeen
from drp.domain.schedule.fold import ScheduleState
from drp.domain.schedule.policy import Policy
from drp.domain.schedule.proofs import Proof, proofs
from drp.domain.schedule.site import Schedule
from drp.domain.schedule.slot import Slot
from drp.drill.declare import states
from drp.schedule.causes import caused_slots
from drp.schedule.desk import Closed, Desk
from drp.schedule.expected import ExpectedOfAll
from drp.schedule.orders import plan_of
from drp.schedule.waiting import lasting, of_room
from drp.service.changes import Changes
from drp.service.wiring import Wiring


def desk_of(wiring: Wiring, engine: Engine | None, *, reads_only: bool = False) -> Desk:
    """Return the desk of a site; ``reads_only``: for who only asks what is to come. Raises as its journal does."""
    site = wiring.site
    journal = wiring.journal_to_read() if reads_only else wiring.journal()
    register = wiring.register_to_read() if reads_only else wiring.register()
    proven = Proven(journal)
    return Desk(
        policies=site.schedule.policies,
        register=register,
        journal=journal,
        clock=wiring.clock,
        host=socket.gethostname(),
        engine=engine,
        plan=partial(plan_of, site),
        expected=ExpectedOfAll(journal.history, site.schedule.policies.values()),
        proofs=proven,
        undecided=site.schedule.undecided,
        closed=_Calendars(site.schedule),
        causes=partial(_causes, wiring, journal, proven),
    )


def with_orders(desk: Desk, wiring: Wiring, orders: Callable[[], Sequence[OrderSeen]]) -> Desk:
    """Return a desk that tells of slots whose orders wait what for, on this machine by looking."""
    room = lambda values: of_room(wiring, desk.plan(values), lasting(desk, values))  # noqa: E731 - of this desk alone
    return replace(desk, orders=orders, room=room)


def _causes(wiring: Wiring, journal: Journal, proven: Proven, state: ScheduleState, now: datetime) -> Sequence[Slot]:
    """Return the slots that other drills and changes cause."""
    policies = {
        key: policy for key, policy in wiring.site.schedule.policies.items() if policy.after or policy.on_change
    }
    if not policies:
        return ()
    newest: dict[str, Proof] = {}
    for key, policy in policies.items():
        known = [each for each in proven(policy.application) if policy.on_change and each.level == policy.level]
        if known:
            newest[key] = max(known, key=lambda each: each.declared_at)
    since = Changes(wiring.site, journal).since
    return caused_slots(policies, state, journal, since=since, proven=newest, now=now)


class _Calendars:
    """When nothing may run, as the site's file and its calendars say; those are read once for each instant."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._read: tuple[datetime, Closed] | None = None

    def __call__(self, _policy: Policy, now: datetime) -> Closed:
        if self._read is None or self._read[0] != now:
            blackouts, unreadable = closed(read_calendars(self._schedule.calendars, now))
            self._read = now, Closed((*self._schedule.blackouts, *blackouts), unreadable)
        return self._read[1]


class Proven:
    """What is proven of applications; a sealed drill is read once."""

    def __init__(self, journal: Journal) -> None:
        """Take the journal that tells."""
        self._journal = journal
        self._known: dict[str, DrillState] = {}

    def __call__(self, application: str) -> Sequence[Proof]:
        """Return what is proven of an application, by whichever drills tell."""
        found = []
        for drill in self._journal.history.telling((application,)):
            if drill not in self._known:
                (state,) = states(self._journal, (drill,))
                if state.sealed is None:
                    continue
                self._known[drill] = state
            found.append(self._known[drill])
        return proofs(found).get(application, [])
