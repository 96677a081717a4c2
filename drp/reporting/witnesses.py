"""Who says what: the words for a finding's witness, on what a pass rests, and what a plan without trust demands."""

from __future__ import annotations

from drp.domain.evidence import EvidenceRecord, RecoveryRecord
from drp.domain.findings.finding import Finding
from drp.domain.findings.sign_off import SIGN_OFF_REFUSED
from drp.domain.phrase import Data, Phrase, count, say
from drp.domain.plan import PlannedRecovery
from drp.domain.resting import Resting, Unread, dated_by, resting, statements, unread
from drp.reporting.words import REFERENT, WITNESSES

_UNREAD: dict[Unread, Phrase] = {
    "statement": say("a statement about the content"),
    "newest datum": say("a newest datum"),
    "manifest": say("a comparison with a manifest"),
}


def speaker_of(finding: Finding) -> Phrase:
    """Return who says what a finding states; a referent is none of the three witnesses, but a person."""
    return REFERENT if finding.code == SIGN_OFF_REFUSED.code else WITNESSES[finding.said_by]


def dated_by_of(record: RecoveryRecord) -> Phrase | None:
    """Return who dated the newest datum that bounds the loss; None: nobody did."""
    witness = dated_by(record.verify)
    return WITNESSES[witness] if witness is not None else None


def rests_of(record: EvidenceRecord) -> Phrase | None:
    """Return on what the statements that passed rest, over all applications; None: nothing was checked."""
    stated = [check for recovery in record.recoveries for check in statements(recovery.hash, recovery.verify)]
    return resting_in_words(resting(stated)) if stated else None


def resting_in_words(found: Resting) -> Phrase:
    """Return by whom the statements that passed are said."""
    return count(
        "{n} statement passed: {read} read by drp, {said} said by the restored system, {seen} seen from outside.",
        "{n} statements passed: {read} read by drp, {said} said by the restored system, {seen} seen from outside.",
        found.passed,
        read=found.read,
        said=found.said,
        seen=found.seen,
    )


def demand_of(record: RecoveryRecord, planned: PlannedRecovery, *, starts: bool = True) -> Phrase | None:
    """Return what a plan that trusts no restored system demands, and what was missing; None: the plan trusts it."""
    if planned.trust == "restored":
        return None
    name = Data(planned.name)
    missing = [_UNREAD[one] for one in unread(record.hash, record.verify, planned.trust, starts=starts)]
    if not missing:
        return say(
            "{application}: the plan trusts no restored system (`trust: none`). It counts only what drp has read, "
            "which is there.",
            application=name,
        )
    listed = missing[-1]
    for one in reversed(missing[:-1]):
        listed = say("{first}, {others}", first=one, others=listed)
    return say(
        "{application}: the plan trusts no restored system (`trust: none`). What drp itself has not read: {missing}.",
        application=name,
        missing=listed,
    )
