"""What an older drp was cut off from saying: drp 0.1 journalled what had happened first, and its findings only then.

Since both are one append nothing is unsaid any more; but a drill that drp 0.1 began may wait to be resumed.
"""

from __future__ import annotations

from collections.abc import Iterator

from drp.domain.findings.finding import Finding
from drp.domain.fold import DrillState
from drp.domain.plan import PlannedRecovery
from drp.domain.reconciliation.findings import findings_of
from drp.drill.failures import failure_finding
from drp.drill.recorder import Recorder
from drp.drill.release import kept_finding, residue_findings
from drp.drill.sign_off import answer_findings
from drp.drill.traffic import egress_findings


def say_unsaid(recorder: Recorder) -> None:
    """Raise what the events of a drill call for and nobody said, whatever becomes of the drill now."""
    state = recorder.state
    for recovery in state.plan.recoveries:
        said = {(finding.code, finding.subject) for finding in state.recoveries[recovery.name].current}
        wanted = (*_called_for(state, recovery), *_across(state, recovery.name))
        recorder.found(recovery.name, *(one for one in wanted if (one.code, one.subject) not in said))


def _called_for(state: DrillState, recovery: PlannedRecovery) -> Iterator[Finding]:
    progress = state.recoveries[recovery.name]
    checklist = recovery.application.sign_off
    if progress.failure is not None:
        yield failure_finding(progress.failure)
    if progress.traffic is not None:
        verified = progress.outputs.verify
        yield from egress_findings(progress.traffic.egress, verified.egress if verified is not None else ())
    if progress.signed_off is not None and checklist is not None:
        yield from answer_findings(progress.signed_off.answer, progress.signed_off.signer, checklist)
    if progress.kept is not None:
        yield kept_finding(progress.kept)
    yield from residue_findings(progress.residue)


def _across(state: DrillState, name: str) -> Iterator[Finding]:
    if state.reconciled is not None and state.plan.reconciliation is not None:
        found = findings_of(state.plan.reconciliation, state.reconciled.result)
        yield from (finding for recovery, finding in found if recovery == name)
