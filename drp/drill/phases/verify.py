"""verify: the verifiers look at the running application, and the egress recorder tells what it tried to send."""

from __future__ import annotations

from dataclasses import replace

from drp.domain.check import CheckResult, Expectation, Watermark
from drp.domain.finding import Finding
from drp.domain.finding_codes import CHECK_FAILED, CHECK_UNDETERMINED, EGRESS_ATTEMPTED, NOTHING_CHECKED, WRITES_LOST
from drp.domain.phase import Hashed, Prepared, Restored, Selected, Verified
from drp.domain.ports import Progress
from drp.domain.sandbox import EgressAttempt
from drp.drill.context import PhaseContext
from drp.drill.phases.restore import inside_path
from drp.errors import Interrupted

_NAMED = 20
"""So many destinations become findings of their own; the record has all that were kept."""


def verify_phase(context: PhaseContext) -> Verified:
    """Return every check's results and the newest watermark among them."""
    prepared, selected, hashed = (context.outputs[name] for name in ("prepare", "select", "hash"))
    restored = context.outputs["restore"]
    assert isinstance(restored, Restored)
    assert isinstance(prepared, Prepared)
    assert isinstance(selected, Selected)
    assert isinstance(hashed, Hashed)
    assert selected.point is not None
    target = context.ports.sandbox.target(prepared.sandbox)
    facts = hashed.manifest.facts if hashed.manifest is not None else {}
    results: list[CheckResult] = []
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
            timeout_seconds=spec.timeout.total_seconds(),
            restored_root=inside_path(restored, prepared),
            ground_truth=context.recovery.application.ground_truth,
        )
        found = context.ports.checks.run(spec, target, expectation, context.ports.cancelled)
        results += [_believable(result, context) for result in found]
    egress = context.ports.sandbox.egress(prepared.sandbox)
    return Verified(
        checks=tuple(results),
        watermark=_newest(results),
        egress=egress,
        findings=_findings(context, results, egress),
    )


def _shown(attempt: EgressAttempt) -> str:
    name = attempt.destination.removeprefix("name:")
    if name != attempt.destination:
        return f"look-up of {name}"
    return f"{attempt.protocol} {attempt.destination}:{attempt.port}"


def _believable(result: CheckResult, context: PhaseContext) -> CheckResult:
    """Return the result, undetermined if its watermark cannot be true: no verifier may date a loss away.

    No restored datum is younger than the drill, nor younger than the instant that the application was rolled to.
    """
    limit, why = context.declared_at, "after the drill began"
    recover_to = context.recovery.selection.recover_to
    if recover_to is not None and recover_to < limit:
        limit, why = recover_to, "after the instant to recover to"
    if result.outcome != "passed" or result.watermark is None or result.watermark.at <= limit:
        return result
    return replace(
        result,
        outcome="undetermined",
        observed=f"the newest datum is dated {result.watermark.at.isoformat()}, {why}",
        expected=f"at most {limit.isoformat()}",
        watermark=None,
    )


def _newest(results: list[CheckResult]) -> Watermark | None:
    """Return the newest watermark of the checks that passed; what a failing check saw is no proof of anything."""
    seen = [result.watermark for result in results if result.watermark is not None and result.outcome == "passed"]
    return max(seen, key=lambda watermark: watermark.at, default=None)


def _findings(
    context: PhaseContext, results: list[CheckResult], egress: tuple[EgressAttempt, ...]
) -> tuple[Finding, ...]:
    found = [
        (CHECK_FAILED if result.outcome == "failed" else CHECK_UNDETERMINED).finding(
            subject=f"{result.check}: {result.statement}", observed=result.observed, expected=result.expected
        )
        for result in results
        if result.outcome != "passed"
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
