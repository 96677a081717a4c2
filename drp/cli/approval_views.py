"""How the approval of a drill is shown: whom it waits for, whose word it was."""

from __future__ import annotations

from typing import Any

from drp.cli.render import instant, printable
from drp.codec import to_data
from drp.domain.approval import Approver
from drp.domain.events import ApprovalAsked, ApprovalEnded, Entry
from drp.domain.fold import DrillState
from drp.domain.names import shown_name
from drp.domain.phrase import Phrase, say, several


def asked_line(asked: ApprovalAsked) -> Phrase:
    """Return whom a drill waits for, and until when."""
    return say(
        "waits for approval by {approvers} until {until}",
        approvers=several((shown_name(name) for name in asked.approvers), " or "),
        until=instant(asked.until),
    )


def ended_line(ended: ApprovalEnded) -> Phrase:
    """Return what became of it."""
    if ended.by is None or ended.answer is None:
        return say("not approved: nobody answered in time, and nothing was touched")
    who, reason = whose(ended.by), ended.answer.reason
    if ended.outcome == "approved":
        return say("approved by {who}: {reason}", who=who, reason=reason)
    return say("REFUSED by {who}: {reason}", who=who, reason=reason)


def approval_text(entry: Entry) -> str:
    """Return what a terminal shows of an event about the approval; empty: it is about something else."""
    event = entry.event
    if isinstance(event, ApprovalAsked):
        return f"  {printable(asked_line(event))}\n            drp drill approve {entry.drill} --reason …"
    return f"  {printable(ended_line(event))}" if isinstance(event, ApprovalEnded) else ""


def whose(by: Approver) -> Phrase:
    """Return whose word it is, and how that is known."""
    if by.proven_by == "signature":
        return say("{name}, signed with {key}", name=shown_name(by.name), key=by.key)
    return say("account {name} (user {uid}), unsigned", name=shown_name(by.name), uid=str(by.uid))


def approval_lines(state: DrillState) -> list[Phrase]:
    """Return the lines of a drill that has to be approved."""
    approval = state.approval
    if approval.ended is not None:
        return [ended_line(approval.ended)]
    return [asked_line(approval.asked)] if approval.asked is not None and state.concluded is None else []


def approval_document(state: DrillState) -> dict[str, Any] | None:
    """Return the same for a machine; None: nobody has to approve it."""
    if state.plan.approval is None:
        return None
    ended, asked = state.approval.ended, state.approval.asked
    waits = asked is not None and ended is None and state.concluded is None
    return {
        "approvers": list(state.plan.approval.approvers),
        "waits_until": to_data(asked.until) if waits and asked is not None else None,
        "outcome": ended.outcome if ended is not None else None,
        "by": to_data(ended.by) if ended is not None else None,
        "reason": ended.answer.reason if ended is not None and ended.answer is not None else None,
    }
