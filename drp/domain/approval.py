"""Approval of a drill by a named person before anything is touched: who may give it, what is answered, what fits. Pure.

An answer is bound to one waiting of one drill by a challenge, as a sign-off is, so that it fits nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from drp.domain.names import bears, same_name
from drp.domain.phrase import fact

Decision = Literal["approve", "refuse"]
ApprovalOutcome = Literal["approved", "refused", "missing"]
LONGEST_TEXT = 2000
"""Of a name or a reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalPolicy:
    """That somebody has to approve a drill once it is declared, and who may."""

    approvers: tuple[str, ...]
    """Any one of them: principals of ``allowed_signers``; where there are none, accounts of the drill host."""
    within: timedelta = timedelta(hours=4)
    """How long the drill waits."""
    allowed_signers: str = ""
    """Keys whose signatures count, as ssh-keygen(1) lists them; empty: the account that hands the answer in counts."""
    four_eyes: bool = False
    """Whether whoever asked for the drill may not approve it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalAnswer:
    """What is answered; its canonical JSON is what is signed."""

    drill: str
    plan_digest: str
    challenge: str
    """Drawn by the drill when it began to wait."""
    decision: Decision
    name: str
    """What somebody typed; whose word it is, `Approver` says."""
    reason: str
    answered_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Approver:
    """Whose word an answer is."""

    name: str
    """The signature's principal, or the account."""
    proven_by: Literal["signature", "account"]
    key: str = ""
    """Fingerprint of the key that signed."""
    uid: int | None = None
    """Of the account, on the drill host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaited:
    """What an answer has to fit."""

    drill: str
    plan_digest: str
    challenge: str
    requested_by: str
    policy: ApprovalPolicy


def misfit(answer: ApprovalAnswer, awaited: Awaited) -> str | None:
    """Return why an answer cannot be taken, whoever gave it; or None."""
    if answer.drill != awaited.drill:
        return fact(
            "answers-drill-not", "it answers drill {drill}, not {drill2}", drill=answer.drill, drill2=awaited.drill
        )
    if answer.plan_digest != awaited.plan_digest:
        return fact("answers-another-plan", "it answers another plan")
    if answer.challenge != awaited.challenge:
        return fact("answers-earlier-question-answer", "it answers an earlier question: answer again")
    if not answer.reason.strip():
        return fact("gives-no-reason", "it gives no reason")
    if max(len(answer.name), len(answer.reason)) > LONGEST_TEXT:
        return fact(
            "name-or-reason-longer",
            "a name or reason is longer than {LONGEST_TEXT} characters",
            LONGEST_TEXT=LONGEST_TEXT,
        )
    return None


def unfit(answer: ApprovalAnswer, by: Approver, awaited: Awaited) -> str | None:
    """Return why this person's answer cannot be taken; or None. Whoever asked for a drill may still refuse it."""
    if by.name not in awaited.policy.approvers:
        return fact(
            "not-among-approvers",
            "{name} is not among its approvers: {approvers}",
            name=by.name,
            approvers=", ".join(awaited.policy.approvers),
        )
    if not awaited.policy.four_eyes or answer.decision == "refuse":
        return None
    own = any(is_same_person(awaited.requested_by, name) for name in (by.name, answer.name) if name)
    return (
        fact(
            "asked-for-this-drill",
            "{requested_by} asked for this drill, and somebody else has to approve it",
            requested_by=awaited.requested_by,
        )
        if own
        else None
    )


def is_same_person(account: str, name: str) -> bool:
    """Return whether an account may be the person of a name or principal: by its letters, as `bears` reads them."""
    local = name.partition("@")[0]
    return same_name(account, name) or same_name(account, local) or bears(account, name) or bears(local, account)
