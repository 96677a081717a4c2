"""How verifiers word results: one function an outcome, and what the end of a command means."""

from __future__ import annotations

from dataclasses import dataclass, replace

from drp.domain.check import CheckOutcome, CheckResult, Execution, Watermark
from drp.domain.first_fatal import first_fatal
from drp.domain.judged import Basis
from drp.domain.phrase import NOTHING, Phrase, fact, say

_LAST_WORDS = 400
_LOOKED_AT = 32 << 10
"""Bytes at either end of what a command said."""
_SHELL_SIGNAL_BASE = 128
_HIGHEST_SIGNAL = 64
_OF_LIMITS = {9: say("memory"), 15: say("time"), 24: say("processor time"), 25: say("file size")}
"""Signals by which a limit of the machine ends a program, whatever it reads."""


def passed(
    check: str,
    statement: Phrase,
    *,
    observed: Phrase = NOTHING,
    expected: Phrase = NOTHING,
    basis: Basis = "observed",
    watermark: Watermark | None = None,
) -> CheckResult:
    """Return the result of something that was looked at and found as expected."""
    return CheckResult(
        check=check,
        outcome="passed",
        statement=statement,
        observed=observed,
        expected=expected,
        basis=basis,
        watermark=watermark,
    )


def failed(
    check: str, statement: Phrase, *, observed: Phrase = NOTHING, expected: Phrase = NOTHING, basis: Basis = "observed"
) -> CheckResult:
    """Return the result of something that was looked at and found otherwise."""
    return CheckResult(
        check=check,
        outcome="failed",
        statement=statement,
        observed=observed,
        expected=expected,
        basis=basis,
    )


def undetermined(
    check: str, statement: Phrase, *, observed: Phrase = NOTHING, expected: Phrase = NOTHING, basis: Basis = "observed"
) -> CheckResult:
    """Return the result of something that could not be looked at."""
    return CheckResult(
        check=check,
        outcome="undetermined",
        statement=statement,
        observed=observed,
        expected=expected,
        basis=basis,
    )


def seen_outside(result: CheckResult) -> CheckResult:
    """Return what was seen from outside: a port, a status line, a protocol's own answer; not what they say."""
    return replace(result, witness="outside")


def not_asked(
    check: str, statement: Phrase, *, because: str, observed: Phrase = NOTHING, expected: Phrase = NOTHING
) -> CheckResult:
    """Return the result of something that was not even asked, because the check ``because`` did not pass."""
    result = undetermined(
        check,
        statement,
        observed=observed or fact("not-asked-because-did", "not asked because {because} did not pass", because=because),
        expected=expected,
    )
    return replace(result, because=because)


def judged(
    check: str,
    statement: Phrase,
    *,
    holds: bool,
    observed: Phrase = NOTHING,
    expected: Phrase = NOTHING,
    basis: Basis = "observed",
) -> CheckResult:
    """Return passed or failed."""
    return (passed if holds else failed)(check, statement, observed=observed, expected=expected, basis=basis)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why a command gave no answer, and what that makes of the statement it was run for."""

    outcome: CheckOutcome
    reason: Phrase

    def result(self, check: str, statement: Phrase, *, expected: Phrase = NOTHING) -> CheckResult:
        """Return the trouble as the result of a statement."""
        return CheckResult(
            check=check,
            outcome=self.outcome,
            statement=statement,
            observed=self.reason,
            expected=expected,
        )


class NoAnswer(Exception):
    """A query gave no answer; ``trouble`` says why and what that makes of the statement."""

    def __init__(self, trouble: Trouble) -> None:
        """Keep the trouble."""
        super().__init__(trouble.reason)
        self.trouble = trouble


def signal_of(execution: Execution) -> int | None:
    """Return the signal that killed the command, also when a shell inside reported it as 128 + number."""
    if execution.exit_code < 0:
        return -execution.exit_code
    if _SHELL_SIGNAL_BASE < execution.exit_code <= _SHELL_SIGNAL_BASE + _HIGHEST_SIGNAL:
        return execution.exit_code - _SHELL_SIGNAL_BASE
    return None


def death(program: object, execution: Execution) -> Trouble | None:
    """Return the trouble of a command that did not end by itself.

    A death by signal fails the statement: healthy content does not kill the program that reads it. A command that
    ran out of time, or that a limit of the machine ended, says nothing.
    """
    if execution.timed_out:
        return Trouble(
            outcome="undetermined",
            reason=fact("gave-no-answer-within", "{program} gave no answer within its time limit", program=program),
        )
    if execution.truncated:
        return Trouble(
            outcome="undetermined",
            reason=fact(
                "answered-more-than-taken", "{program} answered more than is taken from one command", program=program
            ),
        )
    if (number := signal_of(execution)) in _OF_LIMITS:
        reason = fact(
            "ended-by-signal-as",
            "{program} was ended by signal {signal}, as by the limit for {limit}",
            program=program,
            signal=str(number),
            limit=_OF_LIMITS[number],
        )
        return Trouble(outcome="undetermined", reason=reason)
    if number is not None:
        return Trouble(
            outcome="failed",
            reason=fact("died-by-signal", "{program} died by signal {signal}", program=program, signal=str(number)),
        )
    return None


def why_it_ended(execution: Execution) -> str:
    """Return why a command ended by its first fatal line on standard error, or else on standard output, cut short."""
    for stream in (execution.stderr, execution.stdout):
        said = stream if len(stream) <= 2 * _LOOKED_AT else stream[:_LOOKED_AT] + b"\n" + stream[-_LOOKED_AT:]
        if why := first_fatal(said.decode("utf-8", "replace").splitlines()):
            return why[:_LAST_WORDS]
    return ""
