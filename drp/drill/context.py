"""What a phase function is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from drp.domain.findings.finding import Finding
from drp.domain.phase import Hashed, Outputs, Prepared, Restored
from drp.domain.plan import DrillPlan, PlannedRecovery
from drp.domain.ports import Ports, Report
from drp.domain.recovery_point import RecoveryPoint
from drp.domain.sample import Sample
from drp.drill.history import Earlier

Output = TypeVar("Output")


class Found(Protocol):
    """Raises findings."""

    def __call__(self, *findings: Finding) -> None:
        """Raise what was not raised yet."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseContext:
    """One recovery of one drill, as far as it has come."""

    drill: str
    drill_host: str
    """Name of the machine on which it was declared."""
    clock_behind_ms: int
    """By how much that machine's clock was behind what it had put into the journal before."""
    clock_apart_ms: int
    """By how much it was behind what another machine had put there."""
    plan: DrillPlan
    recovery: PlannedRecovery
    disaster_at: datetime
    declared_at: datetime
    outputs: Outputs
    ports: Ports
    report: Report
    earlier: Callable[[datetime], Earlier]
    """What earlier drills held, for data of this instant."""
    found: Found
    """Raises findings at once, where a phase goes on for long after the first: a crash must not unsay them."""

    @property
    def point(self) -> RecoveryPoint:
        """Return the chosen recovery point, which every phase after select has."""
        return _given(self.outputs.point)

    @property
    def sample(self) -> Sample | None:
        """Return which of the point's files are restored; None: all of them."""
        return self.outputs.select.sample if self.outputs.select is not None else None

    @property
    def prepared(self) -> Prepared:
        """Return the sandbox, which every phase after prepare has."""
        return _given(self.outputs.prepare)

    @property
    def restored(self) -> Restored:
        """Return what came back, which every phase after restore has."""
        return _given(self.outputs.restore)

    @property
    def hashed(self) -> Hashed:
        """Return the comparison, which every phase after hash has."""
        return _given(self.outputs.hash)


def _given(output: Output | None) -> Output:
    assert output is not None, "phases run in order"
    return output
