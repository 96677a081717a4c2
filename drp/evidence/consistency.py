"""What a record cannot say of itself, whichever version wrote it: a pass beside what forbids one, times that differ.

Verdicts are not concluded anew: a later version may be stricter, and what an earlier one concluded stays what it was.
"""

from __future__ import annotations

from collections.abc import Iterator

from drp.domain.evidence import EvidenceRecord, RecoveryRecord
from drp.domain.measure import Measurement


def contradictions(record: EvidenceRecord) -> tuple[str, ...]:
    """Return in what a record contradicts itself; nothing: it can be as it says."""
    found = [f"{each.recovery}: {said}" for each in record.recoveries for said in _times(each.measurement)]
    if record.verdict == "passed":
        found += ["passed with reasons against it"] if record.reasons else []
        found += ["passed with nothing recovered"] if not record.recoveries else []
        found += [f"{each.recovery}: passed {said}" for each in record.recoveries for said in _forbidding(each)]
    return tuple(found)


def _forbidding(recovery: RecoveryRecord) -> Iterator[str]:
    """Yield what keeps a drill from passing, in every version."""
    for finding in recovery.findings:
        if finding.severity in {"critical", "inconclusive"}:
            yield f"with finding {finding.code}"
    for check in recovery.verify.checks if recovery.verify is not None else ():
        if check.outcome != "passed":
            yield f"with check {check.check} {check.outcome}"
    if recovery.failure is not None:
        yield f"although {recovery.failure.phase} could not be exercised"
    for name, attainment in (
        ("RTO", recovery.measurement.rto_attainment),
        ("RPO", recovery.measurement.rpo_attainment),
    ):
        if attainment != "met":
            yield f"with {name} {attainment}"


def _times(measured: Measurement) -> Iterator[str]:
    """Yield where an actual is another than its clock reading, or than its objective was found to be attained by."""
    if measured.rta_ms != measured.clock.t10_checks_passed:
        yield "RTA is not the instant at which the checks passed"
    for name, actual, objective, attainment in (
        ("RTO", measured.rta_ms, measured.rto_ms, measured.rto_attainment),
        ("RPO", measured.rpa_upper_ms, measured.rpo_ms, measured.rpo_attainment),
        ("WRT", measured.wrt_ms, measured.wrt_objective_ms, measured.wrt_attainment),
    ):
        if attainment == "met" and (actual is None or objective is None or not 0 <= actual <= objective):
            yield f"{name} met, which its actual does not show"
    lower, upper = measured.rpa_lower_ms, measured.rpa_upper_ms
    if lower is not None and upper is not None and lower > upper:
        yield "more was lost at least than at most"
