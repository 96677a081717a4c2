"""RTA and RPA of an application against its objectives, drill after drill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from drp.domain.evidence import EvidenceRecord
from drp.domain.measure import Attainment, Measurement

MOST_DRILLS = 12
"""So many of the newest are drawn, the reported one with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What an earlier full drill measured of an application."""

    drill: str
    declared_at: datetime
    measurement: Measurement


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One drill in a trend, in milliseconds; None: not measured."""

    at: datetime
    low_ms: int | None
    high_ms: int | None
    limit_ms: int
    attainment: Attainment


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """One application, the oldest drill first and the reported one last."""

    application: str
    rto: tuple[Point, ...]
    rpo: tuple[Point, ...]


def trends_of(record: EvidenceRecord, history: Sequence[Past]) -> tuple[Trend, ...]:
    """Return the trend of each application that was drilled before; nothing of a drill that started nothing.

    Of ``history`` counts what was declared before the record, whatever else it holds.
    """
    if not record.plan.starts:
        return ()
    found = []
    for recovery in record.recoveries:
        name = recovery.recovery
        earlier = sorted(
            (one for one in history if one.measurement.recovery == name and one.declared_at < record.declared_at),
            key=lambda one: (one.declared_at, one.drill),
        )[-(MOST_DRILLS - 1) :]
        if not earlier:
            continue
        told = [(one.declared_at, one.measurement) for one in earlier] + [(record.declared_at, recovery.measurement)]
        found.append(
            Trend(
                application=name,
                rto=tuple(_recovered(at, measured) for at, measured in told),
                rpo=tuple(_lost(at, measured) for at, measured in told),
            )
        )
    return tuple(found)


def _recovered(at: datetime, measured: Measurement) -> Point:
    low = 0 if measured.rta_ms is not None else None
    return Point(
        at=at, low_ms=low, high_ms=measured.rta_ms, limit_ms=measured.rto_ms, attainment=measured.rto_attainment
    )


def _lost(at: datetime, measured: Measurement) -> Point:
    return Point(
        at=at,
        low_ms=measured.rpa_lower_ms,
        high_ms=measured.rpa_upper_ms,
        limit_ms=measured.rpo_ms,
        attainment=measured.rpo_attainment,
    )
