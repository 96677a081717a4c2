"""How each application of a drill stands by itself, by typed values of its record: never better than the drill."""

from __future__ import annotations

from typing import Literal

from drp.domain.evidence import EvidenceRecord, RecoveryRecord
from drp.domain.resting import statements

Standing = Literal["passed", "failed", "inconclusive", "not-reached"]


def standings_of(record: EvidenceRecord) -> dict[str, Standing]:
    """Return how every application stands, by its name."""
    return {recovery.recovery: standing_of(recovery, record) for recovery in record.recoveries}


def standing_of(recovery: RecoveryRecord, record: EvidenceRecord) -> Standing:
    """Return how one application stands. What the record leaves open is never taken for passed."""
    if record.verdict == "passed":
        return "passed"
    measured = recovery.measurement
    attained = {measured.rto_attainment, measured.rpo_attainment, measured.wrt_attainment}
    severities = {finding.severity for finding in recovery.findings}
    if "critical" in severities or "missed" in attained:
        return "failed"
    if record.verdict == "aborted" and measured.rta_ms is None:
        return "not-reached"
    if "inconclusive" in severities or recovery.failure is not None or not _came_to_its_end(recovery, record):
        return "inconclusive"
    return "passed"


def stopped_alike(record: EvidenceRecord) -> dict[tuple[str, str], list[str]]:
    """Return which recoveries could not be exercised, by the problem and what to do about it."""
    found: dict[tuple[str, str], list[str]] = {}
    for recovery in record.recoveries:
        if recovery.failure is not None:
            found.setdefault((recovery.failure.message, recovery.failure.hint), []).append(recovery.recovery)
    return found


def _came_to_its_end(recovery: RecoveryRecord, record: EvidenceRecord) -> bool:
    """Return whether everything was there that a pass needs, as far as a report can tell."""
    measured = recovery.measurement
    if not record.plan.starts:
        return recovery.hash is not None and measured.rpo_attainment == "by-point"
    planned = next(each for each in record.plan.recoveries if each.name == recovery.recovery)
    if planned.asks(record.plan) is not None and measured.clock.t11_signed_off is None:
        return False
    checks = statements(recovery.hash, recovery.verify)
    met = {measured.rto_attainment, measured.rpo_attainment} == {"met"}
    return met and bool(checks) and all(check.outcome == "passed" for check in checks)
