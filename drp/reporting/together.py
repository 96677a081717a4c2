"""All recoveries of a drill on one axis from its declaration: which phase of which application ran when."""

from __future__ import annotations

from dataclasses import dataclass

from drp.domain.evidence import EvidenceRecord
from drp.reporting.timeline import Bar, ticks, timeline_of

COLOURS = {
    "approval": "#8d99a6",
    "select": "#4f7cac",
    "prepare": "#9a6fb0",
    "restore": "#1f4e79",
    "hash": "#2a8c82",
    "start": "#b36b00",
    "verify": "#17693f",
    "reconcile": "#7a1f4b",
    "sign-off": "#5b5b00",
    "destroy": "#5c6b7a",
}
"""By phase; the legend and the description say the same in words."""


@dataclass(frozen=True, slots=True)
class Row:
    """One recovery."""

    application: str
    bars: tuple[Bar, ...]
    rta_ms: int | None
    missed: bool


@dataclass(frozen=True, slots=True)
class Together:
    """The recoveries of a drill, on one axis."""

    bars: tuple[Row, ...]
    """Empty: there is only one recovery, or nothing ran."""
    end_ms: int
    ticks: tuple[int, ...]

    @property
    def phases(self) -> tuple[tuple[str, str], ...]:
        """Return the phases that ran, each with its colour."""
        ran = {bar.phase for row in self.bars for bar in row.bars if not bar.failed}
        return tuple((phase, colour) for phase, colour in COLOURS.items() if phase in ran)

    @property
    def stopped(self) -> bool:
        """Return whether a phase could not be exercised to its end."""
        return any(bar.failed for row in self.bars for bar in row.bars)


def together_of(record: EvidenceRecord) -> Together:
    """Return all recoveries of a record on one axis."""
    lines = [(recovery, timeline_of(recovery)) for recovery in record.recoveries]
    rows = tuple(
        Row(
            application=recovery.recovery,
            bars=line.bars,
            rta_ms=line.rta_ms,
            missed=recovery.measurement.rto_attainment == "missed",
        )
        for recovery, line in lines
    )
    drawn = sum(bool(row.bars) for row in rows) > 1
    end = max((line.end_ms for _, line in lines), default=1)
    return Together(rows if drawn else (), end, ticks(end))
