"""Runs checks: one verifier, one time limit, and a result for everything that can go wrong on the way."""

from __future__ import annotations

import dataclasses
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from drp.domain.application import CheckSpec
from drp.domain.check import Checked, CheckResult, Execution, Expectation, Target
from drp.domain.check_runner import Answer, Verifier
from drp.domain.judged import NotJudged, Part, never_judged
from drp.domain.phrase import Duration, fact, own_words, say
from drp.domain.progress import Cancelled
from drp.domain.restored_code import MOST, RestoredCode
from drp.domain.witness import Place
from drp.errors import DrpError, Interrupted, PluginError
from drp.verifiers.answers import checked, code_of, presentable, text_of, undetermined, words_of
from drp.verifiers.loading import describe, load
from drp.verifiers.options import make_options

MOST_RESULTS = 2000
_MOST_CODE = 20 * MOST
_GRACE_SECONDS = 5.0
_POLL_SECONDS = 0.1


class Checks:
    """The CheckRunner port on the installed verifiers."""

    def __init__(self, specs: Iterable[CheckSpec], others: Iterable[str] = ()) -> None:
        """Load what the checks name and check their options now. Raises PluginError: such a plan is refused.

        ``others`` are verifiers that a drill which is resumed may name: those that cannot be used are passed over.
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

    def places(self, spec: CheckSpec) -> tuple[Place, ...]:
        """Return where the check runs, in order; one that cannot be used runs in a caller cell, and says why not."""
        try:
            verifier = self._verifier(spec)
            return places(verifier, make_options(verifier, spec.options, check=spec.name))
        except PluginError:
            return ("caller",)

    def run(
        self, spec: CheckSpec, place: Place, target: Target, expectation: Expectation, cancelled: Cancelled
    ) -> Checked:
        """Return at least one result, each named ``<check>/<statement>`` and with its witness, and what else there is.

        Only one that is still to ask the application may have read no more than what it does not judge.
        What the verifier leaves out is told once: by the last place where it runs.
        """
        started, last = time.monotonic(), True
        try:
            verifier = self._verifier(spec)
            options = make_options(verifier, spec.options, check=spec.name)
        except PluginError as error:
            statement = fact("verifier-can-used", "the verifier can be used")
            answers: list[Answer] = [undetermined("verifier", statement, own_words(error.message))]
        else:
            last = place == places(verifier, options)[-1]
            left_out_always = limits(verifier) if last else ()
            answers = [*left_out_always, *_run(_Bound(verifier, place), options, target, expectation, cancelled)]
        results = [answer for answer in answers if isinstance(answer, CheckResult)]
        left_out = [answer for answer in answers if isinstance(answer, NotJudged)]
        if not results and (last or not left_out):
            statement = fact("verifier-states-something", "the verifier states something")
            results = [undetermined("verifier", statement, fact("it-stated-nothing", "it stated nothing"))]
        shown = tuple(presentable(spec.name, place, result) for result in results[:MOST_RESULTS])
        if len(shown) == 1 and not shown[0].duration_ms:
            shown = (dataclasses.replace(shown[0], duration_ms=_milliseconds(started)),)
        return Checked(
            results=shown,
            not_judged=tuple(
                NotJudged(part=words_of(one.part), why=words_of(one.why), check=text_of(spec.name)) for one in left_out
            ),
            code=code_of(spec.name, answers),
        )

    def _verifier(self, spec: CheckSpec) -> Verifier:
        return self._verifiers.get(spec.verifier) or load([spec.verifier])[spec.verifier]


def places(verifier: Verifier, options: object) -> tuple[Place, ...]:
    """Return where a verifier runs: what it reads first, before anything restored has run."""
    reads: tuple[Place, ...] = ("reader",) if callable(getattr(verifier, "read", None)) else ()
    if not callable(getattr(verifier, "verify", None)):
        return reads
    return (*reads, "beside" if getattr(options, "beside", False) is True else "caller")


def limits(verifier: Verifier) -> tuple[NotJudged, ...]:
    """Return what a verifier judges in no drill; one that does not say so leaves out nobody knows what."""
    parts = getattr(verifier, "parts", None)
    if isinstance(parts, tuple) and parts and all(isinstance(part, Part) for part in parts):
        return never_judged(parts)
    return (
        NotJudged(
            part=say("whatever this verifier leaves out"),
            why=fact("verifier-does-not-say", "verifier {name} does not say what", name=verifier.name),
        ),
    )


@dataclass(frozen=True, slots=True)
class _Bound:
    """A verifier at one place."""

    verifier: Verifier
    place: Place

    def answers(self, target: Target, options: object, expectation: Expectation) -> Iterable[Answer]:
        method = "read" if self.place == "reader" else "verify"
        answers: Iterable[Answer] = getattr(self.verifier, method)(target, options, expectation)
        return answers


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
        seconds = self._within(timeout_seconds)
        return self.target.run(argv, stdin=stdin, timeout_seconds=seconds, environment=environment)

    def stream(
        self,
        argv: Sequence[str],
        *,
        receive: Callable[[bytes], None],
        stdin: bytes = b"",
        timeout_seconds: float = 60.0,
        environment: Mapping[str, str] | None = None,
    ) -> Execution:
        """Run a command within what is left, and pass its output on until the check is over."""

        def pass_on(data: bytes) -> None:
            if self.over.is_set():
                raise TimeoutError("the check is over")
            receive(data)

        seconds = self._within(timeout_seconds)
        return self.target.stream(argv, receive=pass_on, stdin=stdin, timeout_seconds=seconds, environment=environment)

    def _within(self, wanted: float) -> float:
        left = self.deadline - time.monotonic()
        if self.over.is_set() or left <= 0:
            raise TimeoutError("the check has used up its time")
        return min(wanted, left)


def _run(
    verifier: _Bound, options: object, target: Target, expectation: Expectation, cancelled: Cancelled
) -> list[Answer]:
    """Run the verifier in a thread of its own: a plugin that hangs must not hang the drill."""
    deadline = time.monotonic() + expectation.timeout_seconds
    bounded = BoundedTarget(target, deadline)
    answers: queue.SimpleQueue[object] = queue.SimpleQueue()
    work = threading.Thread(
        target=_work,
        args=(verifier, bounded, options, expectation, answers),
        name=f"check-{verifier.verifier.name}",
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
            results.append(checked(answer))
    finally:
        bounded.over.set()


def _work(
    verifier: _Bound,
    target: BoundedTarget,
    options: object,
    expectation: Expectation,
    answers: queue.SimpleQueue[object],
) -> None:
    error: BaseException | None = None
    started = time.monotonic()
    try:
        number = {True: 0, False: 0}
        for answer in verifier.answers(target, options, expectation):
            if target.over.is_set():
                break
            number[is_code := isinstance(answer, RestoredCode)] += 1
            if number[is_code] >= (_MOST_CODE if is_code else MOST_RESULTS):
                # one more: nobody may hide a failure behind many statements
                answers.put(_too_many())
                break
            if isinstance(answer, CheckResult) and not answer.duration_ms:
                answers.put(dataclasses.replace(answer, duration_ms=_milliseconds(started)))
            else:
                answers.put(answer)
            started = time.monotonic()
    except BaseException as raised:  # noqa: BLE001 - whatever a plugin raises is a result
        error = raised
    answers.put(_Ended(error))


def _too_many() -> CheckResult:
    statement = fact("verifier-states-less-than", "the verifier states less than {most} results", most=MOST_RESULTS)
    return undetermined("verifier", statement, fact("verifier-states-more", "more"))


def _ending(ended: _Ended, expectation: Expectation) -> list[CheckResult]:
    if ended.error is None:
        return []
    if isinstance(ended.error, TimeoutError):
        return [_out_of_time(expectation)]
    reason = ended.error.message if isinstance(ended.error, DrpError) else str(ended.error)
    observed = fact("verifier-raised", "it raised {kind}: {reason}", kind=type(ended.error).__name__, reason=reason)
    return [undetermined("verifier", fact("verifier-comes-end", "the verifier comes to its end"), observed)]


def _out_of_time(expectation: Expectation) -> CheckResult:
    observed = fact(
        "did-not-end-within",
        "it did not end within {limit}",
        limit=Duration(int(expectation.timeout_seconds * 1000)),
    )
    return undetermined("time-limit", fact("check-ends-within-time", "the check ends within its time limit"), observed)


def _milliseconds(started: float) -> int:
    return int((time.monotonic() - started) * 1000)
