"""Waits for the business referents, while the sandboxes of their applications are up.

Answers come over a desk that anybody may have written to: each is judged here, journalled only when it is taken, and
answered with the reason when it is not.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from drp.domain.clock import waited_ms
from drp.domain.events import SignedOff, SignOffAsked, SignOffStarted
from drp.domain.findings.finding import Finding
from drp.domain.findings.sign_off import (
    SIGN_OFF_MISSING,
    SIGN_OFF_OTHER_NAME,
    SIGN_OFF_REFUSED,
    SIGN_OFF_UNSIGNED,
)
from drp.domain.fold import DrillState
from drp.domain.measure import milliseconds
from drp.domain.names import shown_name
from drp.domain.phrase import fact, say
from drp.domain.plan import PlannedRecovery
from drp.domain.ports import Ports, Progress
from drp.domain.sign_off import Checklist, Expected, SignOffAnswer, another_name, misfit
from drp.domain.sign_off_desk import Deposit, Signer
from drp.domain.timeline import recovered
from drp.drill.recorder import Recorder
from drp.errors import AccessDenied, Interrupted

_LOOK_SECONDS = 0.5
_SIGN_OF_LIFE_LOOKS = 60


def sign_off(recorder: Recorder, ports: Ports) -> None:
    """Ask every referent whose application recovered, and wait until each answered or the deadline is over.

    Does nothing when the plan does not ask. Raises ``Interrupted`` and ``StorageFull``.
    """
    policy, state = recorder.state.plan.sign_off, recorder.state
    if policy is None:
        return
    concerned = awaited(state)
    for recovery in concerned:
        _ask(recorder, ports, recovery, policy.deadline)
    try:
        _wait(recorder, ports, concerned, milliseconds(policy.deadline))
    finally:
        for recovery in concerned:
            ports.sign_offs.close(recorder.drill, recovery.name)
    for recovery in concerned:
        if state.recoveries[recovery.name].signed_off is None:
            finding = SIGN_OFF_MISSING.finding(
                subject=recovery.name,
                observed=_how_far(state, recovery),
                expected=fact(
                    "sign-off-within",
                    "the sign-off of {referent} within {deadline}",
                    referent=_checklist(recovery).referent,
                    deadline=policy.deadline,
                ),
            )
            recorder.found(recovery.name, finding)


def awaited(state: DrillState) -> tuple[PlannedRecovery, ...]:
    """Return the recoveries whose referents have yet to answer: what did not recover is not shown to them."""
    return tuple(
        recovery
        for recovery in state.plan.recoveries
        if recovery.asks(state.plan) is not None
        and recovered(progress := state.recoveries[recovery.name])
        and progress.signed_off is None
        and all(finding.code != SIGN_OFF_MISSING.code for finding in progress.current)
    )


def answer_findings(answer: SignOffAnswer, signer: Signer | None, checklist: Checklist) -> tuple[Finding, ...]:
    """Return what an answer that was taken says about the recovery."""
    does = {step.id: step for step in answer.steps}
    found = [
        SIGN_OFF_REFUSED.finding(
            subject=f"{result.id}: {does[result.id].do}",
            observed=result.comment or fact("failed", "failed"),
            expected=does[result.id].expect or fact("passed", "passed"),
        )
        for result in answer.failed
    ]
    shown = shown_name(answer.name)
    if signer is None:
        found.append(
            SIGN_OFF_UNSIGNED.finding(
                subject=shown,
                observed=fact("no-signature", "no signature"),
                expected=fact("ssh-signature", "an SSH signature"),
            )
        )
    elif (declared := another_name(answer.name, signer.principal, checklist)) is not None:
        found.append(
            SIGN_OFF_OTHER_NAME.finding(
                subject=shown_name(signer.principal),
                observed=fact("signed-under-name", "signed under the name {shown}", shown=shown),
                expected=shown_name(declared)
                or fact("name-declared-for-this", "a name that is declared for this signer"),
            )
        )
    return tuple(found)


def _ask(recorder: Recorder, ports: Ports, recovery: PlannedRecovery, deadline: timedelta) -> None:
    ports.sign_offs.open(recorder.drill, recovery.name)
    recorder.append(
        SignOffAsked(
            recovery=recovery.name,
            referent=_checklist(recovery).referent,
            challenge=secrets.token_hex(16),
            until=ports.clock.now().wall + deadline,
        )
    )


def _wait(recorder: Recorder, ports: Ports, concerned: tuple[PlannedRecovery, ...], deadline_ms: int) -> None:
    begun, looks = ports.clock.now(), 0
    while waiting := [one for one in concerned if recorder.state.recoveries[one.name].signed_off is None]:
        if ports.cancelled():
            message = "stopped while waiting for a sign-off"
            raise Interrupted(message)
        for recovery in waiting:
            _look(recorder, ports, recovery)
            if looks % _SIGN_OF_LIFE_LOOKS == 0:
                _sign_of_life(recorder, recovery)
        if waited_ms(begun, ports.clock.now()) > deadline_ms:
            return
        looks += 1
        ports.clock.sleep(_LOOK_SECONDS)


def _sign_of_life(recorder: Recorder, recovery: PlannedRecovery) -> None:
    progress = recorder.state.recoveries[recovery.name]
    if progress.signed_off is None and progress.asked is not None:
        who = shown_name(progress.opened.name if progress.opened is not None else progress.asked.referent)
        message = say("for {who}, until {until}", who=who, until=f"{progress.asked.until:%H:%MZ}")
        recorder.progress_of(recovery.name, "sign-off")(Progress(message=message))


def _look(recorder: Recorder, ports: Ports, recovery: PlannedRecovery) -> None:
    """See who came to the desk, and take the first answer that fits; the others are told why not."""
    drill, name, progress = recorder.drill, recovery.name, recorder.state.recoveries[recovery.name]
    opened = ports.sign_offs.opened(drill, name)
    if opened is not None and progress.opened is None and opened.challenge == _expected(recorder, recovery).challenge:
        recorder.append(SignOffStarted(recovery=name, name=opened.name[:200]))
    for deposit in ports.sign_offs.deposits(drill, name):
        signer, refusal = _judge(ports, deposit, _expected(recorder, recovery))
        if progress.signed_off is not None:
            refusal = say("the checklist was answered already")
        if not refusal and deposit.answer is not None:
            _take(recorder, recovery, deposit, signer)
        ports.sign_offs.reply(drill, name, deposit, refusal=refusal, signer=signer)


def _take(recorder: Recorder, recovery: PlannedRecovery, deposit: Deposit, signer: Signer | None) -> None:
    name, answer, checklist = recovery.name, deposit.answer, _checklist(recovery)
    assert answer is not None
    if recorder.state.recoveries[name].opened is None:
        recorder.append(SignOffStarted(recovery=name, name=answer.name))
    kept = deposit.signature if signer is not None else ""
    signed = SignedOff(recovery=name, answer=answer, signature=kept, signer=signer)
    recorder.found(name, *answer_findings(answer, signer, checklist), after=signed)


def _judge(ports: Ports, deposit: Deposit, expected: Expected) -> tuple[Signer | None, str]:
    """Return who signed an answer, and why it cannot be taken; empty: it can."""
    answer, allowed = deposit.answer, expected.checklist.allowed_signers
    if answer is None:
        return None, fact("answer-cannot-read", "the answer cannot be read: {trouble}", trouble=deposit.trouble)
    if (reason := misfit(answer, expected)) is not None:
        return None, reason
    if not allowed:
        return None, ""
    try:
        return ports.sign_offs.signer(answer, deposit.signature, expected.checklist), ""
    except AccessDenied as error:
        return None, error.message


def _expected(recorder: Recorder, recovery: PlannedRecovery) -> Expected:
    declared, asked = recorder.state.declared, recorder.state.recoveries[recovery.name].asked
    assert declared is not None
    assert asked is not None
    return Expected(
        drill=recorder.drill,
        plan_digest=declared.plan_digest,
        application=recovery.name,
        challenge=asked.challenge,
        checklist=_checklist(recovery),
    )


def _checklist(recovery: PlannedRecovery) -> Checklist:
    checklist = recovery.application.sign_off
    assert checklist is not None
    return checklist


def _how_far(state: DrillState, recovery: PlannedRecovery) -> str:
    opened = state.recoveries[recovery.name].opened
    if opened is None:
        return fact("nobody-opened", "nobody opened it")
    return fact(
        "somebody-who-gave-name",
        "somebody who gave the name {name} opened the checklist and did not answer",
        name=shown_name(opened.name),
    )
