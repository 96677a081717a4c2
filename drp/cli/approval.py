"""The approver's side: what a drill waits for, and the answer that is signed and handed in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from drp.cli import render
from drp.codec import canonical, to_data
from drp.domain.approval import ApprovalAnswer, ApprovalPolicy, Decision
from drp.domain.events import ApprovalAsked, DrillDeclared
from drp.domain.names import shown_name
from drp.domain.phrase import say
from drp.drill.declare import find, reopen
from drp.errors import AccessDenied, NotFound, UsageError
from drp.service.wiring import Wiring

_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a drill waits for."""

    drill: str
    declared: DrillDeclared
    asked: ApprovalAsked
    policy: ApprovalPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the approver brings along."""

    decision: Decision
    name: str
    reason: str
    key: Path | None = None


def question(wiring: Wiring, reference: str) -> Question:
    """Return what the drill waits for. Raises ``NotFound`` when it is nothing."""
    journal = wiring.journal_to_read()
    state = reopen(find(reference, journal), journal).state
    asked, declared = state.approval.asked, state.declared
    if asked is None or not state.approval.awaited or declared is None or state.concluded is not None:
        hint = say("a drill waits once it is declared, when its plan or policy says `approval`; see `drp drill list`")
        raise NotFound(say("drill {drill} does not wait to be approved", drill=state.drill), hint=hint)
    assert declared.plan.approval is not None, "what nobody has to approve does not ask"
    return Question(drill=state.drill, declared=declared, asked=asked, policy=declared.plan.approval)


def answer(wiring: Wiring, asked: Question, reply: Reply) -> tuple[ApprovalAnswer, str]:
    """Sign, hand in, and return what the drill has taken, and as whose.

    Raises ``UsageError`` for an answer without a reason or a key, ``AccessDenied`` when the drill refuses it or the key
    does not sign, ``Unreachable`` when no drill takes the answer.
    """
    from drp.sign_off import HandedInApproval, Refused, hand_over, sign
    from drp.sign_off.approvals import NAMESPACE

    if not reply.reason.strip():
        raise UsageError("for what reason?", hint="say it with --reason: it is kept in evidence")
    if asked.policy.allowed_signers and reply.key is None:
        raise UsageError("this answer must be signed", hint="add --key with your SSH key")
    made = ApprovalAnswer(
        drill=asked.drill,
        plan_digest=asked.declared.plan_digest,
        challenge=asked.asked.challenge,
        decision=reply.decision,
        name=reply.name,
        reason=reply.reason,
        answered_at=wiring.clock.now().wall,
    )
    key, message = reply.key, canonical(to_data(made))
    signature = sign(message, key.expanduser(), namespace=NAMESPACE) if key is not None else ""
    paper = HandedInApproval(answer=made, signature=signature)
    try:
        return made, hand_over(wiring.approval_directory / asked.drill, paper, _PATIENCE_SECONDS)
    except Refused as refused:
        hint = say("nothing was recorded; the drill still waits")
        raise AccessDenied(
            say("the drill did not take the answer: {reason}", reason=refused.reason), hint=hint
        ) from None


def show_answer(made: ApprovalAnswer, by: str, *, machine: bool) -> None:
    """Print what was recorded, and as whose word."""
    if machine:
        render.document("drp/approval/1", {"by": by, **to_data(made)})
        return
    word = "approved" if made.decision == "approve" else "refused"
    render.line(
        say(
            "{drill}: {word} by {by}: {reason}",
            drill=made.drill,
            word=word,
            by=shown_name(by),
            reason=render.printable(made.reason),
        )
    )
