"""What becomes of a drill that was cut off: it is concluded with what is known, or taken up again, as its plan says.

A local sandbox never survives the process that opened it, so a drill that is taken up restores again.
"""

from __future__ import annotations

from drp.domain.clock import elapsed_ms
from drp.domain.events import FindingRaised, Resumed
from drp.domain.finding_codes import DRILL_INTERRUPTED
from drp.domain.fold import DrillState, RecoveryState
from drp.domain.phase import PHASES
from drp.domain.plan import InterruptPolicy
from drp.domain.ports import Ports
from drp.domain.timeline import recovered
from drp.drill.conduct import conduct, ended
from drp.drill.finish import destroyed, finish, residue_findings
from drp.drill.recorder import Recorder
from drp.drill.sign_off import awaited

_MOST_RESUMPTIONS = 3
"""Without being asked to; `drp drill resume` always may."""


def take_up(recorder: Recorder, ports: Ports, *, policy: InterruptPolicy | None = None) -> None:
    """Bring a drill that was cut off to its sealed record. ``policy`` overrides the plan's."""
    state = recorder.state
    if state.sealed is not None:
        return
    if state.concluded is not None or _all_ended(state):
        finish(recorder, ports, may_keep=False)
    elif (policy or _policy(state)) == "resume" and state.interrupted is None:
        _resume(recorder, ports)
    else:
        _conclude(recorder, ports)


def _policy(state: DrillState) -> InterruptPolicy:
    """Return the plan's policy; a drill that is cut off again and again must not keep all others waiting for ever."""
    return "conclude" if len(state.resumptions) >= _MOST_RESUMPTIONS else state.plan.on_interrupt


def _all_ended(state: DrillState) -> bool:
    compared = state.plan.reconciliation is None or state.reconciled is not None
    return (
        compared
        and not awaited(state)
        and all(progress.next_phase is None or ended(progress) for progress in state.recoveries.values())
    )


def _settled(progress: RecoveryState) -> bool:
    """Return whether a recovery came to a bad end of its own: no second attempt may make that unsaid."""
    refused = progress.signed_off is not None and bool(progress.signed_off.answer.failed)
    return ended(progress) or refused or ("verify" in progress.outputs and not recovered(progress))


def _conclude(recorder: Recorder, ports: Ports) -> None:
    asked = {recovery.name for recovery in awaited(recorder.state)}
    for name, progress in recorder.state.recoveries.items():
        phase = None if ended(progress) else progress.next_phase or ("sign-off" if name in asked else None)
        if phase is not None and all(finding.code != DRILL_INTERRUPTED.code for finding in progress.findings):
            finding = DRILL_INTERRUPTED.finding(
                subject=name, observed=f"cut off in {phase}", expected="all phases done"
            )
            recorder.append(FindingRaised(recovery=name, finding=finding))
    for name in asked:
        ports.sign_offs.close(recorder.drill, name)
    finish(recorder, ports, may_keep=False)


def _resume(recorder: Recorder, ports: Ports) -> None:
    state = recorder.state
    lost = tuple(
        name
        for name, progress in state.recoveries.items()
        if any(phase in progress.started for phase in PHASES[1:]) and progress.kept is None and not _settled(progress)
    )
    remains = {
        name: residue_findings(destroyed(ports, sandbox))
        for name in lost
        if (sandbox := state.recoveries[name].sandbox) is not None
    }
    downtime = elapsed_ms(state.last, ports.clock.now())[0] if state.last is not None else 0
    recorder.append(Resumed(reason="drp was cut off", downtime_ms=downtime, lost_sandboxes=lost))
    for name, found in remains.items():
        for finding in found:
            recorder.append(FindingRaised(recovery=name, finding=finding))
    conduct(recorder, ports)
