"""Carries out an application's checks, each where it belongs: what is read before what is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from drp.domain.application import CheckSpec
from drp.domain.check import CheckResult, Expectation, Target
from drp.domain.findings.catalogue import CHECK_FAILED, CHECK_UNDETERMINED, WRITES_LOST
from drp.domain.findings.finding import Finding
from drp.domain.judged import NotJudged
from drp.domain.phase import Hashed
from drp.domain.phrase import NOTHING, Instant, Phrase, fact, joined, say
from drp.domain.ports import Ports, Progress
from drp.domain.restore import RESTORED
from drp.domain.restored_code import RestoredCode
from drp.domain.sandbox import SandboxHandle
from drp.domain.terms import listed
from drp.domain.witness import Place
from drp.drill.context import PhaseContext
from drp.drill.phases.restore import inside_path, require_gone, want_of_room
from drp.errors import Interrupted

_NAMED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What checks came to."""

    results: tuple[CheckResult, ...] = ()
    not_judged: tuple[NotJudged, ...] = ()
    code: tuple[RestoredCode, ...] = ()


def read_files(context: PhaseContext, hashed: Hashed) -> Judged:
    """Return what is read of the restored files while nothing restored has run."""
    return _together(
        _carry_out(context, spec, "reader", hashed)
        for spec in context.recovery.application.checks
        if "reader" in context.ports.checks.places(spec)
    )


def ask_application(context: PhaseContext, hashed: Hashed) -> Judged:
    """Return what the running application shows and says."""
    return _together(
        _carry_out(context, spec, place, hashed)
        for spec in context.recovery.application.checks
        for place in context.ports.checks.places(spec)
        if place != "reader"
    )


def believed_facts(hashed: Hashed) -> Mapping[str, object]:
    """Return what the manifest says of the content: it is believed once it was judged and compared."""
    return hashed.manifest.facts if hashed.manifest is not None and hashed.difference is not None else {}


@contextmanager
def cell(ports: Ports, open_: Callable[[SandboxHandle], SandboxHandle], sandbox: SandboxHandle) -> Iterator[Target]:
    """Give the way into a cell that is opened for it and gone after it. Raises what the Sandbox port names."""
    opened = open_(sandbox)
    try:
        yield ports.sandbox.target(opened)
    except BaseException:
        ports.sandbox.destroy(opened)
        raise
    require_gone(ports.sandbox.destroy(opened))


@contextmanager
def _target(context: PhaseContext, place: Place) -> Iterator[Target]:
    """Give the way into where a check runs: a cell of its own: content that takes it over answers only there."""
    prepared, sandbox = context.prepared, context.ports.sandbox
    if place == "beside":
        yield sandbox.target(prepared.sandbox)
        return
    with cell(
        context.ports, sandbox.open_reader if place == "reader" else sandbox.open_caller, prepared.sandbox
    ) as target:
        yield target


def _together(judged: Iterable[Judged]) -> Judged:
    parts = tuple(judged)
    return Judged(
        results=tuple(result for part in parts for result in part.results),
        not_judged=tuple(left_out for part in parts for left_out in part.not_judged),
        code=tuple(piece for part in parts for piece in part.code),
    )


def _carry_out(context: PhaseContext, spec: CheckSpec, place: Place, hashed: Hashed) -> Judged:
    point, restored, prepared = context.point, context.restored, context.prepared
    if context.ports.cancelled():
        message = "stopped between two checks"
        raise Interrupted(message)
    context.report(Progress(message=say("check {name}", name=spec.name)))
    application = context.recovery.application
    expectation = Expectation(
        facts=believed_facts(hashed),
        disaster_at=context.disaster_at,
        declared_at=context.declared_at,
        consistent_at=context.recovery.selection.restored_state(point),
        newest_possible=context.recovery.newest_possible(point),
        timeout_seconds=spec.timeout.total_seconds(),
        restored_root=inside_path(restored, prepared),
        within=RESTORED,
        tier=application.tier,
        inputs=application.runbook.inputs if application.runbook is not None else {},
        ground_truth=application.ground_truth,
    )
    with _target(context, place) as target:
        checked = context.ports.checks.run(spec, place, target, expectation, context.ports.cancelled)
    rolled_to = context.recovery.selection.recover_to
    judged = tuple(_believable(_placed(result, spec), expectation, rolled_to) for result in checked.results)
    if place != "reader" and any(result.outcome == "failed" for result in judged):
        judged = _with_room(judged, want_of_room(context))
    context.found(*check_findings(judged))
    return Judged(results=judged, not_judged=checked.not_judged, code=checked.code)


