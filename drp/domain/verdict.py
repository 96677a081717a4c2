"""What counts as passed.

Any critical finding or missed objective → failed; else anything that could not be judged → inconclusive; else
passed. Absent evidence never passes: a recovery must have completed every phase of the drill's level; in a full drill,
compared with a manifest unless the plan says otherwise, and passed at least one check; below, where nothing was
started, compared with a manifest whatever the plan says, whole or in every file that was drawn. That says so much less.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from drp.domain.approval import ApprovalOutcome
from drp.domain.findings.finding import Finding
from drp.domain.manifest import ManifestSummary, show_path
from drp.domain.measure import Measurement
from drp.domain.origin import own_part
from drp.domain.phase import Hashed, Outputs, Verified, phases_of
from drp.domain.phrase import Phrase, fact
from drp.domain.plan import DrillPlan, PlannedRecovery
from drp.domain.reconciliation.result import ReconciliationResult
from drp.domain.sample import sample_size
from drp.domain.witness import Witness, counts

Verdict = Literal["passed", "failed", "inconclusive", "aborted"]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a drill has not passed."""

    text: Phrase
    witness: Witness | None = None
    """Who says so; None: it is about the drill's own course."""


_ON_REQUEST = Reason(fact("stopped-on-request", "stopped on request"))
_STOPPED = {
    "refused": Reason(fact("approval-refused", "an approver refused the drill")),
    "missing": Reason(fact("approval-too-late", "nobody approved the drill in time")),
}


def conclude(
    plan: DrillPlan,
    outputs: Mapping[str, Outputs],
    findings: Mapping[str, Sequence[Finding]],
    measurements: Mapping[str, Measurement],
    *,
    aborted: bool = False,
    reconciled: ReconciliationResult | None = None,
    approval: ApprovalOutcome | None = None,
) -> tuple[Verdict, tuple[Reason, ...]]:
    """Return the verdict of a drill and the reasons for it, in the plan's order.

    ``outputs``, ``findings`` and ``measurements`` are by recovery name; whatever is missing counts against passing.
    """
    failures: list[Reason] = []
    doubts: list[Reason] = []
    if len({recovery.name for recovery in plan.recoveries}) < len(plan.recoveries):
        doubts.append(
            Reason(
                fact(
                    "recovered-twice",
                    "the plan recovers an application twice, and only one of them was carried out",
                )
            )
        )
    for recovery in plan.recoveries:
        name, measurement = recovery.name, measurements.get(recovery.name)
        had = outputs.get(name, Outputs())
        for finding in findings.get(name, ()):
            said = fact("finding", "{finding} {subject}", finding=finding.code, subject=finding.subject)
            reason = Reason(said, finding.said_by)
            if finding.severity == "critical":
                failures.append(_about(name, reason))
            elif finding.severity == "inconclusive":
                doubts.append(_about(name, reason))
        failures += [_about(name, reason) for reason in _missed(measurement)]
        doubts += [_about(name, reason) for reason in _unproven(plan, recovery, had, measurement)]
        doubts += [_about(name, reason) for reason in _not_signed_off(plan, recovery, measurement)]
    doubts += _not_compared(plan, reconciled)
    if plan.approval is not None and approval is None:
        doubts.append(Reason(fact("approval-missing", "nobody approved the drill")))
    if stopped := _STOPPED.get(approval or "") or (_ON_REQUEST if aborted else None):
        return "aborted", (stopped, *failures, *doubts)
    if failures:
        return "failed", tuple(failures)
    if doubts or not plan.recoveries:
        return "inconclusive", tuple(doubts) or (Reason(fact("plan-recovers-nothing", "the plan recovers nothing")),)
    return "passed", ()


def _about(name: str, reason: Reason) -> Reason:
    return replace(reason, text=fact("of-application", "{application}: {reason}", application=name, reason=reason.text))


def _not_compared(plan: DrillPlan, reconciled: ReconciliationResult | None) -> list[Reason]:
    """Return what of the plan's reconciliation nobody judged."""
    wanted = plan.reconciliation
    if wanted is None:
        return []
    if reconciled is None:
        return [Reason(fact("not-reconciled", "the applications were not compared with one another"))]
    judged = {reference.name for reference in reconciled.references if reference.judged}
    judged |= {identifier.name for identifier in reconciled.identifiers if identifier.judged}
    named = [reference.name for reference in wanted.references]
    named += [identifier.name for identifier in wanted.identifiers]
    return [
        Reason(fact("reference-not-judged", "in the reconciliation, {name} was not judged", name=name))
        for name in named
        if name not in judged
    ]


def _not_signed_off(plan: DrillPlan, recovery: PlannedRecovery, measurement: Measurement | None) -> list[Reason]:
    """Return what is missing of the business's word, where the plan asks for it."""
    if recovery.asks(plan) is None:
        return []
    signed = measurement is not None and measurement.clock.t11_signed_off is not None
    return [] if signed else [Reason(fact("not-signed-off", "the application was not signed off"))]


def _missed(measurement: Measurement | None) -> list[Reason]:
    if measurement is None:
        return []
    objectives = (
        ("RTO", measurement.rto_attainment),
        ("RPO", measurement.rpo_attainment),
        ("WRT", measurement.wrt_attainment),
    )
    return [
        Reason(fact("objective", "{objective} {attainment}", objective=name, attainment="missed"), "drp")
        for name, attainment in objectives
        if attainment == "missed"
    ]


