"""The referent's side of a sign-off: shows the checklist, takes the answers, signs them and hands them in."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from drp.cli import render
from drp.cli.wording import words
from drp.codec import canonical, to_data
from drp.domain.events import SignOffAsked
from drp.domain.fold import DrillState
from drp.domain.names import shown_name, signature_of
from drp.domain.phrase import NOTHING, say, several
from drp.domain.plan import PlannedRecovery
from drp.domain.sign_off import Checklist, Principal, SignOffAnswer, StepResult, unanswered
from drp.drill.declare import find, reopen
from drp.errors import AccessDenied, NotFound, UsageError
from drp.service.wiring import Wiring

_PATIENCE_SECONDS = 60.0
_PASSED, _FAILED = {"p", "r"}, {"f", "é", "e"}
"""First letters of an answer, also in French: réussi, échec."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a drill waits for."""

    state: DrillState
    recovery: PlannedRecovery
    asked: SignOffAsked
    checklist: Checklist


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the referent brings along."""

    name: str
    comment: str = ""
    results: Path | None = None
    """None: the steps are asked one by one."""
    key: Path | None = None


def question(wiring: Wiring, reference: str, application: str | None) -> Question:
    """Return what the drill waits for. Raises ``NotFound`` when it is nothing, ``UsageError`` when it is several."""
    journal = wiring.journal_to_read()
    state = reopen(find(reference, journal), journal).state
    waiting = [recovery for recovery in state.plan.recoveries if state.recoveries[recovery.name].awaits_sign_off]
    if state.sealed is not None or state.concluded is not None:
        waiting = []
    chosen = [recovery for recovery in waiting if application in {None, recovery.name}]
    if not chosen:
        what = say(" of {application}", application=application) if application is not None else NOTHING
        hint = say("a drill waits after its checks, when its plan says `sign_off`; see `drp drill list`")
        raise NotFound(say("drill {drill} waits for no sign-off{what}", drill=state.drill, what=what), hint=hint)
    if len(chosen) > 1:
        names = ", ".join(recovery.name for recovery in chosen)
        raise UsageError(
            say("drill {drill} waits for {names}", drill=state.drill, names=names), hint="name one with --app"
        )
    recovery = chosen[0]
    asked, checklist = state.recoveries[recovery.name].asked, recovery.asks(state.plan)
    assert asked is not None
    assert checklist is not None
    return Question(state=state, recovery=recovery, asked=asked, checklist=checklist)


def show_checklist(asked: Question, *, machine: bool) -> None:
    """Print what is to be done, how to look at the application, and how to answer. Nobody is taken for a referent."""
    drill, name, checklist = asked.state.drill, asked.recovery.name, asked.checklist
    if machine:
        body = {
            "drill": drill,
            "application": name,
            "title": asked.recovery.application.title,
            "until": to_data(asked.asked.until),
            "signature_required": bool(checklist.allowed_signers),
            **to_data(checklist),
        }
        render.document("drp/sign-off/1", body)
        return
    title = render.printable(asked.recovery.application.title)
    render.line(
        say(
            "{title}, restored by drill {drill}: sign-off of {referent}",
            title=title,
            drill=drill,
            referent=shown_name(checklist.referent),
        )
    )
    render.line(say("scenario: {title}", title=render.printable(asked.state.plan.scenario.title)))
    render.line(say("the drill waits until {until}", until=render.instant(asked.asked.until)))
    for number, step in enumerate(checklist.steps, start=1):
        _print_step(number, step)
    if checklist.principals:
        render.line(say("signed by one of: {people}", people=several(map(_person, checklist.principals))))
    elif checklist.allowed_signers:
        render.line("signed by anybody whom the file of allowed signers names")
    key = " --key ~/.ssh/id_ed25519" if checklist.allowed_signers else ""
    render.note(say("look at it: drp drill exec {drill} --app {name} -- COMMAND", drill=drill, name=name))
    render.note(
        say(
            "answer:     drp drill sign-off {drill} --app {name} --name 'YOUR NAME'{key}",
            drill=drill,
            name=name,
            key=key,
        )
    )


def answer(wiring: Wiring, asked: Question, reply: Reply) -> tuple[SignOffAnswer, str]:
    """Ask the steps or read their results, sign, hand in, and return what the drill has taken, and as whose.

    Raises ``UsageError`` for results that do not fit, ``AccessDenied`` when the drill refuses or the key does not
    sign, ``Unreachable`` when no drill takes the answer.
    """
    from drp.sign_off import Refused, Visitor

    if asked.checklist.allowed_signers and reply.key is None:
        raise UsageError("this checklist must be signed", hint="add --key with your SSH key")
    visitor = Visitor(wiring.sign_off_directory, asked.state.drill, asked.recovery.name)
    opened_at = wiring.clock.now().wall
    if reply.results is not None:
        from drp.cli.sign_off_results import read_results

        results, comment = read_results(reply.results, asked.checklist)
        visitor.open(asked.asked.challenge, reply.name)
    else:
        if not sys.stdin.isatty():
            raise UsageError("there is no terminal to ask the steps on", hint="give --results FILE.yml")
        visitor.open(asked.asked.challenge, reply.name)
        results, comment = _asked_one_by_one(asked), ""
    made = _answer(asked, reply, results, reply.comment or comment, (opened_at, wiring.clock.now().wall))
    try:
        principal = visitor.hand_in(made, _signature(made, reply.key), patience_seconds=_PATIENCE_SECONDS)
    except Refused as refused:
        hint = say("nothing was recorded; fix it and answer again before the deadline")
        raise AccessDenied(
            say("the drill did not take the answer: {reason}", reason=refused.reason), hint=hint
        ) from None
    return made, principal


def show_answer(made: SignOffAnswer, principal: str, *, machine: bool) -> int:
    """Print what was recorded and return the exit status: 0 every step passed, 1 one did not."""
    failed = made.failed
    if machine:
        render.document("drp/signed-off/1", {"signed_by": principal or None, **to_data(made), "passed": not failed})
    else:
        steps = several(result.id for result in failed)
        word = say("REFUSED: {steps}", steps=steps) if failed else say("signed off")
        render.line(
            say(
                "{application} of {drill}: {word}, {signature_of}",
                application=made.application,
                drill=made.drill,
                word=word,
                signature_of=signature_of(principal, made.name),
            )
        )
    return 1 if failed else 0


def _answer(
    asked: Question, reply: Reply, results: tuple[StepResult, ...], comment: str, times: tuple[datetime, datetime]
) -> SignOffAnswer:
    declared = asked.state.declared
    assert declared is not None
    if (reason := unanswered(results, asked.checklist)) is not None:
        raise UsageError(reason, hint="give every step of the checklist one result")
    return SignOffAnswer(
        drill=asked.state.drill,
        plan_digest=declared.plan_digest,
        application=asked.recovery.name,
        challenge=asked.asked.challenge,
        name=reply.name,
        steps=asked.checklist.steps,
        results=results,
        comment=comment,
        opened_at=times[0],
        answered_at=times[1],
    )


def _signature(made: SignOffAnswer, key: Path | None) -> str:
    from drp.sign_off import sign

    return sign(canonical(to_data(made)), key.expanduser()) if key is not None else ""


def _asked_one_by_one(asked: Question) -> tuple[StepResult, ...]:
    """Ask every step on the terminal; what is neither yes nor no is asked again."""
    results: list[StepResult] = []
    for number, step in enumerate(asked.checklist.steps, start=1):
        _print_step(number, step)
        said = ""
        while said[:1].lower() not in _PASSED | _FAILED:
            said = _line(say("   passed or failed [p/f]? "))
        outcome: Any = "passed" if said[:1].lower() in _PASSED else "failed"
        results.append(StepResult(id=step.id, outcome=outcome, comment=_line(say("   comment (may be empty): "))))
    return tuple(results)


def _line(prompt: str) -> str:
    sys.stderr.write(words(prompt))
    sys.stderr.flush()
    line = os.fsdecode(sys.stdin.buffer.readline(4096))
    if not line:
        raise UsageError("the answers end before the checklist does", hint="nothing was handed in; begin again")
    return line.strip()


def _person(who: Principal) -> str:
    return shown_name(who.principal) + (f" ({shown_name(who.name)})" if who.name else "")


def _print_step(number: int, step: Any) -> None:
    render.line(f"{number:>3}. {render.printable(step.do)}  [{step.id}]")
    if step.expect:
        render.line(say("     expect: {expect}", expect=render.printable(step.expect)))
