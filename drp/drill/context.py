"""What a phase function is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from drp.domain.phase import PhaseName, PhaseOutput
from drp.domain.plan import DrillPlan, PlannedRecovery
from drp.domain.ports import Ports, Report


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseContext:
    """One recovery of one drill, as far as it has come."""

    drill: str
    plan: DrillPlan
    recovery: PlannedRecovery
    disaster_at: datetime
    declared_at: datetime
    outputs: Mapping[PhaseName, PhaseOutput]
    ports: Ports
    report: Report
