"""Runs checks: one verifier, one time limit, and a result for everything that can go wrong on the way."""

from __future__ import annotations

import dataclasses
import math
import queue
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import get_args

from drp.domain.application import CheckSpec
from drp.domain.check import Checked, CheckOutcome, CheckResult, Execution, Expectation, Target, Watermark
from drp.domain.duration import words
from drp.domain.judged import Basis, NotJudged, Part, never_judged
from drp.domain.ports import Cancelled, Verifier
from drp.domain.visible import one_line
from drp.errors import DrpError, Interrupted, PluginError
from drp.redact import redact
from drp.verifiers.loading import describe, load
from drp.verifiers.options import make_options

MOST_RESULTS = 2000
_LONGEST_TEXT = 2000
_GRACE_SECONDS = 5.0
_POLL_SECONDS = 0.1

Answer = CheckResult | NotJudged
"""What a verifier yields."""


class Checks:
    """The CheckRunner port on the installed verifiers."""

    def __init__(self, specs: Iterable[CheckSpec], others: Iterable[str] = ()) -> None:
        """Load what the checks name and check their options now. Raises PluginError: such a plan is refused.

        ``others`` are verifiers that a drill which is taken up may name: those that cannot be used are passed over.
        """
        specs = tuple(specs)
        self._verifiers = load(spec.verifier for spec in specs)
        for name in sorted(set(others) - set(self._verifiers)):
            with suppress(DrpError):
                self._verifiers |= load([name])
        for spec in specs:
            make_options(self._verifiers[spec.verifier], spec.options, check=spec.name)

    def tools(self) -> dict[str, str]:
        """Return which code judges, for the record: distribution, version and digest by verifier."""
        return {f"verifier {name}": describe(name).shown for name in self._verifiers}

    def run(self, spec: CheckSpec, target: Target, expectation: Expectation, cancelled: Cancelled) -> Checked:
        """Return at least one result, each named ``<check>/<statement>``, and what the check did not judge."""
        started = time.monotonic()
        try:
            verifier = self._verifiers.get(spec.verifier) or load([spec.verifier])[spec.verifier]
            options = make_options(verifier, spec.options, check=spec.name)
        except PluginError as error:
            answers: list[Answer] = [_undetermined("verifier", "the verifier can be used", error.message)]
        else:
            answers = [*limits(verifier), *_run(verifier, options, target, expectation, cancelled)]
        results = [answer for answer in answers if isinstance(answer, CheckResult)]
        if not results:
            results = [_undetermined("verifier", "the verifier states something", "it stated nothing")]
        shown = tuple(_presentable(spec.name, result) for result in results[:MOST_RESULTS])
        if len(shown) == 1 and not shown[0].duration_ms:
            shown = (dataclasses.replace(shown[0], duration_ms=_milliseconds(started)),)
        left_out = [answer for answer in answers if isinstance(answer, NotJudged)]
        return Checked(
            results=shown,
            not_judged=tuple(
                NotJudged(part=_text(one.part), why=_text(one.why), check=_text(spec.name)) for one in left_out
            ),
        )


def limits(verifier: Verifier) -> tuple[NotJudged, ...]:
    """Return what a verifier judges in no drill; one that does not say so leaves out nobody knows what."""
    parts = getattr(verifier, "parts", None)
    if isinstance(parts, tuple) and parts and all(isinstance(part, Part) for part in parts):
        return never_judged(parts)
    return (NotJudged(part="whatever this verifier leaves out", why=f"verifier {verifier.name} does not say what"),)


@dataclass(frozen=True, slots=True)
class _Ended:
    """The verifier is through; ``error`` says what it raised."""

    error: BaseException | None = None


@dataclass(slots=True)
class BoundedTarget:
    """A target that gives no command more time than the check has left, and none once the check is over."""

    target: Target
    deadline: float
    over: threading.Event = field(default_factory=threading.Event)

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_seconds: float = 60.0,
        environment: Mapping[str, str] | None = None,
    ) -> Execution:
        """Run a command inside the sandbox within what is left."""
        left = self.deadline - time.monotonic()
        if self.over.is_set() or left <= 0:
            raise TimeoutError("the check has used up its time")
        return self.target.run(argv, stdin=stdin, timeout_seconds=min(timeout_seconds, left), environment=environment)


