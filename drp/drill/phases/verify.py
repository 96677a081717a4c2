"""verify: the verifiers look at the running application, and the egress recorder tells what it tried to send."""

from __future__ import annotations

from collections.abc import Sequence

from drp.domain.check import CheckResult
from drp.domain.findings.catalogue import NOTHING_CHECKED
from drp.domain.findings.finding import Finding
from drp.domain.findings.witness import NOT_READ_BY_DRP
from drp.domain.history import MOST_COUNTS, counts_of, falls, findings_of, not_compared, unguarded
from drp.domain.phase import Verified
from drp.domain.phrase import fact
from drp.domain.restored_code import changes, seen_first
from drp.domain.restored_code import findings_of as code_findings
from drp.domain.sandbox import EgressAttempt
from drp.domain.watermarks import bounding
from drp.domain.witness import counts
from drp.drill.context import PhaseContext
from drp.drill.phases.checks import ask_application, believed_facts, check_findings
from drp.drill.traffic import egress_findings


def verify_phase(context: PhaseContext) -> Verified:
    """Return every check's results, and the watermark among them that bounds the loss."""
    hashed, point = context.hashed, context.point
    facts = believed_facts(hashed)
    judged = ask_application(context, hashed)
    results, code = [*hashed.checks, *judged.results], (*hashed.code, *judged.code)
    not_judged = list(judged.not_judged)
    held = counts_of(facts)
    history = context.earlier(context.recovery.selection.restored_state(point))
    policy = context.recovery.application.history
    not_judged += not_compared(history.baseline, held)
    comparable = history.baseline if len(held) <= MOST_COUNTS else None
    fallen = falls(comparable, held, policy) if comparable is not None else ()
    context.found(*history.findings, *findings_of(fallen, policy), *unguarded(held, fallen, policy))
    code_changes = changes(history.code, code, policy.accepted_code)
    declared = (spec.name for spec in context.recovery.application.checks)
    code_checks = tuple(dict.fromkeys((*declared, *(one.check for one in code))))
    code_first = seen_first(history.code, code_checks)
    context.found(*code_findings(code, code_changes, code_first))
    egress = context.ports.sandbox.egress(context.prepared.sandbox)
    return Verified(
        checks=tuple(results),
        not_judged=tuple(not_judged),
        code=code,
        code_changes=code_changes,
        code_checks=code_checks,
        code_first=code_first,
        code_compared_with=history.code.drill if history.code is not None else "",
        counts=held if len(held) <= MOST_COUNTS else {},
        falls=fallen,
        watermark=bounding(results, context.recovery.trust),
        egress=egress,
        neighbours=context.ports.sandbox.neighbours(context.prepared.sandbox) if context.plan.pod else None,
        findings=_findings(context, results, judged.results, egress),
    )


def _findings(
    context: PhaseContext,
    results: Sequence[CheckResult],
    said: Sequence[CheckResult],
    egress: tuple[EgressAttempt, ...],
) -> tuple[Finding, ...]:
    found = check_findings(said)
    if not results:
        found.append(
            NOTHING_CHECKED.finding(
                subject=context.recovery.name,
                observed=fact("no-check", "no check"),
                expected=fact("least-one-check", "at least one check"),
            )
        )
    return (*found, *_not_read(context, results), *egress_findings(egress))


def _not_read(context: PhaseContext, results: Sequence[CheckResult]) -> list[Finding]:
    """Return what only the restored system says, where the plan does not trust it."""
    if context.recovery.trust == "restored":
        return []
    passed = [each for each in results if each.outcome == "passed" and counts(each.witness, context.recovery.trust)]
    missing = [] if passed else [("checks", "no statement about the content")]
    missing += [] if any(each.watermark for each in passed) else [("RPO", "no newest datum")]
    return [
        NOT_READ_BY_DRP.finding(
            subject=subject,
            observed=fact("drp-itself-has-read", "drp itself has read {what}", what=what),
            expected=fact("read-by-drp", "read by drp"),
        )
        for subject, what in missing
    ]
