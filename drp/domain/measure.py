"""How RTA and RPA are computed: pure arithmetic over the stamps of one recovery.

The clock: t0 declared · t1 approved · t2 point chosen · t3 media reachable · t4 sandbox ready and
isolation proven · t5 first byte · t6 last byte · t7 integrity verdict · t9 application up · t10 technical checks
pass · t11 functional sign-off · t12 torn down. ``RTA_technical = t10 - t0``, ``RTA_business = t11 - t0``,
``WRT = t11 - t10``. Waiting for media and drp's own downtime are inside it, shown
apart and never subtracted.

RPA is an interval: at least ``disaster_at - consistent_at`` was lost; at most ``disaster_at - watermark``. What is
impossible (a clock that ran backwards, a point after the disaster) measures nothing: it is never cut to the best value.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from drp.domain.application import Objectives
from drp.domain.check import Watermark

Attainment = Literal["met", "missed", "undetermined", "not-measured", "not-judged", "by-point"]
"""not-judged: the drill's level does not ask it, since nothing was started. by-point: the recovery point is young
enough, and nobody asked the application for its newest datum: less than met."""
ClockKind = Literal["monotonic", "wall"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseTime:
    """How long one phase took, and when it began, relative to t0."""

    phase: str
    started_ms: int
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockReadings:
    """The instants of one recovery in milliseconds after t0; None where the recovery did not get there."""

    t1_approved: int | None = None
    t2_point_chosen: int | None = None
    t3_media_reachable: int | None = None
    t4_isolation_proven: int | None = None
    t5_first_byte: int | None = None
    t6_last_byte: int | None = None
    t7_integrity_verdict: int | None = None
    t9_application_up: int | None = None
    t10_checks_passed: int | None = None
    t11_signed_off: int | None = None
    t12_torn_down: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What was measured of one recovery, against its objectives."""

    recovery: str
    clock: ClockReadings
    clock_kind: ClockKind
    phases: tuple[PhaseTime, ...]
    rta_ms: int | None
    """RTA_technical; None unless every check passed, and where nothing confirms a clock across a restart."""
    rta_without_harness_ms: int | None
    harness_ms: int
    """Ansible's own overhead inside RTA."""
    media_wait_ms: int
    downtime_ms: int | None
    """While drp itself was not running; None: nobody can tell."""
    rto_attainment: Attainment
    rpa_lower_ms: int | None
    rpa_upper_ms: int | None
    rpo_attainment: Attainment
    rto_ms: int
    rpo_ms: int
    rta_business_ms: int | None = None
    """None unless the business referent signed the application off."""
    wrt_ms: int | None = None
    """Work recovery time actual: from the technical checks to the sign-off."""
    wrt_objective_ms: int | None = None
    wrt_attainment: Attainment | None = None
    """None: there is no objective, or the plan asks for no sign-off."""
    turn_wait_ms: int = 0
    """Inside RTA: while others of its wave were recovered, because the drill host carries fewer at a time."""
    approval_wait_ms: int = 0
    """Inside RTA: until somebody had approved the drill, each time that it asked."""
    capped_ms: int = 0
    """Inside RTA: how long the restore took while the site let it read only so fast; some of it, nobody knows how much,
    was the cap's."""

    @property
    def up_ms(self) -> int | None:
        """When the application was up (t9), where it has no RTA; it never stands for one."""
        return self.clock.t9_application_up if self.rta_ms is None else None


def milliseconds(duration: timedelta) -> int:
    """Return a duration in whole milliseconds."""
    return duration // timedelta(milliseconds=1)


def rto_attainment(
    rta_ms: int | None, objectives: Objectives, *, recovered: bool = False, waited_ms: int = 0
) -> Attainment:
    """Return whether the recovery time objective was met; without a recovery there is nothing to compare.

    A recovery whose time nobody can tell is undetermined, and so is one that would have met its objective without
    ``waited_ms``: for its turn on the drill host, for an approval, or while a cap of the site let it read only so fast.
    That is no fault of the backup, and no proof.
    """
    if rta_ms is None:
        return "undetermined" if recovered else "not-measured"
    limit = milliseconds(objectives.rto)
    if rta_ms <= limit:
        return "met"
    return "missed" if rta_ms - waited_ms > limit else "undetermined"


def rpo_by_point(lower_ms: int | None, objectives: Objectives) -> Attainment:
    """Return whether the recovery point is young enough, where nothing restored was asked for its newest datum.

    It can be too old for certain, and never certainly young enough: what it holds may be older than the backup.
    """
    if lower_ms is None:
        return "not-measured"
    return "missed" if lower_ms > milliseconds(objectives.rpo) else "by-point"


def wrt_attainment(wrt_ms: int | None, objectives: Objectives) -> Attainment | None:
    """Return whether the work recovery time objective was met; None where there is none."""
    if objectives.wrt is None:
        return None
    if wrt_ms is None:
        return "not-measured"
    return "met" if wrt_ms <= milliseconds(objectives.wrt) else "missed"


def rpa_interval(
    disaster_at: datetime, consistent_at: datetime | None, watermark: Watermark | None
) -> tuple[int | None, int | None]:
    """Return the least and the most data loss in milliseconds that the observations allow.

    A watermark that a backup took while it ran is younger than the instant that it is consistent at, and proves
    nothing below the lower bound; by a clock that may be ahead, it may be as much older. A point of after the disaster
    measures nothing.
    """
    if consistent_at is None or consistent_at > disaster_at:
        return None, None
    lower = milliseconds(disaster_at - consistent_at)
    if watermark is None:
        return lower, None
    return lower, max(lower, milliseconds(disaster_at - watermark.written_by))


def rpo_attainment(lower_ms: int | None, upper_ms: int | None, objectives: Objectives) -> Attainment:
    """Return met if the upper bound is inside the RPO, missed if the lower bound is outside, else undetermined."""
    if lower_ms is None:
        return "not-measured"
    limit = milliseconds(objectives.rpo)
    if lower_ms > limit:
        return "missed"
    if upper_ms is not None and upper_ms <= limit:
        return "met"
    return "undetermined"
