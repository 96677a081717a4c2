"""What a record cannot say of itself, whichever version wrote it: a pass beside what forbids one, or a false witness.

Verdicts are not concluded anew: a later version may be stricter, and what an earlier one concluded stays what it was.
"""

from __future__ import annotations

from collections.abc import Iterator

from drp.domain.evidence import EvidenceRecord, RecoveryRecord
from drp.domain.level import Level
from drp.domain.measure import Measurement
from drp.domain.phrase import Phrase, joined, say
from drp.domain.plan import DrillPlan
from drp.domain.resting import unread


def contradictions(record: EvidenceRecord) -> tuple[Phrase, ...]:
    """Return in what a record contradicts itself; nothing: it can be as it says."""
    found = [_of(each, said) for each in record.recoveries for said in _times(each.measurement)]
    found += [_of(each, said) for each in record.recoveries for said in _witnesses(each)]
    found += [_of(each, said) for each in record.recoveries for said in _too_much(each, record.plan)]
    if record.reason_witnesses and len(record.reason_witnesses) != len(record.reasons):
        found.append(say("not every reason has its witness"))
    if record.interrupted_by and not record.interruption:
        found.append(say("somebody asked for a stop that there was not"))
    if record.verdict == "passed":
        found += [say("passed with reasons against it")] if record.reasons else []
        found += [say("passed {although}", although=said) for said in _unapproved(record)]
        found += [say("passed with nothing recovered")] if not record.recoveries else []
        level = record.plan.level
        found += [
            _of(each, say("passed {although}", although=said))
            for each in record.recoveries
            for said in _forbidding(each, level)
        ]
        trust = {each.name: each.trust for each in record.plan.recoveries}
        found += [
            _of(each, say("passed, and drp read no {what}, though the plan trusts no restored system", what=what))
            for each in record.recoveries
            for what in unread(each.hash, each.verify, trust.get(each.recovery, "restored"), starts=record.plan.starts)
        ]
    return tuple(found)


def _of(recovery: RecoveryRecord, said: Phrase) -> Phrase:
    return joined([recovery.recovery, said], ": ")


def _unapproved(record: EvidenceRecord) -> Iterator[Phrase]:
    """Yield why a drill that had to be approved was not, or by nobody who may; by whom, a signature says."""
    wanted, said = record.plan.approval, record.approval
    if wanted is None:
        return
    if said is None or said.outcome != "approved" or said.by is None or said.answer is None:
        yield say("although nobody approved it")
    elif said.by.name not in wanted.approvers:
        yield say("with the approval of somebody who may not give it")
    elif (said.answer.drill, said.answer.plan_digest, said.answer.decision) != (
        record.drill,
        record.plan_digest,
        "approve",
    ):
        yield say("with an approval of something else")
    elif wanted.allowed_signers and not (said.by.proven_by == "signature" and said.signature):
        yield say("with an approval that nobody signed")


def _too_much(recovery: RecoveryRecord, plan: DrillPlan) -> Iterator[Phrase]:
    """Yield what is said of a recovery that its drill's level cannot know: nothing was started, or not all was seen."""
    sampled = recovery.hash.difference.sampled if recovery.hash is not None and recovery.hash.difference else None
    drawn = recovery.select.sample if recovery.select is not None else None
    if plan.level != "sample" and (sampled is not None or drawn is not None):
        yield say("a sample in a drill of level {level}", level=plan.level)
    compared = plan.level == "sample" and recovery.hash is not None and recovery.hash.difference is not None
    if compared and (drawn is None or sampled != drawn.drawn):
        yield say("what was compared is not the sample that was drawn")
    measured = recovery.measurement
    if plan.starts:
        if {measured.rto_attainment, measured.rpo_attainment} & {"not-judged", "by-point"}:
            yield say("an objective was not judged, in a drill of level full")
        return
    if recovery.start is not None or recovery.verify is not None or recovery.sign_off is not None:
        yield say("something was started in a drill of level {level}", level=plan.level)
    if recovery.hash is not None and (recovery.hash.checks or recovery.hash.code):
        yield say("something was checked in a drill of level {level}", level=plan.level)
    if measured.rto_attainment != "not-judged" or measured.rpo_attainment in {"met", "undetermined"}:
        yield say("an objective was attained in a drill of level {level}", level=plan.level)
    if measured.rta_ms is not None or measured.rpa_upper_ms is not None or measured.wrt_attainment is not None:
        yield say(
            "an application was measured in a drill of level {level}",
            level=plan.level,
        )


def _forbidding(recovery: RecoveryRecord, level: Level) -> Iterator[Phrase]:
    """Yield what keeps a drill from passing, in every version."""
    for finding in recovery.findings:
        if finding.severity in {"critical", "inconclusive"}:
            yield say("with finding {finding}", finding=finding.code)
    for check in recovery.verify.checks if recovery.verify is not None else ():
        if check.outcome != "passed":
            yield say("with check {check} {outcome}", check=check.check, outcome=check.outcome)
    if recovery.failure is not None:
        yield say("although {phase} could not be exercised", phase=recovery.failure.phase)
    rto, rpo = ("met", "met") if level == "full" else ("not-judged", "by-point")
    for name, attainment, wanted in (
        ("RTO", recovery.measurement.rto_attainment, rto),
        ("RPO", recovery.measurement.rpo_attainment, rpo),
    ):
        if attainment != wanted:
            yield say("with {objective} {attainment}", objective=name, attainment=attainment)


def _witnesses(recovery: RecoveryRecord) -> Iterator[Phrase]:
    """Yield where a statement is put down to another witness than the place at which it was made."""
    read = recovery.hash.checks if recovery.hash is not None else ()
    if any(check.witness != "drp" for check in read):
        yield say(
            "what was read before anything restored had run is said to be somebody else's word",
        )
    verified = recovery.verify
    if verified is None:
        return
    if verified.checks[: len(read)] != read:
        yield say("the checks do not begin with what was read before anything restored had run")
    if any(check.witness == "drp" for check in verified.checks[len(read) :]):
        yield say("drp is said to have read what it did not read before anything restored had run")
    if recovery.hash is not None and verified.code[: len(recovery.hash.code)] != recovery.hash.code:
        yield say("the code does not begin with what was read before anything restored had run")
    dated = [check.watermark for check in verified.checks if check.outcome == "passed"]
    if verified.watermark is not None and verified.watermark not in dated:
        yield say("the newest datum is one that no passed check saw")
    met = {(code.check, code.name, code.digest) for code in verified.code}
    if any((change.check, change.name, change.now) not in met for change in verified.code_changes):
        yield say("code is said to have changed that was not met")


def _times(measured: Measurement) -> Iterator[Phrase]:
    """Yield where an actual is another than its clock reading, or than its objective was found to be attained by."""
    if measured.rta_ms != measured.clock.t10_checks_passed:
        yield say("RTA is not the instant at which the checks passed")
    for name, actual, objective, attainment in (
        ("RTO", measured.rta_ms, measured.rto_ms, measured.rto_attainment),
        ("RPO", measured.rpa_upper_ms, measured.rpo_ms, measured.rpo_attainment),
        ("WRT", measured.wrt_ms, measured.wrt_objective_ms, measured.wrt_attainment),
    ):
        if attainment == "met" and (actual is None or objective is None or not 0 <= actual <= objective):
            yield say("{objective} met, which its actual does not show", objective=name)
    lower, upper = measured.rpa_lower_ms, measured.rpa_upper_ms
    if lower is not None and upper is not None and lower > upper:
        yield say("more was lost at least than at most")
