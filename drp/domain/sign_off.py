"""Functional sign-off: the checklist of a business referent, the answer to it, and what makes an answer acceptable.

An answer is bound to one waiting of one application in one drill by a challenge, so that it fits nowhere else. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from drp.domain.names import bears, same_name
from drp.domain.phrase import fact

StepOutcome = Literal["passed", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOffStep:
    """One thing that the referent does with the restored application."""

    id: str
    do: str
    expect: str = ""
    """What must be seen; empty: that it can be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """One of the allowed signers."""

    principal: str
    """As the file of allowed signers names it."""
    name: str = ""
    """The name of the person; empty: none is declared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checklist:
    """What has to be shown before people work with the application again, and who says so."""

    referent: str
    """Role that signs: the business, not the infrastructure."""
    steps: tuple[SignOffStep, ...]
    allowed_signers: str = ""
    """Keys whose signatures count, as ssh-keygen(1) lists them; empty: an unsigned answer is taken, and recorded so."""
    principals: tuple[Principal, ...] = ()
    """Who of them may sign for this application; empty: all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOffPolicy:
    """That a plan asks for sign-offs, and for how long it waits."""

    deadline: timedelta = timedelta(hours=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """What the referent saw at one step."""

    id: str
    outcome: StepOutcome
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOffAnswer:
    """What a referent answers; its canonical JSON is what is signed."""

    drill: str
    plan_digest: str
    application: str
    challenge: str
    """Drawn by the drill when it began to wait."""
    name: str
    steps: tuple[SignOffStep, ...]
    """The checklist as the referent saw it."""
    results: tuple[StepResult, ...]
    comment: str = ""
    opened_at: datetime
    answered_at: datetime

    @property
    def failed(self) -> tuple[StepResult, ...]:
        """Return the steps that did not show what they must."""
        return tuple(result for result in self.results if result.outcome != "passed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What an answer has to fit."""

    drill: str
    plan_digest: str
    application: str
    challenge: str
    checklist: Checklist


def another_name(name: str, principal: str, checklist: Checklist) -> str | None:
    """Return the name that an answer of a principal should have stood under, when it stands under another; or None.

    Empty: none is declared for the principal, and the principal does not say the name itself.
    """
    declared = next((each.name for each in checklist.principals if each.principal == principal), "")
    fits = same_name(name, declared) if declared else bears(principal, name)
    return None if fits else declared


LONGEST_TEXT = 2000
"""Of a name or a comment."""


def misfit(answer: SignOffAnswer, expected: Expected) -> str | None:
    """Return why an answer cannot be taken, or None. Signatures are looked at elsewhere."""
    if answer.drill != expected.drill:
        return fact(
            "answers-drill-not", "it answers drill {drill}, not {drill2}", drill=answer.drill, drill2=expected.drill
        )
    if answer.application != expected.application:
        return fact(
            "answers-for-not",
            "it answers for {application}, not {application2}",
            application=answer.application,
            application2=expected.application,
        )
    if answer.plan_digest != expected.plan_digest:
        return fact("answers-another-plan", "it answers another plan")
    if answer.challenge != expected.challenge:
        return fact("answers-earlier-question-open", "it answers an earlier question: open the checklist again")
    if answer.steps != expected.checklist.steps:
        return fact("answers-another-checklist", "it answers another checklist")
    if not answer.name.strip():
        return fact("nobody-s-name-stands", "nobody's name stands under it")
    texts = (answer.name, answer.comment, *(result.comment for result in answer.results))
    if any(len(text) > LONGEST_TEXT for text in texts):
        return fact(
            "name-or-comment-longer",
            "a name or comment is longer than {LONGEST_TEXT} characters",
            LONGEST_TEXT=LONGEST_TEXT,
        )
    if answer.answered_at < answer.opened_at:
        return fact("answered-before-opened", "it was answered before it was opened")
    return unanswered(answer.results, expected.checklist)


def unanswered(results: Sequence[StepResult], checklist: Checklist) -> str | None:
    """Return which step has no result, two, or is none of the checklist; or None."""
    known = [step.id for step in checklist.steps]
    given = [result.id for result in results]
    if unknown := [name for name in given if name not in known]:
        return fact(
            "checklist-has-no-step",
            "the checklist has no step {unknown}; its steps: {known}",
            unknown=", ".join(unknown),
            known=", ".join(known),
        )
    if missing := [name for name in known if name not in given]:
        return fact("no-result-for", "no result for {missing}", missing=", ".join(missing))
    if len(given) != len(set(given)):
        return fact("step-has-two-results", "a step has two results")
    return None
