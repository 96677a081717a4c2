"""What counts as passed.

Any critical finding or missed objective → failed; else anything that could not be judged → inconclusive; else
passed. Absent evidence never passes: a recovery must have completed every phase, compared with a manifest unless
the plan says otherwise, and passed at least one check.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from drp.domain.finding import Finding
from drp.domain.measure import Measurement
from drp.domain.phase import PHASES, Hashed, PhaseName, PhaseOutput, Prepared, Restored, Selected, Started, Verified
from drp.domain.plan import DrillPlan, PlannedRecovery
from drp.domain.reconciled import ReconciliationResult
from drp.domain.witness import counts

Verdict = Literal["passed", "failed", "inconclusive", "aborted"]


def conclude(
    plan: DrillPlan,
    outputs: Mapping[str, Mapping[PhaseName, PhaseOutput]],
    findings: Mapping[str, Sequence[Finding]],
    measurements: Mapping[str, Measurement],
    *,
    aborted: bool = False,
    reconciled: ReconciliationResult | None = None,
) -> tuple[Verdict, tuple[str, ...]]:
    """Return the verdict of a drill and the reasons for it, in the plan's order.

    ``outputs``, ``findings`` and ``measurements`` are by recovery name; whatever is missing counts against passing.
    """
    failures: list[str] = []
    doubts: list[str] = []
    if len({recovery.name for recovery in plan.recoveries}) < len(plan.recoveries):
        doubts.append("the plan recovers an application twice, and only one of them was carried out")
    for recovery in plan.recoveries:
        name = recovery.name
        for finding in findings.get(name, ()):
            if finding.severity == "critical":
                failures.append(f"{name}: {finding.code} {finding.subject}")
            elif finding.severity == "inconclusive":
                doubts.append(f"{name}: {finding.code} {finding.subject}")
        failures += [f"{name}: {reason}" for reason in _missed(measurements.get(name))]
        doubts += [f"{name}: {reason}" for reason in _unproven(recovery, outputs.get(name, {}), measurements.get(name))]
        doubts += [f"{name}: {reason}" for reason in _not_signed_off(plan, recovery, measurements.get(name))]
    doubts += _not_compared(plan, reconciled)
    if aborted:
        return "aborted", ("stopped on request", *failures, *doubts)
    if failures:
        return "failed", tuple(failures)
    if doubts or not plan.recoveries:
        return "inconclusive", tuple(doubts) or ("the plan recovers nothing",)
    return "passed", ()


def _not_compared(plan: DrillPlan, reconciled: ReconciliationResult | None) -> list[str]:
    """Return what the plan wants compared across applications and nobody judged."""
    wanted = plan.reconciliation
    if wanted is None:
        return []
    if reconciled is None:
        return ["the applications were not compared with one another"]
    judged = {reference.name for reference in reconciled.references if reference.judged}
    judged |= {identifier.name for identifier in reconciled.identifiers if identifier.judged}
    named = [reference.name for reference in wanted.references]
    named += [identifier.name for identifier in wanted.identifiers]
    return [f"across applications, {name} was not judged" for name in named if name not in judged]


def _not_signed_off(plan: DrillPlan, recovery: PlannedRecovery, measurement: Measurement | None) -> list[str]:
    """Return what is missing of the business's word, where the plan asks for it."""
    if recovery.asks(plan) is None:
        return []
    signed = measurement is not None and measurement.clock.t11_signed_off is not None
    return [] if signed else ["the application was not signed off"]


def _named(selected: PhaseOutput | None) -> str | None:
    return selected.point.manifest_id if isinstance(selected, Selected) and selected.point is not None else None


def _missed(measurement: Measurement | None) -> list[str]:
    if measurement is None:
        return []
    objectives = (
        ("RTO", measurement.rto_attainment),
        ("RPO", measurement.rpo_attainment),
        ("WRT", measurement.wrt_attainment),
    )
    return [f"{name} missed" for name, attainment in objectives if attainment == "missed"]


def _unproven(
    recovery: PlannedRecovery, outputs: Mapping[PhaseName, PhaseOutput], measurement: Measurement | None
) -> list[str]:
    """Return everything that a pass needs and that is not there. Written as the positive list of evidence."""
    missing = [f"phase {phase} did not complete" for phase in PHASES if phase not in outputs]
    prepared, restored, hashed = outputs.get("prepare"), outputs.get("restore"), outputs.get("hash")
    started, verified = outputs.get("start"), outputs.get("verify")
    if isinstance(prepared, Prepared) and not prepared.proof.holds:
        missing.append("isolation is not proven")
    if isinstance(restored, Restored) and not (restored.runbook.ok and not restored.receipt.unrestored):
        missing.append("the restore is not complete")
    if (recovery.require_manifest or recovery.trust == "none") and isinstance(hashed, Hashed):
        if hashed.difference is None or hashed.manifest is None:
            missing.append("nothing was compared with a manifest")
        elif not hashed.difference.manifest_id == hashed.manifest.id == _named(outputs.get("select")):
            missing.append("the manifest compared with is not the one that the recovery point names")
        elif not hashed.difference.clean:
            missing.append("restored files differ from the manifest")
        elif not 0 < hashed.manifest.files <= hashed.difference.files_hashed:
            missing.append("not every file of the manifest was compared")
    if isinstance(started, Started) and not started.runbook.ok:
        missing.append("the application did not start")
    if isinstance(verified, Verified):
        missing += _unchecked(recovery, verified)
    if measurement is None:
        missing.append("nothing was measured")
    else:
        missing += [
            f"{name} {attainment}"
            for name, attainment in (("RTO", measurement.rto_attainment), ("RPO", measurement.rpo_attainment))
            if attainment in {"undetermined", "not-measured"}
        ]
    return missing


def _unchecked(recovery: PlannedRecovery, verified: Verified) -> list[str]:
    """Return what checks leave open: those not passed, and that none counts where nothing restored is trusted."""
    missing = [] if verified.checks else ["nothing was checked"]
    missing += [f"check {check.check}: {check.outcome}" for check in verified.checks if check.outcome != "passed"]
    if not any(check.outcome == "passed" and counts(check.witness, recovery.trust) for check in verified.checks):
        missing += [] if recovery.trust == "restored" else ["no check was read by drp, and nothing else is trusted"]
    return missing
