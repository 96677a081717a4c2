"""When each phase of a recovery ran, what of it was waiting and what was the tools' own overhead."""

from __future__ import annotations

from dataclasses import dataclass

from drp.domain.evidence import RecoveryRecord

_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400)
"""Seconds between two ticks of an axis that people can read."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One phase. ``waiting_ms`` is drawn first, ``harness_ms`` last: where in the phase they fell is not recorded."""

    phase: str
    started_ms: int
    duration_ms: int
    waiting_ms: int = 0
    harness_ms: int = 0
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Timeline:
    """The bars of a recovery on an axis from its declaration (t0)."""

    bars: tuple[Bar, ...]
    end_ms: int
    ticks: tuple[int, ...]
    rta_ms: int | None
    rto_ms: int
    waiting_ms: int
    harness_ms: int
    downtime_ms: int | None


def timeline_of(record: RecoveryRecord) -> Timeline:
    """Return the timeline of a recovery."""
    measurement = record.measurement
    harness: dict[str, int] = {
        phase.phase: phase.runbook.harness_ms for phase in (record.restore, record.start) if phase is not None
    }
    bars = tuple(
        Bar(
            phase=time.phase,
            started_ms=time.started_ms,
            duration_ms=time.duration_ms,
            waiting_ms=min(measurement.media_wait_ms, time.duration_ms) if time.phase == "select" else 0,
            harness_ms=min(harness.get(time.phase, 0), time.duration_ms),
            failed=record.failure is not None and record.failure.phase == time.phase,
        )
        for time in measurement.phases
    )
    end = max([bar.started_ms + bar.duration_ms for bar in bars] + [measurement.rta_ms or 0, 1])
    return Timeline(
        bars=bars,
        end_ms=end,
        ticks=ticks(end),
        rta_ms=measurement.rta_ms,
        rto_ms=measurement.rto_ms,
        waiting_ms=measurement.media_wait_ms,
        harness_ms=measurement.harness_ms,
        downtime_ms=measurement.downtime_ms,
    )


def ticks(end_ms: int) -> tuple[int, ...]:
    """Return at most eight instants, from zero, that divide an axis of this length at round times."""
    step = next((1000 * seconds for seconds in _STEPS if end_ms <= 7000 * seconds), None)
    if step is None:  # more than a week: whole days
        step = 86_400_000 * (end_ms // (7 * 86_400_000) + 1)
    return tuple(range(0, end_ms + 1, step))
