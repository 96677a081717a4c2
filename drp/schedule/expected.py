"""How long the drill of a policy is expected to take: as the policy says, else as its history does."""

from __future__ import annotations

from datetime import timedelta

from drp.domain.journal import History
from drp.domain.schedule.expected import LOOKED_AT, expected_of
from drp.domain.schedule.policy import Policy


def expected(history: History, policy: Policy, plan: str = "") -> timedelta:
    """Return how long a drill of the policy takes, waits for people and media left out.

    ``plan`` is the name of the plan that is held, empty: the policy's. Where no whole drill of that plan was held, any
    of the application at this level counts: with others beside it, it takes no less. A constant number of rows is read.
    """
    if policy.expected is not None:
        return policy.expected
    name = plan or policy.plan
    of_plan = history.durations_ms(policy.application, policy.level, LOOKED_AT, plan=name) if name else ()
    return expected_of(of_plan or history.durations_ms(policy.application, policy.level, LOOKED_AT))