def _run(
    verifier: Verifier, options: object, target: Target, expectation: Expectation, cancelled: Cancelled
) -> list[Answer]:
    """Run the verifier in a thread of its own: a plugin that hangs must not hang the drill."""
    deadline = time.monotonic() + expectation.timeout_seconds
    bounded = BoundedTarget(target, deadline)
    answers: queue.SimpleQueue[object] = queue.SimpleQueue()
    work = threading.Thread(
        target=_work,
        args=(verifier, bounded, options, expectation, answers),
        name=f"check-{verifier.name}",
        daemon=True,
    )
    work.start()
    results: list[Answer] = []
    try:
        while True:
            if cancelled():
                raise Interrupted("stopped during a check")
            try:
                answer = answers.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                if time.monotonic() > deadline + _GRACE_SECONDS:
                    results.append(_out_of_time(expectation))
                    return results
                continue
            if isinstance(answer, _Ended):
                results += _ending(answer, expectation)
                return results
            results.append(_checked(answer))
    finally:
        bounded.over.set()


def _work(
    verifier: Verifier,
    target: BoundedTarget,
    options: object,
    expectation: Expectation,
    answers: queue.SimpleQueue[object],
) -> None:
    error: BaseException | None = None
    started = time.monotonic()
    try:
        for number, answer in enumerate(verifier.verify(target, options, expectation)):
            if target.over.is_set():
                break
            if number >= MOST_RESULTS - 1:  # one more: nobody may hide a failure behind many statements
                answers.put(_undetermined("verifier", f"the verifier states less than {MOST_RESULTS} results", "more"))
                break
            if isinstance(answer, CheckResult) and not answer.duration_ms:
                answers.put(dataclasses.replace(answer, duration_ms=_milliseconds(started)))
            else:
                answers.put(answer)
            started = time.monotonic()
    except BaseException as raised:  # noqa: BLE001 - whatever a plugin raises is a result
        error = raised
    answers.put(_Ended(error))


def _ending(ended: _Ended, expectation: Expectation) -> list[CheckResult]:
    if ended.error is None:
        return []
    if isinstance(ended.error, TimeoutError):
        return [_out_of_time(expectation)]
    reason = ended.error.message if isinstance(ended.error, DrpError) else str(ended.error)
    observed = f"it raised {type(ended.error).__name__}: {reason}"
    return [_undetermined("verifier", "the verifier comes to its end", observed)]


def _checked(answer: object) -> Answer:
    """Return the answer if it is what the contract promises, else that it is not."""
    statement = "the verifier states results"
    if isinstance(answer, NotJudged) and isinstance(answer.part, str) and isinstance(answer.why, str):
        return answer
    if not isinstance(answer, CheckResult):
        return _undetermined("verifier", statement, f"it yielded {type(answer).__name__}")
    texts = (answer.check, answer.statement, answer.observed, answer.expected, answer.because)
    if (
        answer.basis not in get_args(Basis)
        or answer.outcome not in get_args(CheckOutcome)
        or not all(isinstance(text, str) for text in texts)
    ):
        return _undetermined("verifier", statement, f"it yielded a malformed result: {answer!r}")
    if answer.watermark is not None and not _is_watermark(answer.watermark):
        observed = f"it gave a watermark without time zone, or a malformed one: {answer.watermark!r}"
        return dataclasses.replace(answer, outcome="undetermined", observed=observed, watermark=None, undated=True)
    return answer


def _is_watermark(found: object) -> bool:
    """Return whether a plugin's watermark can be judged: an instant with its zone, and a skew that is one."""
    return (
        isinstance(found, Watermark)
        and found.at.tzinfo is not None
        and 0 <= found.clock_skew_seconds < math.inf
        and isinstance(found.canary, bool)
        and isinstance(found.store, str)
    )


def _out_of_time(expectation: Expectation) -> CheckResult:
    observed = f"it did not end within {words(timedelta(seconds=expectation.timeout_seconds))}"
    return _undetermined("time-limit", "the check ends within its time limit", observed)


def _undetermined(check: str, statement: str, observed: str) -> CheckResult:
    # whether it would have dated the newest datum nobody knows
    return CheckResult(check=check, outcome="undetermined", statement=statement, observed=observed, undated=True)


def _presentable(name: str, result: CheckResult) -> CheckResult:
    watermark = result.watermark
    if watermark is not None:
        watermark = dataclasses.replace(watermark, source=_text(watermark.source), store=_text(watermark.store))
    return dataclasses.replace(
        result,
        check=f"{name}/{_text(result.check)}",
        statement=_text(result.statement),
        observed=_text(result.observed),
        expected=_text(result.expected),
        because=f"{name}/{_text(result.because)}" if result.because else "",
        watermark=watermark,
    )


def _text(text: str) -> str:
    """Return a text that cannot act on a terminal, tells no secret and has an end: content of backups is in it."""
    return one_line(redact(text[: _LONGEST_TEXT * 2]), _LONGEST_TEXT)


def _milliseconds(started: float) -> int:
    return int((time.monotonic() - started) * 1000)