def _with_room(results: tuple[CheckResult, ...], full: str) -> tuple[CheckResult, ...]:
    """Return the results: where a volume is full, what failed is undetermined, for it may have failed by that."""
    if not full:
        return results
    return tuple(
        replace(each, outcome="undetermined", observed=joined((each.observed, full)))
        if each.outcome == "failed"
        else each
        for each in results
    )


def _placed(result: CheckResult, spec: CheckSpec) -> CheckResult:
    """Return the result with its watermark's store: as the check declares, as its verifier says, or the check's own."""
    if result.watermark is None:
        return result
    return replace(result, watermark=replace(result.watermark, store=spec.store or result.watermark.store or spec.name))


def _believable(result: CheckResult, expectation: Expectation, rolled_to: datetime | None) -> CheckResult:
    """Return the result, undetermined if its watermark cannot be true: no verifier may date a loss away.

    No restored datum is younger than the drill, than what the backup can have held, or than the instant that the
    application was rolled to; one that says so is wrong, and may hide how old all others are.
    """
    if result.outcome != "passed" or result.watermark is None:
        return result
    assert expectation.newest_possible is not None
    assert expectation.declared_at is not None
    skew = timedelta(seconds=result.watermark.clock_skew_seconds)
    limit = min(expectation.declared_at, expectation.newest_possible + skew)
    if result.watermark.at <= limit:
        return result
    why = fact("later-than-backup-can", "later than the backup can hold any")
    if rolled_to is not None and result.watermark.at > rolled_to + skew:
        why = fact("after-instant-recover", "after the instant to recover to")
    return replace(
        result,
        outcome="undetermined",
        observed=fact(
            "newest-datum-dated", "the newest datum is dated {at}, {why}", at=Instant(result.watermark.at), why=why
        ),
        expected=fact("at-most-instant", "at most {limit}", limit=Instant(limit)),
        watermark=None,
        undated=True,
    )


def check_findings(results: Sequence[CheckResult]) -> list[Finding]:
    """Return what checks found: one cause once, and writes that were lost."""
    departed = {result.check for result in results if result.outcome != "passed" and not result.because}
    follows = [each for each in results if each.outcome == "undetermined" and each.because in departed]
    found = [
        (CHECK_FAILED if result.outcome == "failed" else CHECK_UNDETERMINED).finding(
            subject=fact("check-says", "{check}: {statement}", check=result.check, statement=result.statement),
            observed=result.observed.then(_not_asked([each.check for each in follows if each.because == result.check])),
            expected=result.expected,
            witness=result.witness,
        )
        for result in results
        if result.outcome != "passed" and result not in follows
    ]
    found += [
        WRITES_LOST.finding(
            subject=result.check,
            observed=fact(
                "since-recovery-point-first",
                "{lost} of {acknowledged} since the recovery point, the first at {first_at}",
                lost=loss.lost,
                acknowledged=loss.acknowledged,
                first_at=Instant(loss.first_at) if loss.first_at is not None else NOTHING,
            ),
            expected=fact("none-or-within-objective", "none, or within the objective"),
            witness=result.witness,
        )
        for result in results
        if (loss := result.loss) is not None and loss.lost
    ]
    return found


def _not_asked(checks: list[str]) -> Phrase:
    """Return what was not asked because of one cause: it is one finding with it, and every check is in the record."""
    names = [check.rpartition("/")[2] for check in checks]
    if not names:
        return NOTHING
    return fact("not-asked", "; not asked because of it: {checks}", checks=listed(names[:_NAMED], len(names)))
