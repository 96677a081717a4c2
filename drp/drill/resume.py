"""What becomes of a drill that was cut off: it is concluded with what is known, or resumed, as its plan says.

A local sandbox never survives the process that opened it, so a drill that is resumed restores again.
"""

from __future__ import annotations

import socket
from contextlib import suppress

from drp.domain.events import FindingRaised, Resumed
from drp.domain.findings.catalogue import DRILL_INTERRUPTED
from drp.domain.fold import DrillState, RecoveryState, between_ms, tie
from drp.domain.phase import PHASES
from drp.domain.phrase import fact
from drp.domain.plan import InterruptPolicy
from drp.domain.ports import Ports
from drp.domain.timeline import recovered
from drp.drill.conduct import conduct, ended
from drp.drill.finish import finish
from drp.drill.recorder import Recorder
from drp.drill.release import remains_of
from drp.drill.sign_off import awaited
from drp.drill.unchanged import unchanged
from drp.drill.unsaid import say_unsaid
from drp.errors import RepositoryError

_MOST_RESUMPTIONS = 3
"""Without being asked to; `drp drill resume` always may."""


def take_up(recorder: Recorder, ports: Ports, *, policy: InterruptPolicy | None = None) -> None:
    """Bring a drill that was cut off to its sealed record. ``policy`` overrides the plan's."""
    state = recorder.state
    if state.sealed is not None:
        return
    if state.concluded is None:
        say_unsaid(recorder)
    if state.concluded is not None or state.approval.withheld or _all_ended(state):
        finish(recorder, ports, may_keep=False)
    elif (policy or _policy(state)) == "resume" and state.interrupted is None and unchanged(recorder, ports):
        _resume(recorder, ports)
    else:
        _conclude(recorder, ports)


def _policy(state: DrillState) -> InterruptPolicy:
    """Return the plan's policy; a drill that is cut off again and again must not keep all others waiting for ever."""
    return "conclude" if len(state.resumptions) >= _MOST_RESUMPTIONS else state.plan.on_interrupt


def _all_ended(state: DrillState) -> bool:
    compared = state.plan.reconciliation is None or not state.plan.starts or state.reconciled is not None
    return (
        compared
        and not awaited(state)
        and all(progress.next_phase is None or ended(progress) for progress in state.recoveries.values())
    )


def _settled(progress: RecoveryState) -> bool:
    """Return whether a recovery came to a bad end of its own: no second attempt may make that unsaid."""
    refused = progress.signed_off is not None and bool(progress.signed_off.answer.failed)
    return ended(progress) or refused or (progress.outputs.verify is not None and not recovered(progress))


def _conclude(recorder: Recorder, ports: Ports) -> None:
    asked = {recovery.name for recovery in awaited(recorder.state)}
    for name, progress in recorder.state.recoveries.items():
        phase = None if ended(progress) else progress.next_phase or ("sign-off" if name in asked else None)
        phase = "approval" if recorder.state.approval.awaited else phase
        if phase is not None and all(finding.code != DRILL_INTERRUPTED.code for finding in progress.findings):
            finding = DRILL_INTERRUPTED.finding(
                subject=name,
                observed=fact("cut-off", "cut off in {phase}", phase=phase),
                expected=fact("all-phases-done", "all phases done"),
            )
            recorder.found(name, finding)
    for name in asked:
        ports.sign_offs.close(recorder.drill, name)
    if recorder.state.approval.awaited:
        ports.approvals.close(recorder.drill)
    finish(recorder, ports, may_keep=False)


def _resume(recorder: Recorder, ports: Ports) -> None:
    state = recorder.state
    lost = tuple(
        name
        for name, progress in state.recoveries.items()
        if any(phase in progress.started for phase in PHASES[1:])
        and progress.kept is None
        and not (_settled(progress) or progress.over)
    )
    remains = {
        name: remains_of(recorder, sandbox, ports.sandbox.destroy)[1]
        for name in lost
        if (sandbox := state.recoveries[name].sandbox) is not None
    }
    ahead_ms, downtime = _away(state, ports)
    recorder.append(
        Resumed(
            reason=fact("drp-cut-off", "drp was cut off"),
            downtime_ms=downtime,
            lost_sandboxes=lost,
            clock_ahead_ms=ahead_ms,
            host=socket.gethostname(),
        ),
        *(FindingRaised(recovery=name, finding=finding) for name, found in remains.items() for finding in found),
    )
    conduct(recorder, ports)


def _away(state: DrillState, ports: Ports) -> tuple[int | None, int | None]:
    """Return how far this clock is ahead of a repository's, asked only after a restart, and how long drp was away.

    Milliseconds; None: nobody can tell.
    """
    now, last = ports.clock.now(), state.last
    if last is None:
        return None, 0
    ahead_ms = _ahead_ms(state, ports) if last.boot_id != now.boot_id else None
    if ahead_ms is not None:
        now = ports.clock.now()
    tie(state, now, ahead_ms)
    return ahead_ms, between_ms(state, last, now)[0]


def _ahead_ms(state: DrillState, ports: Ports) -> int | None:
    for name in dict.fromkeys(recovery.repository for recovery in state.plan.recoveries):
        with suppress(RepositoryError):  # what is wrong with it, the drill will meet again and say
            if (ahead_ms := ports.repositories[name].preflight().clock_ahead_ms) is not None:
                return ahead_ms
    return None
