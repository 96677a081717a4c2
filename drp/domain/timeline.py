"""The instants of a recovery, read from the folded journal, and the measurement that follows from them."""

from __future__ import annotations

from drp.domain.clock import Stamp
from drp.domain.fold import AGREEMENT_MS, DrillState, RecoveryState, between_ms, since_declaration
from drp.domain.measure import (
    ClockReadings,
    Measurement,
    PhaseTime,
    milliseconds,
    rpa_interval,
    rpo_attainment,
    rpo_by_point,
    rto_attainment,
    wrt_attainment,
)
from drp.domain.phase import PHASES, Selected
from drp.domain.plan import PlannedRecovery
from drp.domain.sandbox import SandboxProfile
from drp.domain.watermarks import all_dated

_TURN_MS = 1_000
"""Recoveries of a wave that begin at once do so in this time."""


def measure(state: DrillState, recovery: PlannedRecovery) -> Measurement:
    """Return what the journal says about one recovery's times, against its objectives."""
    progress = state.recoveries[recovery.name]
    clock, monotonic = _readings(state, progress)
    rta = clock.t10_checks_passed
    harness, turn_wait, capped = (
        _harness_ms(progress),
        _turn_wait_ms(state, recovery),
        _capped_ms(state, progress, recovery.sandbox),
    )
    selected = progress.outputs.select
    lower, upper = _rpa(state, recovery)
    objectives = recovery.application.objectives
    wrt, approval_wait = _wrt(state, progress), approval_wait_ms(state)
    starts = state.plan.starts  # how long an application takes that nobody starts, nothing tells
    waited = turn_wait + approval_wait + capped
    rto = rto_attainment(rta, objectives, recovered=recovered(progress), waited_ms=waited)
    return Measurement(
        recovery=recovery.name,
        clock=clock,
        clock_kind="monotonic" if monotonic else "wall",
        phases=_phase_times(state, progress),
        rta_ms=rta,
        rta_without_harness_ms=rta - harness if rta is not None and rta >= harness else None,
        harness_ms=harness,
        media_wait_ms=selected.media_wait_ms if selected is not None else 0,
        downtime_ms=state.downtime_ms,
        rto_attainment=rto if starts else "not-judged",
        rpa_lower_ms=lower,
        rpa_upper_ms=upper,
        rpo_attainment=rpo_attainment(lower, upper, objectives) if starts else rpo_by_point(lower, objectives),
        rto_ms=milliseconds(objectives.rto),
        rpo_ms=milliseconds(objectives.rpo),
        rta_business_ms=clock.t11_signed_off,
        wrt_ms=wrt,
        wrt_objective_ms=milliseconds(objectives.wrt) if objectives.wrt is not None else None,
        wrt_attainment=wrt_attainment(wrt, objectives) if recovery.asks(state.plan) is not None else None,
        turn_wait_ms=turn_wait,
        approval_wait_ms=approval_wait,
        capped_ms=capped,
    )


def approval_wait_ms(state: DrillState) -> int:
    """Return how long the drill waited to be approved, in all; what nobody can tell counts as no wait."""
    return sum(between_ms(state, since, until)[0] or 0 for since, until in state.approval.waits)


def _rpa(state: DrillState, recovery: PlannedRecovery) -> tuple[int | None, int | None]:
    """Return the least and the most that was lost, in milliseconds; wider by as much as two clocks disagree."""
    assert state.declared is not None
    outputs = state.recoveries[recovery.name].outputs
    selected, verified = outputs.select, outputs.verify
    if selected is None or selected.point is None or outputs.restore is None:
        return None, None
    lower, upper = rpa_interval(
        state.declared.disaster_at,
        recovery.selection.restored_state(selected.point),
        verified.watermark if verified is not None and all_dated(verified.checks) else None,
    )
    apart = clocks_apart_ms(state, selected)
    return (
        max(0, lower - apart) if lower is not None else None,
        upper + apart if upper is not None else None,
    )


def clocks_apart_ms(state: DrillState, selected: Selected) -> int:
    """Return by how much the instant of the disaster may be wrong: the repository or the journal knows of another now.

    Nothing when the plan names the instant; otherwise it is this machine's now, and either clock may be wrong.
    """
    assert state.declared is not None
    declared = state.declared
    apart = max(abs(selected.clock_ahead_ms or 0), declared.clock_behind_ms, declared.clock_apart_ms)
    return apart if state.plan.scenario.disaster_at is None and apart > AGREEMENT_MS else 0


def _wrt(state: DrillState, progress: RecoveryState) -> int | None:
    """Return how long the business needed from the technical checks to its sign-off."""
    checked, signed = progress.ended.get("verify"), progress.signed_off_at
    if not signed_off(progress) or checked is None or signed is None:
        return None
    return between_ms(state, checked, signed)[0]


