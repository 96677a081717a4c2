"""What becomes of every slot of a policy now, and what is to come. Pure: no clock, no engine.

A slot is expected once and ends once. Of slots that wait, the newest is held (``catch_up: all``: each, in order); it
starts when all of it fits a window and nothing forbids it, and is missed when it has not started by its deadline.
Whoever was not there when a slot came, and not by its deadline either, catches up as the policy says: what is held
late has its deadline from then on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta

from drp.domain.schedule.arrivals import arrivals
from drp.domain.schedule.covering import covered_by
from drp.domain.schedule.decision import Decision, Occasions
from drp.domain.schedule.fold import ScheduleState
from drp.domain.schedule.judging import Circumstances, Waiting, earliest, ended, judge, pause_of, pause_values, waits
from drp.domain.schedule.policy import Policy
from drp.domain.schedule.reasons import shown_instant
from drp.domain.schedule.slot import Slot
from drp.domain.schedule.windows import next_allowed

__all__ = ["Circumstances", "decide", "gone", "next_allowed", "upcoming"]


def decide(
    policy: Policy, state: ScheduleState, now: datetime, *, occasions: Occasions, around: Circumstances
) -> tuple[Decision, ...]:
    """Return what becomes of each slot that came since the register knew one, and of each open one, oldest first.

    A function of its arguments alone: whoever asks twice, or on another host, is told the same. Decisions with ``new``
    are of slots that the register is to expect first, with their ``start_by``.
    """
    open_ = [
        Waiting(each.slot, each.start_by or each.slot.at + policy.start_within)
        for each in state.open.values()
        if each.slot.policy == policy.key
    ]
    new, unlisted = _arrived(policy, state, now, occasions)
    decisions = list(unlisted)
    live: list[Waiting] = []
    for each in sorted((*open_, *new), key=lambda waiting: waiting.slot.at):
        end = _settled(policy, state, each, occasions, around)
        if end is None:
            live.append(each)
        else:
            decisions.append(end)
    decisions += _in_order(policy, state, live, now, around)
    return tuple(sorted(decisions, key=lambda decision: decision.slot.at))


def gone(policies: Collection[str], state: ScheduleState, running: Collection[str] = ()) -> tuple[Decision, ...]:
    """Return the end of each open slot, by id not among those that run, whose policy is not in force any more."""
    return tuple(
        ended(Waiting(each.slot, each.start_by or each.slot.at), "blocked", "policy-gone")
        for name, each in state.open.items()
        if each.slot.policy not in policies and name not in running
    )


def upcoming(
    policy: Policy,
    state: ScheduleState,
    now: datetime,
    until: datetime,
    *,
    occasions: Occasions,
    around: Circumstances,
) -> Iterator[Decision]:
    """Yield what becomes of the slots after now, as things are: those that will start wait, with ``not_before``.

    Slots that have come are `decide`'s. Where the register knows slots that are still to come, the clock is behind it:
    that is said first, of the newest of them.
    """
    base = state.counted_from(policy.key)
    last = state.last.get(policy.key)
    if last is not None and last.at > now:
        yield waits(Waiting(last, last.at), "clock-behind", last.at, {"at": shown_instant(last.at)})
    if not policy.cron:
        return
    before: Waiting | None = None
    for instant in occasions(policy.cron, policy.zone, max(now, base or now)):
        slot = Slot(application=policy.application, level=policy.level, at=instant)
        if before is not None:
            yield _foreseen(policy, state, before, around, slot)
        if instant > until:
            return
        before = Waiting(slot, instant + policy.start_within)
    if before is not None:
        yield _foreseen(policy, state, before, around, None)


def _arrived(
    policy: Policy, state: ScheduleState, now: datetime, occasions: Occasions
) -> tuple[list[Waiting], list[Decision]]:
    """Return the new slots with their deadlines, and the end of those that are too many to be written down."""
    came, within = arrivals(policy, state, now, occasions), policy.start_within
    new, late = [], 0
    for slot in came.slots:
        if slot.at + within >= now:
            new.append(Waiting(slot, slot.at + within, new=True))
            continue
        late += 1
        turns = late if policy.catch_up == "all" else 1
        new.append(Waiting(slot, now + turns * within, new=True, late=True))
    if came.unlisted is None or came.first is None:
        return new, []
    unlisted = Waiting(came.unlisted, came.unlisted.at + within, new=True)
    return new, [
        ended(unlisted, "missed", "many-missed", {"count": str(came.count), "first": shown_instant(came.first)})
    ]


def _settled(
    policy: Policy, state: ScheduleState, waiting: Waiting, occasions: Occasions, around: Circumstances
) -> Decision | None:
    """Return the end of a slot that cannot be held whatever the hour, or that it is running; None: it may be held."""
    slot = waiting.slot
    if slot.id in around.running:
        return waits(waiting, "running", None, {"drill": around.running[slot.id]})
    if not waiting.new and not _still_asked_for(policy, slot, occasions):
        return ended(waiting, "blocked", "policy-gone")
    if (skip := state.skipped.get(slot.id)) is not None:
        return ended(waiting, "paused", "skipped", {"by": skip.by, "reason": skip.reason})
    if waiting.new and (pause := pause_of(policy, state, slot.at)) is not None:
        return ended(waiting, "paused", "paused", pause_values(pause))
    if drill := covered_by(slot, around.proofs):
        return ended(waiting, "superseded", "covered", {"drill": drill})
    if waiting.late and policy.catch_up == "skip":
        return ended(waiting, "missed", "catch-up-skipped")
    return None


def _still_asked_for(policy: Policy, slot: Slot, occasions: Occasions) -> bool:
    """Return whether the policy, as it is now, has this slot."""
    if slot.cause == "after":
        return bool(policy.after)
    if slot.cause == "change":
        return policy.on_change
    if not policy.cron:
        return False
    return next(occasions(policy.cron, policy.zone, slot.at - timedelta(seconds=1)), None) == slot.at


def _in_order(
    policy: Policy, state: ScheduleState, live: Sequence[Waiting], now: datetime, around: Circumstances
) -> Iterator[Decision]:
    """Yield what becomes of slots that may be held, oldest first: no two of a policy are held at the same time."""
    if policy.catch_up != "all" and live:
        newest = live[-1]
        for each in live[:-1]:
            yield ended(each, "superseded", "newer-slot", {"at": shown_instant(newest.slot.at)})
        live = live[-1:]
    ahead = sum(1 for each in state.open.values() if each.slot.policy == policy.key and each.slot.id in around.running)
    for each in live:
        if ahead and now <= each.start_by:
            yield waits(each, "in-order", None, {"ahead": str(ahead)})
        else:
            decision = judge(policy, state, each, now, around)
            yield decision
            if decision.action == "end":
                continue
        ahead += 1


def _foreseen(
    policy: Policy, state: ScheduleState, waiting: Waiting, around: Circumstances, following: Slot | None
) -> Decision:
    """Return what becomes of a slot that is still to come."""
    slot = waiting.slot
    if (skip := state.skipped.get(slot.id)) is not None:
        return ended(waiting, "paused", "skipped", {"by": skip.by, "reason": skip.reason})
    if (pause := pause_of(policy, state, slot.at)) is not None:
        return ended(waiting, "paused", "paused", pause_values(pause))
    first = earliest(policy, waiting, around)
    if around.unreadable and first is not None:
        return waits(waiting, "feed-unreadable", first, {"feed": around.unreadable})
    if first is not None and (following is None or first < following.at or policy.catch_up == "all"):
        return waits(waiting, "before-its-time", first, {"at": shown_instant(first)})
    if following is not None and following.at <= waiting.start_by and policy.catch_up != "all":
        return ended(waiting, "superseded", "newer-slot", {"at": shown_instant(following.at)})
    return judge(policy, state, waiting, waiting.start_by + timedelta(seconds=1), around)
