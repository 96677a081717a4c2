"""The instants of a recovery, read from the folded journal, and the measurement and findings that follow from them."""

from __future__ import annotations

from drp.domain.clock import Stamp, elapsed_ms
from drp.domain.events import DrillDeclared
from drp.domain.finding import Finding
from drp.domain.finding_codes import CLOCK_NOT_MONOTONIC, RPO_MISSED, RPO_UNDETERMINED, RTO_MISSED
from drp.domain.finding_codes_sign_off import WRT_MISSED
from drp.domain.fold import DrillState, RecoveryState, since_declaration
from drp.domain.measure import (
    ClockReadings,
    Measurement,
    PhaseTime,
    milliseconds,
    rpa_interval,
    rpo_attainment,
    rto_attainment,
    wrt_attainment,
)
from drp.domain.phase import PHASES, Restored, Selected, Started, Verified
from drp.domain.plan import PlannedRecovery


def measure(state: DrillState, recovery: PlannedRecovery) -> Measurement:
    """Return what the journal says about one recovery's times, against its objectives."""
    assert isinstance(state.declared, DrillDeclared)
    progress = state.recoveries[recovery.name]
    clock, monotonic = _readings(state, progress)
    rta = clock.t10_checks_passed
    harness = _harness_ms(progress)
    selected, verified = progress.outputs.get("select"), progress.outputs.get("verify")
    point = selected.point if isinstance(selected, Selected) else None
    watermark = verified.watermark if isinstance(verified, Verified) else None
    restored = isinstance(progress.outputs.get("restore"), Restored)
    lower, upper = rpa_interval(
        state.declared.disaster_at,
        recovery.selection.restored_state(point) if point is not None and restored else None,
        watermark,
    )
    objectives = recovery.application.objectives
    wrt = max(0, clock.t11_signed_off - rta) if clock.t11_signed_off is not None and rta is not None else None
    return Measurement(
        recovery=recovery.name,
        clock=clock,
        clock_kind="monotonic" if monotonic else "wall",
        phases=_phase_times(state, progress),
        rta_ms=rta,
        rta_without_harness_ms=max(0, rta - harness) if rta is not None else None,
        harness_ms=harness,
        media_wait_ms=selected.media_wait_ms if isinstance(selected, Selected) else 0,
        downtime_ms=state.downtime_ms,
        rto_attainment=rto_attainment(rta, objectives),
        rpa_lower_ms=lower,
        rpa_upper_ms=upper,
        rpo_attainment=rpo_attainment(lower, upper, objectives),
        rto_ms=milliseconds(objectives.rto),
        rpo_ms=milliseconds(objectives.rpo),
        rta_business_ms=clock.t11_signed_off,
        wrt_ms=wrt,
        wrt_objective_ms=milliseconds(objectives.wrt) if objectives.wrt is not None else None,
        wrt_attainment=wrt_attainment(wrt, objectives) if recovery.asks(state.plan) is not None else None,
    )


def recovered(progress: RecoveryState) -> bool:
    """Return whether the application came up and every technical check passed: the recovery reached t10."""
    restored, started = progress.outputs.get("restore"), progress.outputs.get("start")
    verified = progress.outputs.get("verify")
    return (
        isinstance(restored, Restored)
        and restored.runbook.ok
        and isinstance(started, Started)
        and started.runbook.ok
        and isinstance(verified, Verified)
        and bool(verified.checks)
        and all(check.outcome == "passed" for check in verified.checks)
    )


def signed_off(progress: RecoveryState) -> bool:
    """Return whether the business referent went through the whole checklist and every step passed: it reached t11."""
    return progress.signed_off is not None and not progress.signed_off.answer.failed and recovered(progress)


def findings_of(measurement: Measurement) -> tuple[Finding, ...]:
    """Return the findings that a measurement speaks for itself."""
    found: list[Finding] = []
    if measurement.rto_attainment == "missed":
        found.append(
            RTO_MISSED.finding(
                subject="RTO", observed=f"{measurement.rta_ms} ms", expected=f"at most {measurement.rto_ms} ms"
            )
        )
    if measurement.rpo_attainment == "missed":
        found.append(
            RPO_MISSED.finding(
                subject="RPO",
                observed=f"at least {measurement.rpa_lower_ms} ms lost",
                expected=f"at most {measurement.rpo_ms} ms",
            )
        )
    if measurement.rpo_attainment == "undetermined":
        upper = "no watermark" if measurement.rpa_upper_ms is None else f"up to {measurement.rpa_upper_ms} ms lost"
        found.append(
            RPO_UNDETERMINED.finding(subject="RPO", observed=upper, expected=f"at most {measurement.rpo_ms} ms")
        )
    if measurement.wrt_attainment == "missed":
        found.append(
            WRT_MISSED.finding(
                subject="WRT",
                observed=f"{measurement.wrt_ms} ms",
                expected=f"at most {measurement.wrt_objective_ms} ms",
            )
        )
    if measurement.clock_kind == "wall":
        found.append(CLOCK_NOT_MONOTONIC.finding(subject="clock", observed="several boots", expected="one boot"))
    return tuple(found)


def _readings(state: DrillState, progress: RecoveryState) -> tuple[ClockReadings, bool]:
    kinds: list[bool] = []

    def after(stamp: Stamp | None, plus_ms: int = 0) -> int | None:
        value, monotonic = since_declaration(state, stamp)
        kinds.append(monotonic)
        return None if value is None else value + plus_ms

    selected, restored = progress.outputs.get("select"), progress.outputs.get("restore")
    chosen = isinstance(selected, Selected) and selected.point is not None
    wait = selected.media_wait_ms if isinstance(selected, Selected) else 0
    first_byte = restored.first_byte_ms if isinstance(restored, Restored) else 0
    readings = ClockReadings(
        t2_point_chosen=after(progress.ended.get("select")) if chosen else None,
        t3_media_reachable=after(progress.started.get("select"), wait) if chosen else None,
        t4_isolation_proven=after(progress.ended.get("prepare")) if "prepare" in progress.outputs else None,
        t5_first_byte=after(progress.started.get("restore"), first_byte) if first_byte else None,
        t6_last_byte=after(progress.ended.get("restore")) if "restore" in progress.outputs else None,
        t7_integrity_verdict=after(progress.ended.get("hash")) if "hash" in progress.outputs else None,
        t9_application_up=after(progress.ended.get("start")) if "start" in progress.outputs else None,
        t10_checks_passed=after(progress.ended.get("verify")) if recovered(progress) else None,
        t11_signed_off=after(progress.signed_off_at) if signed_off(progress) else None,
        t12_torn_down=after(progress.destroyed_at),
    )
    return readings, all(kinds)


def _phase_times(state: DrillState, progress: RecoveryState) -> tuple[PhaseTime, ...]:
    times: list[PhaseTime] = []
    for phase in PHASES:
        start, end = progress.started.get(phase), progress.ended.get(phase)
        begun, _ = since_declaration(state, start)
        if start is not None and end is not None and begun is not None:
            times.append(PhaseTime(phase=phase, started_ms=begun, duration_ms=elapsed_ms(start, end)[0]))
    return tuple(times)


def _harness_ms(progress: RecoveryState) -> int:
    runs = (progress.outputs.get("restore"), progress.outputs.get("start"))
    return sum(run.runbook.harness_ms for run in runs if isinstance(run, Restored | Started))
