"""Whether an order may begin now: since it was submitted, its window may have closed, or somebody paused it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from drp.domain.orders import Values
from drp.domain.phrase import say
from drp.domain.schedule.decision import Decision
from drp.domain.schedule.fold import ScheduleState
from drp.domain.schedule.planner import decide
from drp.errors import UsageError
from drp.schedule.desk import Desk
from drp.schedule.tick import circumstances


def held_up(desk: Desk, values: Values) -> Decision | None:
    """Return what becomes of a slot by which the drill of an order may not begin now; None: it may.

    Raises ``UsageError`` when none of its slots is open any more: whatever ended them, nobody needs the drill.
    """
    named = values["slots"]
    assert isinstance(named, Sequence)
    state, now = desk.register.state(), desk.clock.now().wall
    slots = [state.open[str(name)].slot for name in named if str(name) in state.open]
    if not slots:
        raise UsageError(say("its slots have ended meanwhile"), hint="see `drp schedule why APP`")
    for slot in slots:
        policy = desk.policies.get(slot.policy)
        if policy is None:
            return Decision(slot=slot, action="end", ending="blocked", reason="policy-gone")
        around = circumstances(desk, policy, now, {})
        decided = decide(policy, state, now, occasions=desk.occasions, around=around)
        decision = next((each for each in decided if each.slot.id == slot.id), None)
        if decision is not None and decision.action != "start":
            return decision
    return None


def begin_by(state: ScheduleState, values: Values) -> datetime | None:
    """Return when the drill of an order has to have begun, as the register says of its slots; None: it does not."""
    named = values["slots"]
    assert isinstance(named, Sequence)
    said = (state.open[str(name)].start_by for name in named if str(name) in state.open)
    return max((at for at in said if at is not None), default=None)
