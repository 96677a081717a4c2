"""What is to come, and why: every open slot as it would be decided now, then those that are still to be expected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from drp.domain.schedule.arrivals import arrivals
from drp.domain.schedule.decision import Decision
from drp.domain.schedule.planner import decide, gone, upcoming
from drp.domain.schedule.policy import Policy
from drp.schedule.desk import Desk
from drp.schedule.settling import begun
from drp.schedule.tick import circumstances
from drp.schedule.waiting import explained

_A_YEAR = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Coming:
    """A slot that waits or is to come, and what becomes of it as things are."""

    policy: Policy
    decision: Decision

    @property
    def at(self) -> datetime:
        """Return when it starts, as far as anybody knows; else when it comes."""
        return self.decision.not_before or self.decision.slot.at


@dataclass(frozen=True, slots=True)
class Why:
    """What becomes of a policy next; nothing, where nothing is expected by it."""

    policy: Policy
    decision: Decision | None


def coming(desk: Desk, policies: Mapping[str, Policy], until: datetime) -> list[Coming]:
    """Return the slots of policies that wait, and those that come until an instant, in the order of their starts."""
    state, now = desk.register.state(), desk.clock.now().wall
    drills = begun(desk, (each.slot for each in state.open.values()))
    running = {slot: each.drill for slot, each in drills.items()}
    waiting = {each.slot.policy for each in state.open.values()}
    found: list[Coming] = []
    orders = desk.orders()
    for key, policy in policies.items():
        came = arrivals(policy, state, now, desk.occasions)
        has_come = key in waiting or bool(came.slots) or came.unlisted is not None
        around = circumstances(desk, policy, now, running, of_open=has_come)
        if has_come:
            found += (
                Coming(policy, explained(desk, decision, orders))
                for decision in decide(policy, state, now, occasions=desk.occasions, around=around)
                if decision.action != "end" or decision.slot.id in state.open
            )
        ahead = upcoming(policy, state, now, until, occasions=desk.occasions, around=around)
        found += (Coming(policy, decision) for decision in ahead)
    return sorted(found, key=lambda each: (each.at, each.decision.slot.id))


def abandoned(desk: Desk) -> Iterator[Decision]:
    """Yield open slots whose policy is not in force any more: the next look at the schedule ends them."""
    yield from gone(desk.policies, desk.register.state())


def why(desk: Desk, application: str) -> list[Why]:
    """Return what becomes of each policy of an application next, the deepest level first."""
    wanted = {key: policy for key, policy in desk.policies.items() if policy.application == application}
    ahead = coming(desk, wanted, desk.clock.now().wall + _A_YEAR)
    first: dict[str, Decision] = {}
    for each in ahead:
        first.setdefault(each.policy.key, each.decision)
    return [Why(policy, first.get(key)) for key, policy in wanted.items()]
