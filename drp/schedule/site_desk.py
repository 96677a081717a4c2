"""The desk of a site: what its schedule is carried out with, each part made when it is first asked."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from datetime import datetime
from functools import partial

from drp.domain.fold import DrillState
from drp.domain.journal import Journal
from drp.domain.orders import Engine
from drp.domain.schedule.policy import Policy
from drp.domain.schedule.proofs import Proof, proofs
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
        closed=partial(_closed, wiring),
    )


def _closed(wiring: Wiring, _policy: Policy, _now: datetime) -> Closed:
    """Return when nothing may run; a calendar that nobody can read closes everything."""
    schedule = wiring.site.schedule
    return Closed(schedule.blackouts, schedule.calendars[0].name if schedule.calendars else "")


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
