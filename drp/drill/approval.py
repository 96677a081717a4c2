"""Waits for somebody to approve the drill, before anything is touched.

Answers come over a desk that anybody may have written to: each is judged here, journalled only when it is taken, and
answered with the reason when it is not.
"""

from __future__ import annotations

import secrets
from dataclasses import replace

from drp.domain.approval import ApprovalOutcome, ApprovalPolicy, Approver, Awaited, misfit, unfit
from drp.domain.approval_desk import ApprovalDeposit
from drp.domain.clock import waited_ms
from drp.domain.events import ApprovalAsked, ApprovalEnded, FindingRaised
from drp.domain.findings.approval import APPROVAL_MISSING, APPROVAL_REFUSED
from drp.domain.findings.finding import Finding
from drp.domain.measure import milliseconds
from drp.domain.names import shown_name
from drp.domain.phrase import Duration, fact, lasting, quoted, say
from drp.domain.ports import Ports, Progress
from drp.drill.recorder import Recorder
from drp.errors import AccessDenied, Interrupted

_LOOK_SECONDS = 0.5
_SIGN_OF_LIFE_LOOKS = 60


def approved(recorder: Recorder, ports: Ports) -> bool:
    """Return whether the drill may go on: nobody has to approve it, or somebody has, since it was resumed last.

    Asks and waits where that is not known yet. Raises ``Interrupted`` and ``StorageFull``.
    """
    policy, approval = recorder.state.plan.approval, recorder.state.approval
    if policy is None:
        return True
    if approval.outcome is None:
        ports.approvals.open(recorder.drill)
        until = ports.clock.now().wall + policy.within
        recorder.append(ApprovalAsked(approvers=policy.approvers, challenge=secrets.token_hex(16), until=until))
        try:
            _wait(recorder, ports, policy)
        finally:
            ports.approvals.close(recorder.drill)
    return not approval.withheld


def _wait(recorder: Recorder, ports: Ports, policy: ApprovalPolicy) -> None:
    """Wait until somebody answers or the time is over: by the clock on the wall, or by as much time as that is.

    Whichever comes first, since a clock that is set, forwards or back, must never make more of an approval's time.
    """
    approval, begun, looks = recorder.state.approval, ports.clock.now(), 0
    assert approval.asked is not None
    while approval.outcome is None:
        if ports.cancelled():
            message = "stopped while waiting to be approved"
            raise Interrupted(message)
        _look(recorder, ports)
        if looks % _SIGN_OF_LIFE_LOOKS == 0:
            _sign_of_life(recorder)
        looks += 1
        now = ports.clock.now()
        waited = waited_ms(begun, now)
        if approval.outcome is None and (waited > milliseconds(policy.within) or now.wall > approval.asked.until):
            observed = fact(
                "no-answer-could-taken",
                "no answer that could be taken in {waited}, until {until}",
                waited=Duration(waited),
                until=f"{approval.asked.until:%Y-%m-%dT%H:%MZ}",
            )
            expected = fact(
                "word-within",
                "the word of {policy} within {within}",
                policy=_named(policy),
                within=lasting(policy.within),
            )
            _end(
                recorder,
                ApprovalEnded(outcome="missing"),
                APPROVAL_MISSING.finding(subject="", observed=observed, expected=expected),
            )
        elif approval.outcome is None:
            ports.clock.sleep(_LOOK_SECONDS)


def _look(recorder: Recorder, ports: Ports) -> None:
    """See what came to the desk, and take the first answer that fits; the others are told why not."""
    awaited = _awaited(recorder)
    for deposit in ports.approvals.deposits(recorder.drill):
        by, refusal = _judge(ports, deposit, awaited)
        if recorder.state.approval.outcome is not None:
            refusal = say("somebody answered already")
        if not refusal and deposit.answer is not None and by is not None:
            _take(recorder, deposit, by)
        ports.approvals.reply(recorder.drill, deposit, refusal=refusal, by=by)


def _judge(ports: Ports, deposit: ApprovalDeposit, awaited: Awaited) -> tuple[Approver | None, str]:
    """Return whose word an answer is, and why it cannot be taken; empty: it can."""
    answer = deposit.answer
    if answer is None:
        return None, fact("answer-cannot-read", "the answer cannot be read: {trouble}", trouble=deposit.trouble)
    if (reason := misfit(answer, awaited)) is not None:
        return None, reason
    try:
        by = ports.approvals.whose(deposit, awaited.policy)
    except AccessDenied as error:
        return None, error.message
    return by, unfit(answer, by, awaited) or ""


def _take(recorder: Recorder, deposit: ApprovalDeposit, by: Approver) -> None:
    answer = deposit.answer
    assert answer is not None
    signature = deposit.signature if by.proven_by == "signature" else ""
    outcome: ApprovalOutcome = "approved" if answer.decision == "approve" else "refused"
    ended = ApprovalEnded(outcome=outcome, by=by, answer=answer, signature=signature)
    if outcome == "approved":
        recorder.append(ended)
        return
    observed = fact("word-of", "{name}: {reason}", name=shown_name(by.name), reason=answer.reason)
    expected = fact("word-approver-may-held", "the word of an approver that it may be held")
    _end(recorder, ended, APPROVAL_REFUSED.finding(subject="", observed=observed, expected=expected))


def _end(recorder: Recorder, ended: ApprovalEnded, finding: Finding) -> None:
    """Journal that the drill is not held, with what that means for each of its applications."""
    names = [recovery.name for recovery in recorder.state.plan.recoveries]
    found = [FindingRaised(recovery=name, finding=replace(finding, subject=quoted(name))) for name in names]
    recorder.append(ended, *found)


def _sign_of_life(recorder: Recorder) -> None:
    asked, policy = recorder.state.approval.asked, recorder.state.plan.approval
    if asked is not None and policy is not None and recorder.state.approval.awaited:
        message = say("by {policy}, until {until}", policy=_named(policy), until=f"{asked.until:%Y-%m-%dT%H:%MZ}")
        recorder.progress_of("", "approval")(Progress(message=message))


def _awaited(recorder: Recorder) -> Awaited:
    declared, asked = recorder.state.declared, recorder.state.approval.asked
    assert declared is not None
    assert declared.plan.approval is not None
    assert asked is not None
    return Awaited(
        drill=recorder.drill,
        plan_digest=declared.plan_digest,
        challenge=asked.challenge,
        requested_by=declared.requested_by,
        policy=declared.plan.approval,
    )


def _named(policy: ApprovalPolicy) -> str:
    return " or ".join(shown_name(name) for name in policy.approvers)
