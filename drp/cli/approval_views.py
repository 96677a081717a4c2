"""How the approval of a drill is shown: whom it waits for, whose word it was."""

from __future__ import annotations

from typing import Any

from drp.cli.render import instant, printable
from drp.codec import to_data
from drp.domain.approval import Approver
from drp.domain.events import ApprovalAsked, ApprovalEnded, Entry
from drp.domain.fold import DrillState
from drp.domain.names import shown_name


def asked_line(asked: ApprovalAsked) -> str:
    """Return whom a drill waits for, and until when."""
    who = " or ".join(shown_name(name) for name in asked.approvers)
    return f"waits for approval by {who} until {instant(asked.until)}"


def ended_line(ended: ApprovalEnded) -> str:
    """Return what became of it."""
    if ended.by is None or ended.answer is None:
        return "not approved: nobody answered in time, and nothing was touched"
    word = "approved by" if ended.outcome == "approved" else "REFUSED by"
    return f"{word} {whose(ended.by)}: {printable(ended.answer.reason)}"


def approval_text(entry: Entry) -> str:
    """Return what a terminal shows of an event about the approval; empty: it is about something else."""
    event = entry.event
    if isinstance(event, ApprovalAsked):
        return f"  {asked_line(event)}\n            drp drill approve {entry.drill} --reason …"
    return f"  {ended_line(event)}" if isinstance(event, ApprovalEnded) else ""


def whose(by: Approver) -> str:
    """Return whose word it is, and how that is known."""
    if by.proven_by == "signature":
        return f"{shown_name(by.name)}, signed with {by.key}"
    return f"account {shown_name(by.name)} (user {by.uid}), unsigned"


def approval_lines(state: DrillState) -> list[str]:
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
