"""What a phase function is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from drp.domain.findings.finding import Finding
from drp.domain.phase import PhaseName, PhaseOutput
from drp.domain.plan import DrillPlan, PlannedRecovery
from drp.domain.ports import Ports, Report
from drp.drill.history import Earlier


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseContext:
    """One recovery of one drill, as far as it has come."""

    drill: str
    drill_host: str
    """Name of the machine on which it was declared."""
    clock_behind_ms: int
    """By how much that machine's clock was behind the journal."""
    plan: DrillPlan
    recovery: PlannedRecovery
    disaster_at: datetime
    declared_at: datetime
    outputs: Mapping[PhaseName, PhaseOutput]
    ports: Ports
    report: Report
    earlier: Callable[[datetime], Earlier]
    """What earlier drills held, for data of this instant."""
    found: Callable[[Sequence[Finding]], None]
    """Raises findings at once, where a phase goes on for long after the first: a crash must not unsay them."""
