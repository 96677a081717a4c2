"""Who may approve, as people are told: names that a terminal cannot be led astray by. Pure."""

from __future__ import annotations

from drp.domain.events import ApprovalAsked
from drp.domain.names import shown_name


def approvers_of(asked: ApprovalAsked) -> str:
    """Return the names of those any one of whom may approve."""
    return ", ".join(shown_name(name) for name in asked.approvers)
