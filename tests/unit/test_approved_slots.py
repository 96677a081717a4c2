"""A slot whose drill had to be approved and was not: it ends blocked, and says whether anybody answered."""

from __future__ import annotations

import pytest

from drp.domain.approval import ApprovalAnswer, Approver
from drp.domain.events import ApprovalAsked, ApprovalEnded
from drp.domain.schedule.events import SlotEnded
from drp.domain.schedule.reasons import REASONS
from drp.schedule.tick import tick
from tests.simulators.schedule import HOUR, MONDAY, SimSchedule
from tests.unit.test_tick import DRILL, SLOT, begun

ASKED = ApprovalAsked(approvers=("anna",), challenge="c", until=MONDAY + 4 * HOUR)
ANSWER = ApprovalAnswer(
    drill=DRILL, plan_digest="d", challenge="c", decision="refuse", name="", reason="a move", answered_at=MONDAY
)
ANNA = Approver(name="anna", proven_by="account", uid=1000)


@pytest.mark.parametrize(
    ("ended", "reason", "said"),
    [
        (ApprovalEnded(outcome="missing"), "approval-missing", f"nobody approved drill {DRILL} in time"),
        (ApprovalEnded(outcome="refused", by=ANNA, answer=ANSWER), "approval-refused", f"anna refused drill {DRILL}"),
    ],
)
def test_a_slot_whose_drill_was_not_approved_ends_blocked_with_why(
    ended: ApprovalEnded, reason: str, said: str
) -> None:
    schedule = begun(SimSchedule())
    schedule.carry_out(SLOT, "aborted", sealed=False)
    schedule.journal.append(DRILL, ASKED, ended)
    schedule.seal(DRILL)
    for _ in range(2):
        tick(schedule.desk())
    (end,) = [entry.event for entry in schedule.register.entries() if isinstance(entry.event, SlotEnded)]
    assert (end.ending, end.reason, end.drill, end.verdict) == ("blocked", reason, DRILL, "aborted")
    assert REASONS[reason].format(**end.values) == said