def recovered(progress: RecoveryState) -> bool:
    """Return whether the application came up and every technical check passed: the recovery reached t10."""
    restored, started = progress.outputs.restore, progress.outputs.start
    verified = progress.outputs.verify
    return (
        restored is not None
        and restored.runbook.ok
        and started is not None
        and started.runbook.ok
        and verified is not None
        and bool(verified.checks)
        and all(check.outcome == "passed" for check in verified.checks)
    )


def signed_off(progress: RecoveryState) -> bool:
    """Return whether the business referent went through the whole checklist and every step passed: it reached t11."""
    return progress.signed_off is not None and not progress.signed_off.answer.failed and recovered(progress)


def _readings(state: DrillState, progress: RecoveryState) -> tuple[ClockReadings, bool]:
    kinds: list[bool] = []

    def after(stamp: Stamp | None, plus_ms: int = 0) -> int | None:
        value, monotonic = since_declaration(state, stamp)
        kinds.append(monotonic)
        return None if value is None else value + plus_ms

    selected, restored, started = progress.outputs.select, progress.outputs.restore, progress.outputs.start
    chosen = selected is not None and selected.point is not None
    wait = selected.media_wait_ms if selected is not None else 0
    first_byte = restored.first_byte_ms if restored is not None else 0
    readings = ClockReadings(
        t1_approved=after(state.approval.ended_at) if state.approval.outcome == "approved" else None,
        t2_point_chosen=after(progress.ended.get("select")) if chosen else None,
        t3_media_reachable=after(progress.started.get("select"), wait) if chosen else None,
        t4_isolation_proven=after(progress.ended.get("prepare")) if progress.outputs.prepare is not None else None,
        t5_first_byte=after(progress.started.get("restore"), first_byte) if first_byte else None,
        t6_last_byte=after(progress.ended.get("restore")) if progress.outputs.restore is not None else None,
        t7_integrity_verdict=after(progress.ended.get("hash")) if progress.outputs.hash is not None else None,
        t9_application_up=after(progress.ended.get("start")) if started is not None and started.runbook.ok else None,
        t10_checks_passed=after(progress.ended.get("verify")) if recovered(progress) else None,
        t11_signed_off=after(progress.signed_off_at) if signed_off(progress) else None,
        t12_torn_down=after(progress.destroyed_at),
    )
    return readings, all(kinds)


def _phase_times(state: DrillState, progress: RecoveryState) -> tuple[PhaseTime, ...]:
    times: list[PhaseTime] = []
    for phase in PHASES:
        start, end = progress.started.get(phase), progress.ended.get(phase)
        if start is None or end is None:
            continue
        begun, taken = since_declaration(state, start)[0], between_ms(state, start, end)[0]
        if begun is not None and taken is not None:
            times.append(PhaseTime(phase=phase, started_ms=begun, duration_ms=taken))
    return tuple(times)


def _harness_ms(progress: RecoveryState) -> int:
    runs = (progress.outputs.restore, progress.outputs.start)
    return sum(run.runbook.harness_ms for run in runs if run is not None)


def _turn_wait_ms(state: DrillState, recovery: PlannedRecovery) -> int:
    """Return how long a recovery waited behind others of its wave, which could all have begun with the first."""
    wave = next(wave for wave in state.plan.waves() if recovery in wave)
    begun = {each.name: since_declaration(state, state.recoveries[each.name].started.get("select"))[0] for each in wave}
    own, first = begun[recovery.name], min((at for at in begun.values() if at is not None), default=None)
    waited = own - first if own is not None and first is not None else 0
    return waited if waited >= _TURN_MS else 0


def _capped(progress: RecoveryState, profile: SandboxProfile) -> bool:
    """Return whether a cap was in force on what the restore read, or on the disk that it wrote to."""
    restored, prepared = progress.outputs.restore, progress.outputs.prepare
    on_disk = profile.data_backing == "disk" and profile.io_bytes_per_second is not None
    unset = prepared is not None and "io_bytes_per_second" in prepared.sandbox.not_capped
    return (restored is not None and restored.bytes_per_second is not None) or (on_disk and not unset)


def _capped_ms(state: DrillState, progress: RecoveryState, profile: SandboxProfile) -> int:
    """Return how long a restore took that was let read only so fast; 0: it was let go."""
    restored, start, end = progress.outputs.restore, progress.started.get("restore"), progress.ended.get("restore")
    if restored is None or start is None or end is None or not _capped(progress, profile):
        return 0
    return between_ms(state, start, end)[0] or 0
