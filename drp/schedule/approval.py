"""Who has to approve a drill that is held for slots: as its plan says, and as every policy does that asks for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from drp.domain.approval import ApprovalPolicy
from drp.domain.phrase import say
from drp.domain.plan import DrillPlan
from drp.domain.schedule.policy import Policy
from drp.errors import ConfigError


def with_approval(plan: DrillPlan, policies: Iterable[Policy], proving: ApprovalPolicy) -> DrillPlan:
    """Return the plan as it is to be approved; ``proving`` says how the site knows its approvers.

    Where several ask, one person's word has to be enough for all of them, within the shortest time that any of them
    gives. Raises ``ConfigError`` where nobody may approve for all: no wish is left out, so the drill cannot be held.
    """
    asked = [(policy.approvers, policy.approval_within) for policy in policies if policy.approvers]
    if not asked:
        return plan
    if plan.approval is not None:
        asked.append((plan.approval.approvers, plan.approval.within))
    everybody = tuple(name for name in asked[0][0] if all(name in approvers for approvers, _ in asked))
    if not everybody:
        raise ConfigError(
            say("drill {name}: nobody may approve it for all who want it approved", name=plan.name),
            hint="name an approver whom the plan and its policies have in common",
        )
    approval = replace(proving, approvers=everybody, within=min(within for _, within in asked))
    return replace(plan, approval=approval)
