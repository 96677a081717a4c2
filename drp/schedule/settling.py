"""Slots end by what the journal says of their drills, whatever an engine remembers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from drp.domain.fold import DrillState, fold
from drp.domain.journal import Journal
from drp.domain.orders import Order, Values
from drp.domain.schedule.events import SlotEnded
from drp.domain.schedule.reasons import Reason
from drp.domain.schedule.register import Register
from drp.domain.schedule.slot import Ending, Slot
from drp.domain.standing import own_verdict
from drp.errors import Busy
from drp.schedule.desk import Desk
from drp.schedule.orders import drill_id
from drp.service.registered import occasion_of

_TRIES = 20
_NEWEST = 50
"""Among so many drills those of open slots are looked for whose policy was another one when they were ordered."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What keeps a drill from beginning, and how its slots end if it does so until it is too late."""

    reason: Reason
    ending: Ending = "blocked"


@dataclass(frozen=True, slots=True)
class Fate:
    """How an order ended of which the journal knows no drill."""

    error: str = ""
    """What kept the drill from being declared."""
    by: str = ""
    """Who asked that it stop."""
    late: Obstacle | None = None
    """For what it waited until it was too late."""
    died: bool = False
    """Whether its worker died, and nobody goes on with it."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The drill that was declared for a slot."""

    drill: str
    sealed: bool


def settle(register: Register, journal: Journal, values: Values, fate: Fate | None = None) -> dict[str, str]:
    """End the slots of an order by its drill, once that is sealed; return drill, verdict and record digest of it.

    Where the journal knows no such drill they end by the order's ``fate``; without one, and while the drill is not
    sealed, they stay open and nothing is returned. Whoever settles again changes nothing.
    """
    named = values["slots"]
    assert isinstance(named, Sequence)
    slots, drill = [str(each) for each in named], str(values["drill"])
    state = _known(journal, drill)
    _end(register, lambda slot: _of_drill(state, slot) if state is not None else _of_fate(slot, fate), slots)
    if state is None or state.sealed is None or state.concluded is None:
        return {}
    return {"drill": drill, "verdict": state.concluded.verdict, "record_digest": state.sealed.record_digest}


def settle_sealed(desk: Desk, drills: Mapping[str, Begun]) -> None:
    """End every open slot whose drill is sealed: also of orders that an engine has lost."""
    sealed = {slot: each.drill for slot, each in drills.items() if each.sealed}
    if sealed:
        _end(desk.register, lambda slot: _of_drill(_known(desk.journal, sealed[slot.id]), slot), list(sealed))


def settle_over(desk: Desk, known: Sequence[Order]) -> None:
    """End the slots of orders that the engine knew, that are over, and of which no drill was ever declared."""
    if not known or desk.engine is None:
        return
    open_ = {each.order.id for each in desk.engine.orders()}
    over = {order.id for order in known} - open_
    for seen in desk.engine.orders(only_open=False) if over else ():
        if seen.order.id in over and seen.state not in {"waiting", "running"}:
            by = seen.abort_asked_by if seen.state == "aborted" else ""
            fate = Fate(error=seen.error or f"order {seen.state}", by=by)
            settle(desk.register, desk.journal, seen.order.values, fate)


def begun(desk: Desk, slots: Iterable[Slot]) -> Mapping[str, Begun]:
    """Return slots of which the journal knows a drill, with that drill: by its name, or by what it says itself."""
    wanted = {slot.id: slot for slot in slots}
    found: dict[str, Begun] = {}
    if not wanted:
        return found
    history = desk.journal.history
    recent = {one.drill: one for one in (*history.newest(_NEWEST), *history.unsettled()) if one.drill.endswith("z")}
    for one in recent.values():
        occasion = occasion_of(desk.journal, one.drill)
        for name in occasion.slots if occasion is not None else ():
            if name in wanted:
                found[name] = Begun(one.drill, sealed=one.sealed is not None)
    for slot in wanted.values():
        policy = desk.policies.get(slot.policy)
        known = _known(desk.journal, drill_id(policy, slot)) if policy is not None and slot.id not in found else None
        if known is not None:
            found[slot.id] = Begun(known.drill, sealed=known.sealed is not None)
    return found


def _known(journal: Journal, drill: str) -> DrillState | None:
    entries = tuple(journal.entries(drill))
    return fold(entries) if entries else None


def _end(register: Register, judge: Callable[[Slot], SlotEnded | None], slots: Sequence[str]) -> None:
    """End those of the slots that are open and that are judged; again, when another process was faster."""
    for attempt in range(_TRIES):
        open_ = register.state().open
        ends = [judge(open_[slot].slot) for slot in slots if slot in open_]
        events = [end for end in ends if end is not None]
        if not events:
            return
        try:
            register.append(*events)
        except Busy:
            if attempt == _TRIES - 1:
                raise
        else:
            return


def _of_drill(state: DrillState | None, slot: Slot) -> SlotEnded | None:
    if state is None or state.sealed is None or state.concluded is None or state.declared is None:
        return None
    recovery = next((each for each in state.plan.recoveries if each.name == slot.application), None)
    if recovery is None:
        return SlotEnded(slot=slot, ending="blocked", reason="not-in-plan", values={"plan": state.plan.name})
    aborted = state.concluded.verdict == "aborted"
    reason, values = _why_aborted(state) if aborted else ("held", {})
    return SlotEnded(
        slot=slot,
        ending="blocked" if aborted else "held",
        reason=reason,
        values={"drill": state.drill, **values},
        drill=state.drill,
        verdict="aborted" if aborted else own_verdict(state, recovery),
        record_digest=state.sealed.record_digest,
        host=state.declared.host,
    )


def _why_aborted(state: DrillState) -> tuple[str, dict[str, str]]:
    """Return why a drill was not held to its end, and what the sentence about it needs."""
    ended = state.approval.ended
    if ended is None or not state.approval.withheld:
        return "aborted", {}
    if ended.by is None:
        return "approval-missing", {}
    return "approval-refused", {"by": ended.by.name}


def _of_fate(slot: Slot, fate: Fate | None) -> SlotEnded | None:
    if fate is None:
        return None
    if fate.by:
        return SlotEnded(slot=slot, ending="paused", reason="stopped", values={"by": fate.by})
    if fate.died:
        return SlotEnded(slot=slot, ending="blocked", reason="worker-died", values={})
    if fate.late is not None:
        why = fate.late.reason
        return SlotEnded(slot=slot, ending=fate.late.ending, reason=why.code, values=dict(why.values))
    return SlotEnded(slot=slot, ending="blocked", reason="not-started", values={"detail": fate.error})
