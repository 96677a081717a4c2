"""Orders that slots become, and what their values say to whoever carries them out.

The values of an order name everything by which its drill is made and found again; they are JSON:

``plan``: drill of the site, empty for an application alone; ``application``: of the first slot; ``without``:
applications of the plan that somebody paused; ``level``; ``slots``: ids; ``policies``: key → digest; ``expected_at``:
ISO 8601; ``drill``: the id under which it is declared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from drp.codec import digest
from drp.config.site import Site
from drp.domain.level import LEVELS, Level
from drp.domain.occasion import Occasion, scheduled_id
from drp.domain.orders import Order, Values
from drp.domain.phrase import say, several
from drp.domain.plan import DrillPlan
from drp.domain.schedule.policy import Policy
from drp.domain.schedule.slot import Slot
from drp.errors import UsageError
from drp.schedule.approval import with_approval

PROCEDURE = "drill"
BY = str(say("the schedule"))
"""Who asks for drills of slots."""


@dataclass(frozen=True, slots=True)
class Due:
    """A slot of a policy."""

    slot: Slot
    policy: Policy


def order_id(policy: Policy, slot: Slot) -> str:
    """Return the id of the order that a slot belongs to: its own, or that of all slots of a plan at one instant."""
    if not policy.plan:
        return slot.id
    depth = "" if slot.level == "full" else f"/{slot.level}"
    return f"{policy.plan}@{slot.at:%Y%m%dT%H%M%SZ}{depth}"


def drill_id(policy: Policy, slot: Slot) -> str:
    """Return the id of the drill that is held for a slot, whoever holds it."""
    return scheduled_id(plan_name(policy.plan, slot.application), _level(slot.level), slot.at)


def plan_name(plan: str, application: str) -> str:
    """Return the name of the plan that is held: the site's, or one of the application alone."""
    return plan or f"scheduled-{application}"[:63].rstrip("-")


def plan_of(site: Site, values: Values) -> DrillPlan:
    """Return the plan that an order's values name, as the site describes it now. Raises what says why there is none.

    It has to be approved by whom the plan, and every policy that the order names, want.
    """
    asked = values["policies"]
    assert isinstance(asked, Mapping)
    policies = [policy for key, policy in site.schedule.policies.items() if key in asked]
    return with_approval(_plan_of(site, values), policies, site.approvals)


def _plan_of(site: Site, values: Values) -> DrillPlan:
    name, application, level = (str(values[key]) for key in ("plan", "application", "level"))
    if not name:
        made = site.ad_hoc_plan(application, level=_level(level))
        return replace(made, name=plan_name("", application))
    without = [str(each) for each in _listed(values["without"])]
    if not without:
        return site.plan(name, level=_level(level))
    names = [said.application for said in site.drill(name).recoveries if said.application not in without]
    return site.plan(name, level=_level(level), applications=tuple(names))


def order_of(dues: Sequence[Due], plan: DrillPlan, values: Values) -> Order:
    """Return the order of slots that one drill is held for."""
    first = dues[0]
    return Order(
        id=order_id(first.policy, first.slot),
        procedure=PROCEDURE,
        values=values,
        place=first.policy.place,
        keys=tuple(sorted({recovery.repository for recovery in plan.recoveries})),
        priority=min(due.policy.tier for due in dues),
    )


def values_of(dues: Sequence[Due], without: Sequence[str] = ()) -> dict[str, Any]:
    """Return what an order of these slots says: of one application, or of one plan, level and instant."""
    first = dues[0]
    return {
        "plan": first.policy.plan,
        "application": first.slot.application,
        "without": sorted(without),
        "level": first.slot.level,
        "slots": [due.slot.id for due in dues],
        "policies": {due.policy.key: policy_digest(due.policy) for due in dues},
        "expected_at": first.slot.at.isoformat(),
        "drill": drill_id(first.policy, first.slot),
    }


def occasion_of(order: str, values: Values, *, register_head: str, worker: str = "") -> Occasion:
    """Return why the drill of an order is held, as its declaration says it."""
    policies = values["policies"]
    assert isinstance(policies, Mapping)
    return Occasion(
        order=order,
        slots=tuple(str(each) for each in _listed(values["slots"])),
        policies={key: str(each) for key, each in policies.items()},
        expected_at=datetime.fromisoformat(str(values["expected_at"])),
        register_head=register_head,
        worker=worker,
    )


def policy_digest(policy: Policy) -> str:
    """Return the digest by which a policy is known: of its canonical JSON."""
    return digest(policy)


def _listed(value: object) -> Sequence[object]:
    assert isinstance(value, Sequence)
    return value


def _level(name: str) -> Level:
    """Return a level that drills have. Raises UsageError for one that something else carries out."""
    for level in LEVELS:
        if level == name:
            return level
    raise UsageError(
        say("no drill is held at level `{name}`", name=name),
        hint=say("levels of drills: {levels}", levels=several(LEVELS)),
    )