def _unproven(
    plan: DrillPlan, recovery: PlannedRecovery, outputs: Outputs, measurement: Measurement | None
) -> list[Reason]:
    """Return everything that a pass needs and that is not there. Written as the positive list of evidence."""
    due, done = phases_of(plan.level), outputs.done
    missing = [
        Reason(fact("phase-not-completed", "phase {phase} did not complete", phase=phase))
        for phase in due
        if phase not in done
    ]
    prepared, restored, started = outputs.prepare, outputs.restore, outputs.start
    if prepared is not None and not prepared.proof.holds:
        missing.append(Reason(fact("isolation-not-proven", "isolation is not proven"), "outside"))
    if restored is not None and not (restored.runbook.ok and not restored.receipt.unrestored):
        missing.append(Reason(fact("restore-not-complete", "the restore is not complete"), "drp"))
    if recovery.application.backup_job.sub_path and _nothing_of_it(outputs):
        nothing = fact(
            "nothing-of-own-part", "nothing was restored of the application's own part of the recovery point"
        )
        missing.append(Reason(nothing, "drp"))
    missing += _uncompared(plan, recovery, outputs)
    if started is not None and not started.runbook.ok:
        missing.append(Reason(fact("not-started", "the application did not start"), "restored"))
    if outputs.verify is not None:
        missing += _unchecked(recovery, outputs.verify)
    return missing + _unmeasured(plan, measurement)


def _nothing_of_it(outputs: Outputs) -> bool:
    """Return whether a restore says that it brought no file back."""
    receipt = outputs.restore.receipt if outputs.restore is not None else None
    return receipt is not None and receipt.counted and not receipt.files_restored


def _uncompared(plan: DrillPlan, recovery: PlannedRecovery, outputs: Outputs) -> list[Reason]:
    """Return what of the comparison with the manifest is missing, where a pass needs one."""
    hashed = outputs.hash
    if hashed is None or not (recovery.require_manifest or recovery.trust == "none" or not plan.starts):
        return []
    named = outputs.point.manifest_id if outputs.point is not None else None
    if hashed.difference is None or hashed.manifest is None:
        return [Reason(fact("nothing-compared", "nothing was compared with a manifest"), "drp")]
    if not hashed.difference.manifest_id == hashed.manifest.id == named:
        return [
            Reason(
                fact(
                    "another-manifest",
                    "the manifest compared with is not the one that the recovery point names",
                ),
                "drp",
            )
        ]
    if other := _of_other_part(recovery, outputs, hashed.manifest):
        return [other]
    if not hashed.difference.clean:
        return [Reason(fact("files-differ", "restored files differ from the manifest"), "drp")]
    if plan.level == "sample":
        return _undrawn(plan, hashed, outputs)
    whole = hashed.difference.sampled is None and 0 < hashed.manifest.own.files <= hashed.difference.files_hashed
    return [] if whole else [Reason(fact("not-all-compared", "not every file of the manifest was compared"), "drp")]


def _of_other_part(recovery: PlannedRecovery, outputs: Outputs, manifest: ManifestSummary) -> Reason | None:
    """Return that something else was compared than the folder that the plan says is the application's own."""
    job, point = recovery.application.backup_job, outputs.point
    part = own_part(manifest, point, job) if point is not None and point.sub_path == job.sub_path else None
    compared = manifest.part.path if manifest.part is not None else ""
    if part is not None and show_path(part) == compared:
        return None
    other = fact("another-part-compared", "what was compared is not the application's own part of the recovery point")
    return Reason(other, "drp")


def _undrawn(plan: DrillPlan, hashed: Hashed, outputs: Outputs) -> list[Reason]:
    """Return what keeps a sample from being the one that was planned, compared in every file that was drawn."""
    sample = outputs.select.sample if outputs.select is not None else None
    assert hashed.manifest is not None
    assert hashed.difference is not None
    if sample is None or sample.drawn < 1:
        return [Reason(fact("no-file-drawn", "no file was drawn"), "drp")]
    of_this = sample.manifest_id == hashed.manifest.id and sample.population == hashed.manifest.own.files
    if not (of_this and sample.seed and sample.drawn == sample_size(plan.sample_files, sample.population)):
        return [Reason(fact("another-sample", "the sample is not the one that was planned"), "drp")]
    if not hashed.difference.sampled == hashed.difference.files_hashed == sample.drawn:
        return [Reason(fact("sample-not-all-compared", "not every file of the sample was compared"), "drp")]
    return []


def _unmeasured(plan: DrillPlan, measurement: Measurement | None) -> list[Reason]:
    """Return the objectives that a pass needs judged: in a full drill both, below only how old the point is."""
    if measurement is None:
        return [Reason(fact("nothing-measured", "nothing was measured"))]
    due = (("RTO", measurement.rto_attainment, "met"), ("RPO", measurement.rpo_attainment, "met"))
    if not plan.starts:
        due = (("RTO", measurement.rto_attainment, "not-judged"), ("RPO", measurement.rpo_attainment, "by-point"))
    return [
        Reason(fact("objective", "{objective} {attainment}", objective=name, attainment=found), "drp")
        for name, found, wanted in due
        if found not in {wanted, "missed"}
    ]


def _unchecked(recovery: PlannedRecovery, verified: Verified) -> list[Reason]:
    """Return what checks leave open: those not passed, and that none counts where nothing restored is trusted."""
    missing = [] if verified.checks else [Reason(fact("nothing-checked", "nothing was checked"))]
    missing += [
        Reason(
            fact("check-not-passed", "check {check}: {outcome}", check=check.check, outcome=check.outcome),
            check.witness,
        )
        for check in verified.checks
        if check.outcome != "passed"
    ]
    if not any(check.outcome == "passed" and counts(check.witness, recovery.trust) for check in verified.checks):
        said = Reason(fact("nothing-read-by-drp", "no check was read by drp, and nothing else is trusted"), "drp")
        missing += [] if recovery.trust == "restored" else [said]
    return missing
