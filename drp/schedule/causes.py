"""Which slots are caused, as journal and site are now: what a tick expects besides cron."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from drp.domain.journal import Journal
from drp.domain.schedule.causes import LOOKED_AT, PassedDrill, Since, after_slots, change_slots
from drp.domain.schedule.fold import ScheduleState
from drp.domain.schedule.policy import Policy
from drp.domain.schedule.proofs import Proof
from drp.domain.schedule.slot import Slot


def caused_slots(
    policies: Mapping[str, Policy],
    state: ScheduleState,
    journal: Journal,
    *,
    since: Since,
    proven: Mapping[str, Proof],
    now: datetime,
) -> tuple[Slot, ...]:
    """Return the slots that are caused now and that the register does not know, oldest first; of a policy one cause.

    ``since`` tells what changed since a drill (`drp.service.changes`), ``proven`` the newest proof of a policy's
    level, by its key. A drill after another plan tries what changed as well.
    """
    known: dict[str, tuple[PassedDrill, ...]] = {}

    def passed(plan: str) -> tuple[PassedDrill, ...]:
        if plan not in known:
            newest = journal.history.passed(plan, LOOKED_AT)
            known[plan] = tuple(
                PassedDrill(drill=one.drill, sealed_at=one.sealed_at) for one in newest if one.sealed_at is not None
            )
        return known[plan]

    after = tuple(after_slots(policies, state, passed))
    others = {key: policy for key, policy in policies.items() if key not in {slot.policy for slot in after}}
    change = tuple(change_slots(others, state, proven, since, now))
    return tuple(sorted((*after, *change), key=lambda slot: slot.at))
