"""What becomes of a drill that was cut off: it is concluded with what is known, or taken up again, as its plan says.

A local sandbox never survives the process that opened it, so a drill that is taken up restores again.
"""

from __future__ import annotations

from drp.domain.clock import elapsed_ms
from drp.domain.events import FindingRaised, Resumed
from drp.domain.finding_codes import DRILL_INTERRUPTED
from drp.domain.fold import DrillState
from drp.domain.phase import PHASES
from drp.domain.plan import InterruptPolicy
from drp.domain.ports import Ports
from drp.drill.conduct import conduct
from drp.drill.finish import finish
from drp.drill.recorder import Recorder


def take_up(recorder: Recorder, ports: Ports, *, policy: InterruptPolicy | None = None) -> None:
    """Bring a drill that was cut off to its sealed record. ``policy`` overrides the plan's."""
    state = recorder.state
    if state.sealed is not None:
        return
    if state.concluded is not None or _all_ended(state):
        finish(recorder, ports)
    elif (policy or state.plan.on_interrupt) == "resume" and state.interrupted is None:
        _resume(recorder, ports)
    else:
        _conclude(recorder, ports)


def _all_ended(state: DrillState) -> bool:
    return all(progress.next_phase is None for progress in state.recoveries.values())


def _conclude(recorder: Recorder, ports: Ports) -> None:
    for name, progress in recorder.state.recoveries.items():
        phase = progress.next_phase
        if phase is not None and all(finding.code != DRILL_INTERRUPTED.code for finding in progress.findings):
            finding = DRILL_INTERRUPTED.finding(
                subject=name, observed=f"cut off in {phase}", expected="all phases done"
            )
            recorder.append(FindingRaised(recovery=name, finding=finding))
    finish(recorder, ports)


def _resume(recorder: Recorder, ports: Ports) -> None:
    state = recorder.state
    lost = tuple(
        name
        for name, progress in state.recoveries.items()
        if any(phase in progress.started for phase in PHASES[1:]) and progress.kept is None
    )
    for name in lost:
        sandbox = state.recoveries[name].sandbox
        if sandbox is not None:
            ports.sandbox.destroy(sandbox)
    downtime = elapsed_ms(state.last, ports.clock.now())[0] if state.last is not None else 0
    recorder.append(Resumed(reason="drp was cut off", downtime_ms=downtime, lost_sandboxes=lost))
    conduct(recorder, ports)
