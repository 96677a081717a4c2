"""Codes of findings about the approval of a drill before it touches anything."""

from __future__ import annotations

from drp.domain.findings.finding_code import FindingCode

APPROVAL_MISSING = FindingCode(
    "DRP-B005",
    "inconclusive",
    "nobody approved the drill",
    "The drill has to be approved by a named person before anything is touched, and no acceptable answer came in time. Nothing was touched.",
    "tell the approvers when drills are due, and answer with `drp drill approve latest` while the drill waits",
)
APPROVAL_REFUSED = FindingCode(
    "DRP-B006",
    "inconclusive",
    "an approver refused the drill",
    "The drill has to be approved by a named person before anything is touched, and one of them refused. Nothing was touched.",
    "see the reason that was given, and hold the drill when it does not apply any more",
)
APPROVAL = (APPROVAL_MISSING, APPROVAL_REFUSED)
