"""Conducts a drill: waves of recoveries, each through its phases, every step journalled; then the end, always.

The journal decides what is already done, so conducting a drill that was cut off goes on where it can. One phase's
output is the next one's input. A phase that raises could not exercise the recovery; what it found out is in its
output.
"""

from __future__ import annotations

import traceback
from dataclasses import replace
from functools import partial

from drp.domain.events import Interrupted, PhaseCompleted, PhaseFailed, PhaseStarted
from drp.domain.findings.catalogue import DEPENDENCY_FAILED
from drp.domain.fold import RecoveryState
from drp.domain.phase import Hashed, PhaseName, PhaseOutput, Prepared, Selected, Started
from drp.domain.phrase import fact, own_words
from drp.domain.plan import PlannedRecovery
from drp.domain.ports import Ports
from drp.domain.timeline import recovered
from drp.drill.approval import approved
from drp.drill.context import PhaseContext
from drp.drill.failures import failure_finding
from drp.drill.finish import finish
from drp.drill.phases import PHASE_FUNCTIONS
from drp.drill.reconcile import reconcile
from drp.drill.recorder import Recorder
from drp.drill.release import let_go
from drp.drill.sign_off import sign_off
from drp.drill.unchanged import require_unchanged, unchanged
from drp.errors import DrpError, MaterialsChanged
from drp.errors import Interrupted as InterruptedError_
from drp.redact import redacted

_UNFORESEEN = "an error in drp, or a port that broke its contract; it says nothing about the backup: report it"


def conduct(recorder: Recorder, ports: Ports) -> None:
    """Carry a declared drill to its conclusion and seal it. Raises ``Interrupted`` after an aborted drill is sealed.

    Raises ``StorageFull`` when the journal cannot be written: the drill stays open and can be resumed, and the
    sandboxes go with the process.
    """
    stopped: InterruptedError_ | None = None
    try:
        if approved(recorder, ports):
            _recover_all(recorder, ports)
    except InterruptedError_ as error:
        stopped = error
        if recorder.state.interrupted is None:
            asked = Interrupted(
                signal_number=ports.signal_number(), reason=own_words(error.message), by=ports.stopped_by()
            )
            recorder.append(asked)
    finish(recorder, ports, may_keep=not recorder.state.resumptions)
    if stopped is not None:
        raise stopped


def _recover_all(recorder: Recorder, ports: Ports) -> None:
    for wave in recorder.state.plan.waves():
        names = [recovery.name for recovery in wave]
        ports.crew.together(partial(_recover, recorder, ports), names, at_most=recorder.state.plan.parallel)
    if unchanged(recorder, ports) and recorder.state.plan.starts:
        reconcile(recorder, ports)
        sign_off(recorder, ports)


def _recover(recorder: Recorder, ports: Ports, name: str) -> None:
    """Take one application through its phases until they are done or going on makes no sense."""
    progress = recorder.state.recoveries[name]
    recovery = next(each for each in recorder.state.plan.recoveries if each.name == name)
    blocked = _unrecovered_dependencies(recorder, recovery)
    if blocked:
        finding = DEPENDENCY_FAILED.finding(
            subject=recovery.name, observed=", ".join(blocked), expected=fact("recovered", "recovered")
        )
        recorder.found(recovery.name, finding)
        return
    while (phase := progress.next_phase) is not None and not ended(progress):
        if ports.cancelled():
            message = "stopped between two phases"
            raise InterruptedError_(message)
        _run_phase(recorder, ports, recovery, phase)
    if not recorder.state.plan.is_needed_to_the_end(recovery):
        let_go(recorder, ports, recovery.name)


def _unrecovered_dependencies(recorder: Recorder, recovery: PlannedRecovery) -> list[str]:
    states = recorder.state.recoveries
    if not recorder.state.plan.starts:  # nothing is started, so nothing has to be up before
        return []
    return [name for name in recovery.application.depends_on if name in states and not recovered(states[name])]


def _run_phase(recorder: Recorder, ports: Ports, recovery: PlannedRecovery, phase: PhaseName) -> None:
    declared = recorder.state.declared
    assert declared is not None
    assert recorder.state.declared_at is not None
    recorder.append(PhaseStarted(recovery=recovery.name, phase=phase))
    context = PhaseContext(
        drill=recorder.drill,
        drill_host=declared.host,
        clock_behind_ms=declared.clock_behind_ms,
        clock_apart_ms=declared.clock_apart_ms,
        plan=recorder.state.plan,
        recovery=recovery,
        disaster_at=declared.disaster_at,
        declared_at=recorder.state.declared_at.wall,
        outputs=recorder.state.recoveries[recovery.name].outputs,
        ports=ports,
        report=recorder.progress_of(recovery.name, phase),
        earlier=partial(recorder.earlier, recovery.name),
        found=partial(recorder.found, recovery.name),
    )
    try:
        require_unchanged(recorder, ports)
        output = PHASE_FUNCTIONS[phase](context)
    except InterruptedError_:
        raise
    except DrpError as error:
        _phase_failed(recorder, recovery.name, phase, error)
        return
    except Exception as error:  # noqa: BLE001 - whatever a backup provokes, the drill ends destroyed and sealed
        place = traceback.extract_tb(error.__traceback__)[-1]
        words = fact(
            "unforeseen-line",
            "unforeseen {kind} in {function}, line {line}: {error}",
            kind=type(error).__name__,
            function=place.name,
            line=str(place.lineno),
            error=error,
        )
        unforeseen = DrpError(words, hint=_UNFORESEEN)
        _phase_failed(recorder, recovery.name, phase, unforeseen)
        return
    known = recorder.state.recoveries[recovery.name].current  # what was raised while the phase went on
    new = tuple(finding for finding in dict.fromkeys(output.findings) if finding not in known)
    recorder.append(PhaseCompleted(recovery=recovery.name, phase=phase, output=replace(output, findings=new)))
    try:
        require_unchanged(recorder, ports)  # nor may it have changed while the phase used it
    except MaterialsChanged as error:
        _phase_failed(recorder, recovery.name, phase, error)


def _phase_failed(recorder: Recorder, name: str, phase: PhaseName, error: DrpError) -> None:
    told, hint = redacted(own_words(error.message)), redacted(own_words(error.hint))
    failed = PhaseFailed(
        recovery=name,
        phase=phase,
        code=error.code,
        message=told,
        hint=hint,
        exit_status=error.exit_status,
    )
    recorder.found(name, failure_finding(failed), after=failed)


def ended(progress: RecoveryState) -> bool:
    """Return whether going on makes no sense: nothing chosen, not isolated, not whole, not started."""
    return any(_stops(output, progress) for output in progress.outputs)


def _stops(output: PhaseOutput, progress: RecoveryState) -> bool:
    match output:
        case Selected():
            return output.point is None or (progress.level == "sample" and output.sample is None)
        case Prepared():
            return not output.proof.holds or not all(image.as_declared for image in output.software)
        case Hashed():  # a damaged restore is hashed, to name what is missing, and never started
            restored = progress.outputs.restore
            return restored is not None and not (restored.runbook.ok and not restored.receipt.unrestored)
        case Started():
            return not output.runbook.ok
        case _:
            return False
