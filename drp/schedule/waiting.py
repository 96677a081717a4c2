"""Why what is due has not begun: its order waits for others, its worker looks for room, or its drill for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from drp.domain.approval_words import approvers_of
from drp.domain.fold import DrillState
from drp.domain.orders import OrderSeen, Values
from drp.domain.plan import DrillPlan
from drp.domain.precheck import PrecheckReason
from drp.domain.schedule.decision import Decision
from drp.domain.schedule.reasons import Reason, shown_instant
from drp.drill.declare import states
from drp.drill.release import is_here
from drp.schedule.desk import Desk
from drp.service.lock import is_held
from drp.service.precheck import why_wait
from drp.service.wiring import Wiring

BEGUN = frozenset({"running", "awaiting-approval"})
"""Codes of slots whose drill has been declared."""
_OF_PRECHECK: Mapping[str, str] = {
    "backup-window": "backup-running",
    "backup-due": "backup-due",
    "backup-running": "backup-writing",
    "memory-lacking": "memory-lacking",
    "volume-space": "space-lacking",
    "state-full": "space-lacking",
    "sandbox-lacking": "sandbox-lacking",
}
_NAMES: Mapping[str, str] = {"until_at": "at", "since_at": "since"}


def of_precheck(found: PrecheckReason) -> Reason:
    """Return a reason of a precheck that lets a drill wait as one of the schedule."""
    values = {
        _NAMES.get(name, name): shown_instant(datetime.fromisoformat(value)) if name.endswith("_at") else value
        for name, value in found.values.items()
    }
    return Reason(_OF_PRECHECK[found.code], values)


def of_room(wiring: Wiring, plan: DrillPlan, lasting: timedelta) -> Reason | None:
    """Return why a drill that takes so long has to wait on this machine now; None: there is room for it."""
    found = why_wait(wiring, plan, lasting)
    return of_precheck(found) if found is not None else _of_site(wiring)


def _of_site(wiring: Wiring) -> Reason | None:
    """Return which drill holds the site, of which one at a time is at work; None: none."""
    if not is_held(wiring.site.state_directory):
        return None
    journal = wiring.journal_to_read()
    unsealed = (one.drill for one in journal.history.unsettled() if one.sealed is None)
    there = [state for state in states(journal, unsealed) if is_here(state)]
    reasons = [of_approval(state, "behind-approval") for state in there]
    named = [reason for reason in reasons if reason is not None]
    if named or not there:
        return named[0] if named else Reason("site-busy")
    return Reason("behind-drill", {"drill": there[-1].drill})


def of_approval(state: DrillState, code: str = "awaiting-approval") -> Reason | None:
    """Return for whom a drill waits, and until when; None: it does not."""
    asked = state.approval.asked
    if asked is None or not state.approval.awaited or state.concluded is not None:
        return None
    values = {"drill": state.drill, "approvers": approvers_of(asked), "at": shown_instant(asked.until)}
    return Reason(code, values)


def of_order(orders: Sequence[OrderSeen], order: str) -> Reason | None:
    """Return why an order is not begun, by what else there is; None: nobody has it, and nothing is before it."""
    seen = next((each for each in orders if each.order.id == order), None)
    if seen is None:
        return None
    if seen.state == "running":
        return Reason("looks-for-room", {"host": seen.host})
    open_ = [each for each in orders if each.state in {"waiting", "running"} and each is not seen]
    taken = {key for each in open_ if each.state == "running" for key in each.order.keys}
    if shared := sorted(taken & set(seen.order.keys)):
        return Reason("key-busy", {"repository": shared[0]})
    older = orders[: orders.index(seen)]
    ahead = [
        each
        for each in open_
        if each.order.place == seen.order.place
        and (
            each.state == "running"
            or each.order.priority < seen.order.priority
            or (each.order.priority == seen.order.priority and each in older)
        )
    ]
    return Reason("queued", {"ahead": str(len(ahead))}) if ahead else None


def explained(desk: Desk, decision: Decision, orders: Sequence[OrderSeen]) -> Decision:
    """Return a decision that says what it waits for: a person, other drills, or room on this machine."""
    if decision.reason == "running":
        (state,) = states(desk.journal, (decision.values["drill"],))
        return _because(decision, of_approval(state), decision.action)
    seen = ordered(orders, decision.slot.id) if decision.action == "start" else None
    if seen is None:
        return decision
    reason = of_order(orders, seen.order.id)
    if seen.state == "running" and seen.host == desk.host:
        reason = desk.room(seen.order.values) or reason
    return _because(decision, reason, "wait")


def ordered(orders: Sequence[OrderSeen], slot: str) -> OrderSeen | None:
    """Return the open order of a slot."""
    return next((each for each in orders if each.state in {"waiting", "running"} and slot in _slots(each)), None)


def lasting(desk: Desk, values: Values) -> timedelta:
    """Return how long the drill of an order takes, as the most cautious of its policies expects."""
    named = values["policies"]
    keys = named if isinstance(named, Mapping) else {}
    found = (desk.policies[key] for key in keys if key in desk.policies)
    return max((policy.expected or desk.expected(policy) for policy in found), default=timedelta(0))


def _because(decision: Decision, reason: Reason | None, action: str) -> Decision:
    if reason is None:
        return decision
    assert action in {"start", "wait", "end"}
    return replace(decision, action=action, reason=reason.code, values=reason.values)  # type: ignore[arg-type]


def _slots(seen: OrderSeen) -> Sequence[str]:
    named = seen.order.values.get("slots", ())
    assert isinstance(named, Sequence)
    return [str(each) for each in named]
