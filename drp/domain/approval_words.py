"""Who may approve, as people are told: names that a terminal cannot be led astray by. Pure."""

from __future__ import annotations

from drp.domain.events import ApprovalAsked, ApprovalEnded
from drp.domain.names import shown_name
from drp.domain.phrase import fact


def approvers_of(asked: ApprovalAsked) -> str:
    """Return the names of those any one of whom may approve."""
    return ", ".join(shown_name(name) for name in asked.approvers)


def waiting_for(event: object) -> str | None:
    """Return what an event makes a drill wait for, to follow its name; empty: it goes on; None: the event says neither.

    In English: it stands in the site's lock.
    """
    match event:
        case ApprovalAsked():
            return fact(
                "waits-for-approval-by",
                ", waits for approval by {approvers_of} until {until}",
                approvers_of=approvers_of(event),
                until=f"{event.until:%Y-%m-%d %H:%M:%SZ}",
            )
        case ApprovalEnded():
            return ""
        case _:
            return None
