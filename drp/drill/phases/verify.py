"""verify: the verifiers look at the running application, and the egress recorder tells what it tried to send."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from drp.domain.application import CheckSpec
from drp.domain.check import CheckResult, Expectation
from drp.domain.finding import Finding
from drp.domain.finding_codes import CHECK_FAILED, CHECK_UNDETERMINED, EGRESS_ATTEMPTED, NOTHING_CHECKED, WRITES_LOST
from drp.domain.history import MOST_COUNTS, counts_of, falls, findings_of, not_compared, unguarded
from drp.domain.judged import NotJudged
from drp.domain.phase import Hashed, Prepared, Restored, Selected, Verified
from drp.domain.ports import Progress
from drp.domain.sandbox import EgressAttempt
from drp.domain.watermarks import bounding
from drp.drill.context import PhaseContext
from drp.drill.phases.restore import inside_path
from drp.errors import Interrupted

_NAMED = 20
"""So many destinations become findings of their own; the record has all that were kept."""


def verify_phase(context: PhaseContext) -> Verified:
    """Return every check's results, and the watermark among them that bounds the loss."""
    prepared, selected, hashed = (context.outputs[name] for name in ("prepare", "select", "hash"))
    restored = context.outputs["restore"]
    assert isinstance(restored, Restored)
    assert isinstance(prepared, Prepared)
    assert isinstance(selected, Selected)
    assert isinstance(hashed, Hashed)
    assert selected.point is not None
    target = context.ports.sandbox.target(prepared.sandbox)
    # what a manifest says is believed once it was judged and compared
    facts = hashed.manifest.facts if hashed.manifest is not None and hashed.difference is not None else {}
    results: list[CheckResult] = []
    not_judged: list[NotJudged] = []
    for spec in context.recovery.application.checks:
        if context.ports.cancelled():
            message = "stopped between two checks"
            raise Interrupted(message)
        context.report(Progress(message=f"check {spec.name}"))
        expectation = Expectation(
            facts=facts,
            disaster_at=context.disaster_at,
            declared_at=context.declared_at,
            consistent_at=context.recovery.selection.restored_state(selected.point),
            newest_possible=context.recovery.newest_possible(selected.point),
            timeout_seconds=spec.timeout.total_seconds(),
            restored_root=inside_path(restored, prepared),
            ground_truth=context.recovery.application.ground_truth,
        )
        checked = context.ports.checks.run(spec, target, expectation, context.ports.cancelled)
        not_judged += checked.not_judged
        rolled_to = context.recovery.selection.recover_to
        judged = [_believable(_placed(result, spec), expectation, rolled_to) for result in checked.results]
        context.found(_check_findings(judged))
        results += judged
    counts = counts_of(facts)
    history = context.earlier(context.recovery.selection.restored_state(selected.point))
    policy = context.recovery.application.history
    not_judged += not_compared(history.baseline, counts)
    comparable = history.baseline if len(counts) <= MOST_COUNTS else None
    fallen = falls(comparable, counts, policy) if comparable is not None else ()
    context.found((*history.findings, *findings_of(fallen, policy), *unguarded(counts, fallen, policy)))
    egress = context.ports.sandbox.egress(prepared.sandbox)
    return Verified(
        checks=tuple(results),
        not_judged=tuple(not_judged),
        counts=counts if len(counts) <= MOST_COUNTS else {},
        falls=fallen,
        watermark=bounding(results),
        egress=egress,
        findings=_findings(context, results, egress),
    )


def _shown(attempt: EgressAttempt) -> str:
    name = attempt.destination.removeprefix("name:")
    if name != attempt.destination:
        return f"look-up of {name}"
    return f"{attempt.protocol} {attempt.destination}" + (f":{attempt.port}" if attempt.port else "")


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
    why = "later than the backup can hold any"
    if rolled_to is not None and result.watermark.at > rolled_to + skew:
        why = "after the instant to recover to"
    return replace(
        result,
        outcome="undetermined",
        observed=f"the newest datum is dated {result.watermark.at.isoformat()}, {why}",
        expected=f"at most {limit.isoformat()}",
        watermark=None,
        undated=True,
    )


def _check_findings(results: list[CheckResult]) -> list[Finding]:
    departed = {result.check for result in results if result.outcome != "passed" and not result.because}
    follows = [each for each in results if each.outcome == "undetermined" and each.because in departed]
    found = [
        (CHECK_FAILED if result.outcome == "failed" else CHECK_UNDETERMINED).finding(
            subject=f"{result.check}: {result.statement}",
            observed=result.observed + _not_asked([each.check for each in follows if each.because == result.check]),
            expected=result.expected,
        )
        for result in results
        if result.outcome != "passed" and result not in follows
    ]
    found += [
        WRITES_LOST.finding(
            subject=result.check,
            observed=f"{loss.lost} of {loss.acknowledged} since the recovery point, "
            f"the first at {loss.first_at:%H:%M:%S}Z",
            expected="none, or within the objective",
        )
        for result in results
        if (loss := result.loss) is not None and loss.lost
    ]
    return found


def _not_asked(checks: list[str]) -> str:
    """Return what was not asked because of one cause: it is one finding with it, and every check is in the record."""
    names = [check.rpartition("/")[2] for check in checks]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"; not asked because of it: {', '.join(names[:_NAMED])}{more}" if names else ""


def _findings(
    context: PhaseContext, results: list[CheckResult], egress: tuple[EgressAttempt, ...]
) -> tuple[Finding, ...]:
    found = _check_findings(results)
    if not results:
        found.append(
            NOTHING_CHECKED.finding(subject=context.recovery.name, observed="no check", expected="at least one check")
        )
    destinations = sorted({_shown(attempt) for attempt in egress})
    caught = "caught and recorded"
    if any(attempt.pod for attempt in egress):
        caught += " in the pod: it came from this application or another one there"
    found += [
        EGRESS_ATTEMPTED.finding(subject=destination, observed=caught, expected="no attempt")
        for destination in destinations[:_NAMED]
    ]
    more = len(destinations) - _NAMED
    if more > 0:
        found.append(
            EGRESS_ATTEMPTED.finding(
                subject=f"{more} more destinations", observed="caught and recorded", expected="no attempt"
            )
        )
    return tuple(found)
