"""The desk of a site: what its schedule is carried out with, each part made when it is first asked."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from datetime import datetime
from functools import partial

from drp.calendars.reading import closed, read_calendars
from drp.domain.fold import DrillState
from drp.domain.journal import Journal
from drp.domain.orders import Engine
from drp.domain.schedule.policy import Policy
from drp.domain.schedule.proofs import Proof, proofs
from drp.domain.schedule.site import Schedule
from drp.drill.declare import states
from drp.schedule.desk import Closed, Desk
from drp.schedule.expected import expected
from drp.schedule.orders import plan_of
from drp.service.wiring import Wiring


def desk_of(wiring: Wiring, engine: Engine | None, *, reads_only: bool = False) -> Desk:
    """Return the desk of a site; ``reads_only``: for who only asks what is to come. Raises as its journal does."""
    site = wiring.site
    journal = wiring.journal_to_read() if reads_only else wiring.journal()
    register = wiring.register_to_read() if reads_only else wiring.register()
    return Desk(
        policies=site.schedule.policies,
        register=register,
        journal=journal,
        clock=wiring.clock,
        host=socket.gethostname(),
        engine=engine,
        plan=partial(plan_of, site),
        expected=lambda policy: expected(journal.history, policy),
        proofs=Proven(journal),
        undecided=site.schedule.undecided,
        closed=Closing(site.schedule),
    )


class Closing:
    """When nothing may run at a site, for every policy alike; a calendar that nobody can read closes everything."""

    def __init__(self, schedule: Schedule) -> None:
        """Take what the site says of it."""
        self._schedule = schedule
        self._known: tuple[datetime, Closed] | None = None

    def __call__(self, _policy: Policy, now: datetime) -> Closed:
        """Return what is closed as of now; calendars are looked at once an instant."""
        if self._known is None or self._known[0] != now:
            events, unreadable = closed(read_calendars(self._schedule.calendars, now))
            self._known = now, Closed((*self._schedule.blackouts, *events), unreadable)
        return self._known[1]


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
