"""What a record cannot say of itself, whichever version wrote it: a pass beside what forbids one, or a false witness.

Verdicts are not concluded anew: a later version may be stricter, and what an earlier one concluded stays what it was.
"""

from __future__ import annotations

from collections.abc import Iterator

from drp.domain.evidence import EvidenceRecord, RecoveryRecord
from drp.domain.measure import Measurement
from drp.domain.resting import unread


def contradictions(record: EvidenceRecord) -> tuple[str, ...]:
    """Return in what a record contradicts itself; nothing: it can be as it says."""
    found = [f"{each.recovery}: {said}" for each in record.recoveries for said in _times(each.measurement)]
    found += [f"{each.recovery}: {said}" for each in record.recoveries for said in _witnesses(each)]
    if record.reason_witnesses and len(record.reason_witnesses) != len(record.reasons):
        found.append("not every reason has its witness")
    if record.verdict == "passed":
        found += ["passed with reasons against it"] if record.reasons else []
        found += [f"passed {said}" for said in _unapproved(record)]
        found += ["passed with nothing recovered"] if not record.recoveries else []
        found += [f"{each.recovery}: passed {said}" for each in record.recoveries for said in _forbidding(each)]
        trust = {each.name: each.trust for each in record.plan.recoveries}
        found += [
            f"{each.recovery}: passed, and drp read no {what}, though the plan trusts no restored system"
            for each in record.recoveries
            for what in unread(each.hash, each.verify, trust.get(each.recovery, "restored"))
        ]
    return tuple(found)


def _unapproved(record: EvidenceRecord) -> Iterator[str]:
    """Yield why a drill that had to be approved was not, or by nobody who may; by whom, a signature says."""
    wanted, said = record.plan.approval, record.approval
    if wanted is None:
        return
    if said is None or said.outcome != "approved" or said.by is None or said.answer is None:
        yield "although nobody approved it"
    elif said.by.name not in wanted.approvers:
        yield "with the approval of somebody who may not give it"
    elif (said.answer.drill, said.answer.plan_digest, said.answer.decision) != (
        record.drill,
        record.plan_digest,
        "approve",
    ):
        yield "with an approval of something else"
    elif wanted.allowed_signers and not (said.by.proven_by == "signature" and said.signature):
        yield "with an approval that nobody signed"


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


def _witnesses(recovery: RecoveryRecord) -> Iterator[str]:
    """Yield where a statement is put down to another witness than the place at which it was made."""
    read = recovery.hash.checks if recovery.hash is not None else ()
    if any(check.witness != "drp" for check in read):
        yield "what was read before anything restored had run is said to be somebody else's word"
    verified = recovery.verify
    if verified is None:
        return
    if verified.checks[: len(read)] != read:
        yield "the checks do not begin with what was read before anything restored had run"
    if any(check.witness == "drp" for check in verified.checks[len(read) :]):
        yield "drp is said to have read what it did not read before anything restored had run"
    if recovery.hash is not None and verified.code[: len(recovery.hash.code)] != recovery.hash.code:
        yield "the code does not begin with what was read before anything restored had run"
    dated = [check.watermark for check in verified.checks if check.outcome == "passed"]
    if verified.watermark is not None and verified.watermark not in dated:
        yield "the newest datum is one that no passed check saw"
    met = {(code.check, code.name, code.digest) for code in verified.code}
    if any((change.check, change.name, change.now) not in met for change in verified.code_changes):
        yield "code is said to have changed that was not met"


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
