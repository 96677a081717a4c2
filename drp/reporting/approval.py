"""What became of the approval that a drill needed: whose word it was, how that is known, how long it took."""

from __future__ import annotations

from drp.domain.evidence import EvidenceRecord
from drp.domain.names import shown_name
from drp.domain.phrase import Data, Duration, Phrase, Value, say


def approval_of(record: EvidenceRecord) -> Phrase | None:
    """Return whose word the drill was held by, or was not; None: nobody had to approve it."""
    ended = record.approval
    if record.plan.approval is None:
        return None
    if ended is None:
        return say("It ended while it waited to be approved.")
    waited = Duration(max((each.measurement.approval_wait_ms for each in record.recoveries), default=0))
    if ended.by is None or ended.answer is None:
        return say("Nobody approved it within {wait}, so nothing was touched.", wait=waited)
    who, reason = Data(shown_name(ended.by.name)), Data(ended.answer.reason)
    values: dict[str, Value] = {"who": who, "reason": reason, "wait": waited}
    if ended.by.proven_by == "signature":
        if ended.outcome == "approved":
            return say("Approved by {who}, whose signature was verified, after {wait}: {reason}", **values)
        return say("Refused by {who}, whose signature was verified, after {wait}: {reason}", **values)
    if ended.outcome == "approved":
        return say("Approved by the account {who}, without a signature, after {wait}: {reason}", **values)
    return say("Refused by the account {who}, without a signature, after {wait}: {reason}", **values)
