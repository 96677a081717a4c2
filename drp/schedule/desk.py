"""What the schedule is carried out with: everything that a tick asks, each behind what a test can stand in for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from drp.cron import occasions
from drp.domain.journal import Journal
from drp.domain.orders import Engine, OrderSeen, Values
from drp.domain.plan import DrillPlan
from drp.domain.ports import Clock
from drp.domain.schedule.decision import Occasions
from drp.domain.schedule.fold import ScheduleState
from drp.domain.schedule.policy import Blackout, Policy
from drp.domain.schedule.proofs import Proof
from drp.domain.schedule.reasons import Reason
from drp.domain.schedule.register import Register
from drp.domain.schedule.slot import Slot


@dataclass(frozen=True, slots=True)
class Closed:
    """When drills may not run, besides what policies say themselves."""

    blackouts: tuple[Blackout, ...] = ()
    unreadable: str = ""
    """A calendar that should be read and cannot: nobody knows whether anything may run."""


def _no_causes(_state: ScheduleState, _now: datetime) -> Sequence[Slot]:
    return ()


def _always_open(_policy: Policy, _now: datetime) -> Closed:
    return Closed()


def _room_enough(_values: Values) -> Reason | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Everything that a tick asks. Whatever takes long is asked only for policies whose slots have come."""

    policies: Mapping[str, Policy]
    """By key."""
    register: Register
    journal: Journal
    clock: Clock
    host: str
    engine: Engine | None
    """What carries orders out; None: nothing is submitted, only written down what has come."""
    plan: Callable[[Values], DrillPlan]
    """The plan of an order's values. Raises what says why there is none."""
    expected: Callable[[Policy], timedelta]
    """How long a policy's drill takes, where the policy does not say it."""
    proofs: Callable[[str], Sequence[Proof]]
    """What is proven of an application."""
    undecided: frozenset[str] = frozenset()
    """Applications whose files cannot be read: what is in force for them is not known, so none of it is gone."""
    closed: Callable[[Policy, datetime], Closed] = _always_open
    causes: Callable[[ScheduleState, datetime], Sequence[Slot]] = _no_causes
    """Slots for another cause than cron: after a plan, or since something changed; those that are known included."""
    orders: Callable[[], Sequence[OrderSeen]] = tuple
    """All open orders, oldest first, for who only asks; none, where that is not known."""
    room: Callable[[Values], Reason | None] = _room_enough
    """Why the drill of an order's values has to wait on this machine now."""
    occasions: Occasions = field(default=occasions)
