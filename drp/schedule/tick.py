"""One look at the schedule: what has come is written down, decided, ended or handed to an engine. Idempotent.

Any number of processes may look at the same time: what one of them decided on is written only if the register is still
where it was read, and else everything is decided again. A crash loses nothing: what is open stays open until somebody
looks again, an order is the same whoever submits it, and of one order the journal takes one drill.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from drp.domain.orders import Order
from drp.domain.schedule.arrivals import arrivals
from drp.domain.schedule.decision import Decision
from drp.domain.schedule.events import PolicySeen, RegisterEvent, SlotEnded, SlotExpected
from drp.domain.schedule.fold import ScheduleState
from drp.domain.schedule.planner import Circumstances, decide, gone
from drp.domain.schedule.policy import Policy
from drp.domain.schedule.reasons import TOO_LATE
from drp.domain.schedule.slot import Slot
from drp.errors import Busy, DrpError
from drp.schedule.desk import Desk
from drp.schedule.orders import Due, order_id, order_of, policy_digest, values_of
from drp.schedule.settling import begun, settle_over, settle_sealed
from drp.schedule.waiting import of_order, ordered

_SETTLED = timedelta(minutes=10)
"""A policy that was another one so lately is not written down again yet; it holds all the same."""
_GRACE = timedelta(minutes=10)
"""So long a worker may take to say why it did not begin an order in time."""
_ANY = timedelta(hours=1)
"""How long a drill is said to take where that decides nothing."""
_UNREAD = timedelta(hours=12)
"""So long a slot waits for its application's file to be mended, unless it says when it has to start."""
_TRIES = 20
"""So often others may be faster before a tick gives up: each time somebody got on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticked:
    """What a look at the schedule came to."""

    at: datetime
    decisions: tuple[Decision, ...] = ()
    """Of every slot that has come and had not ended, by policy."""
    submitted: tuple[Order, ...] = ()
    """Orders of slots that start, those that the engine had already included."""


@dataclass(slots=True)
class Look:
    """What is decided at one instant, before anything is written."""

    events: list[RegisterEvent] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)


def tick(desk: Desk) -> Ticked:
    """Look at the schedule now. Raises ``Busy`` when others are always faster, and what register and engine raise."""
    for _ in range(_TRIES):
        try:
            ticked = _tick(desk)
        except Busy as error:
            last = error
            continue
        if desk.policies:
            desk.register.beat(desk.host, ticked.at)
        return ticked
    raise last


def _tick(desk: Desk) -> Ticked:
    drills = begun(desk, _open(desk))
    settle_sealed(desk, drills)
    _note_policies(desk)
    state, head = desk.register.state_at()
    now = desk.clock.now().wall
    look = decided(desk, state, now, {slot: each.drill for slot, each in drills.items() if not each.sealed})
    if look.events:
        desk.register.append(*look.events, head=head)
    _withdraw(desk, look)
    if desk.engine is not None:
        settle_over(desk, [order for order in look.orders if not desk.engine.submit(order)])
    return Ticked(at=now, decisions=tuple(look.decisions), submitted=tuple(look.orders))


def _open(desk: Desk) -> list[Slot]:
    return [each.slot for each in desk.register.state().open.values()]


def _note_policies(desk: Desk) -> None:
    """Write down which policies are in force, as they are, where the register knows them otherwise."""
    state, head = desk.register.state_at()
    digests = {key: policy_digest(policy) for key, policy in desk.policies.items()}
    changed: list[RegisterEvent] = []
    looked = max(desk.register.beats().values(), default=None)
    now = desk.clock.now().wall
    # two hosts with different files, or versions, would else write at every look
    old = {key for key, entry in state.since.items() if abs(now - entry.stamp.wall) >= _SETTLED}
    for key, digest in digests.items():
        known = state.policies.get(key)
        if known is None:
            changed.append(PolicySeen(policy=key, digest=digest))
        elif known.digest != digest and key in old:
            since = min(looked, now) if looked is not None else state.since[key].stamp.wall
            changed.append(PolicySeen(policy=key, digest=digest, since=since))
    gone_now = (key for key in old if key not in digests and _application(key) not in desk.undecided)
    changed += [PolicySeen(policy=key, digest="") for key in gone_now]
    if changed:
        desk.register.append(*changed, head=head)


def decided(desk: Desk, state: ScheduleState, now: datetime, running: Mapping[str, str]) -> Look:
    """Return what becomes of every slot now; nothing is written or submitted. ``running``: slot → its drill."""
    look = Look()
    for slot in desk.causes(state, now):
        if slot.policy in desk.policies and not _is_known(state, slot.policy, slot.id):
            expected = SlotExpected(slot=slot)
            look.events.append(expected)
            state.open[slot.id] = expected
    starting: dict[str, list[Due]] = {}
    of_plans: dict[str, list[Decision]] = {}
    for made in _decisions(desk, state, now, running):
        decision = _accounted(desk, made, now)
        look.decisions.append(decision)
        known = desk.policies.get(decision.slot.policy)
        if known is not None and known.plan:
            of_plans.setdefault(order_id(known, decision.slot), []).append(decision)
        if decision.new:
            look.events.append(SlotExpected(slot=decision.slot, start_by=decision.start_by))
        if decision.action == "end":
            look.events.append(_end(decision))
        elif decision.action == "start":
            policy = desk.policies[decision.slot.policy]
            starting.setdefault(order_id(policy, decision.slot), []).append(Due(decision.slot, policy))
    for name, dues in starting.items():
        siblings = of_plans.get(name, [])
        if not any(each.action == "wait" for each in siblings):
            _start(desk, look, dues, _paused(desk, state, name, siblings))
    return look


def _decisions(desk: Desk, state: ScheduleState, now: datetime, running: Mapping[str, str]) -> Iterator[Decision]:
    waiting = {each.slot.policy for each in state.open.values()}
    unread = {key for key in waiting if key not in desk.policies and _application(key) in desk.undecided}
    yield from gone({*desk.policies, *unread}, state, running)
    for name, each in state.open.items():
        if each.slot.policy in unread and name not in running:
            yield _unread(each, now)
    for key, policy in desk.policies.items():
        came = arrivals(policy, state, now, desk.occasions)
        if key in waiting or came.slots or came.unlisted is not None:
            around = circumstances(desk, policy, now, running)
            yield from decide(policy, state, now, occasions=desk.occasions, around=around)


def _accounted(desk: Desk, decision: Decision, now: datetime) -> Decision:
    """Return the end of a slot that nobody started with what its order waits for; a worker that has it says it itself.

    A worker is given some time to say so. Whatever becomes of it, the slot ends.
    """
    if decision.reason != TOO_LATE or decision.start_by is None or desk.engine is None:
        return decision
    orders = desk.engine.orders()
    seen = ordered(orders, decision.slot.id)
    reason = of_order(orders, seen.order.id) if seen is not None else None
    if seen is None or reason is None:
        return decision
    if seen.state == "running":
        if now > decision.start_by + _GRACE:
            return decision
        return replace(decision, action="wait", ending=None, reason=reason.code, values=reason.values)
    return replace(decision, reason=reason.code, values=reason.values)


def _application(key: str) -> str:
    return key.rpartition("/")[0]


def _unread(expected: SlotExpected, now: datetime) -> Decision:
    """Return what becomes of a slot of an application whose file cannot be read: it waits, and then ends so."""
    by = expected.start_by or expected.slot.at + _UNREAD
    reason, values = "file-unreadable", {"application": expected.slot.application}
    if now <= by:
        return Decision(slot=expected.slot, action="wait", reason=reason, values=values, start_by=by)
    return Decision(slot=expected.slot, action="end", ending="blocked", reason=reason, values=values, start_by=by)


def circumstances(
    desk: Desk, policy: Policy, now: datetime, running: Mapping[str, str], *, of_open: bool = True
) -> Circumstances:
    """Return what the planner is told of a policy. Unless ``of_open``, nothing that only slots which came are asked.

    How long its drill takes is looked up only where some time is closed: elsewhere every drill fits.
    """
    closed = desk.closed(policy, now)
    asked = bool(policy.windows or policy.blackouts or closed.blackouts)
    return Circumstances(
        expected=policy.expected or (desk.expected(policy) if asked else _ANY),
        blackouts=closed.blackouts,
        unreadable=closed.unreadable,
        running=running,
        proofs=desk.proofs(policy.application) if of_open else (),
    )


def _paused(desk: Desk, state: ScheduleState, name: str, siblings: Sequence[Decision]) -> set[str]:
    """Return the applications of a plan's order whose slots somebody paused."""
    if not siblings:
        return set()
    slots = [each.slot for ends in state.ended.values() for each in ends if each.ending == "paused"]
    slots += [each.slot for each in siblings if each.ending == "paused"]
    policies = ((slot, desk.policies.get(slot.policy)) for slot in slots)
    return {slot.application for slot, policy in policies if policy is not None and order_id(policy, slot) == name}


def _start(desk: Desk, look: Look, dues: Sequence[Due], without: set[str]) -> None:
    """Make the order of slots that start; where its plan cannot be made they end, and say why.

    Slots of one plan and instant are held by one drill: it waits until none of them waits any more.
    """
    values = values_of(dues, sorted(without))
    try:
        plan = desk.plan(values)
        held = {recovery.name for recovery in plan.recoveries}
        order = order_of(dues, plan, values)
    except DrpError as error:
        look.events += [blocked(due, "no-plan", detail=error.message.splitlines()[0]) for due in dues]
        return
    lacking = [due for due in dues if due.slot.application not in held]
    look.events += [blocked(due, "not-in-plan", plan=plan.name) for due in lacking]
    if len(lacking) < len(dues):
        look.orders.append(order)


def _withdraw(desk: Desk, look: Look) -> None:
    """Take back orders that still wait although none of their slots does any more."""
    ended = {event.slot.id for event in look.events if isinstance(event, SlotEnded)}
    if desk.engine is None or not ended:
        return
    still = desk.register.state().open
    for seen in desk.engine.orders():
        slots = seen.order.values.get("slots", ())
        assert isinstance(slots, Sequence)
        if seen.state == "waiting" and ended & set(map(str, slots)) and not any(slot in still for slot in slots):
            desk.engine.abort(seen.order.id, by=desk.host)


def _end(decision: Decision) -> SlotEnded:
    assert decision.ending is not None
    return SlotEnded(
        slot=decision.slot,
        ending=decision.ending,
        reason=decision.reason,
        values=dict(decision.values),
        drill=decision.values.get("drill", ""),
    )


def blocked(due: Due, reason: str, **values: str) -> SlotEnded:
    """Return that the site could not hold a slot."""
    return SlotEnded(slot=due.slot, ending="blocked", reason=reason, values=values)


def _is_known(state: ScheduleState, policy: str, slot: str) -> bool:
    """Return whether a slot of another cause is open, or the newest that was expected, or ended lately."""
    newest = state.caused.get(policy)
    return (
        slot in state.open
        or (newest is not None and newest.id == slot)
        or any(each.slot.id == slot for each in state.ended.get(policy, ()))
    )
