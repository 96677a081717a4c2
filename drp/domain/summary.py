"""A drill in short: what lists tell of it, and by what it is found again. Never in place of its entries. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from drp.domain.events import EvidenceSealed
from drp.domain.fold import DrillState, RecoveryState, since_declaration
from drp.domain.level import Level
from drp.domain.phrase import fact
from drp.domain.plan import PlannedRecovery
from drp.domain.standing import own_verdict
from drp.domain.took import took_ms
from drp.domain.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoverySummary:
    """One application's passage through a drill."""

    recovery: str
    verdict: Verdict | None = None
    """Of this application alone; None: the drill has none yet."""
    listed: bool = False
    """The drill saw which recovery points there are."""
    counted: bool = False
    """The restored state was counted."""
    verified: bool = False
    """The checks ran."""
    restored_state: datetime | None = None
    """The instant of the data that was restored; None: no point was chosen."""
    rta_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillSummary:
    """One drill."""

    drill: str
    declared_at: datetime | None = None
    """None: its entries cannot be read."""
    level: Level = "full"
    """How deep it went: a pass of another level than full says so much less."""
    duration_ms: int | None = None
    verdict: Verdict | None = None
    sealed: EvidenceSealed | None = None
    sealed_at: datetime | None = None
    settled: bool = False
    """Sealed, and every sandbox that was kept is gone."""
    recoveries: tuple[RecoverySummary, ...] = ()
    plan: str = ""
    """Name of its plan."""
    took_ms: int | None = None
    """How long it took without waits for people and media, if it was whole: see `drp.domain.took`."""
    awaits_approval_until: datetime | None = None
    """It waits for somebody to approve it, and until when; None: it does not."""
    trouble: str = ""
    """Why its entries cannot be read."""

    @property
    def has_passed(self) -> bool:
        """Return whether it passed, and its evidence is sealed."""
        return self.verdict == "passed" and self.sealed is not None

    def kinds(self) -> Iterator[tuple[str, str, str]]:
        """Yield of which application, level and plan (empty: of any) it tells how long a drill takes."""
        if self.took_ms is not None:
            for one in self.recoveries:
                yield from ((one.recovery, self.level, plan) for plan in dict.fromkeys(("", self.plan)))


def summarise(state: DrillState) -> DrillSummary:
    """Return a drill in short."""
    concluded, sealed, approval = state.concluded, state.sealed, state.approval
    asked = approval.asked
    if state.declared_at is None:
        return DrillSummary(
            drill=state.drill, trouble=fact("does-not-begin-with", "it does not begin with its declaration")
        )
    held = any(one.kept is not None and (one.residue is None or not one.residue.clean) for one in _recoveries(state))
    return DrillSummary(
        drill=state.drill,
        declared_at=state.declared_at.wall,
        level=state.plan.level,
        duration_ms=since_declaration(state, state.last)[0],
        verdict=concluded.verdict if concluded is not None else None,
        sealed=sealed,
        sealed_at=state.sealed_at.wall if state.sealed_at is not None else None,
        settled=sealed is not None and not held,
        plan=state.plan.name,
        awaits_approval_until=asked.until if concluded is None and approval.awaited and asked is not None else None,
        took_ms=took_ms(state) if sealed is not None else None,
        recoveries=tuple(_recovery(state, recovery) for recovery in state.plan.recoveries),
    )


def _recoveries(state: DrillState) -> list[RecoveryState]:
    return list(state.recoveries.values())


def _recovery(state: DrillState, recovery: PlannedRecovery) -> RecoverySummary:
    outputs, concluded = state.recoveries[recovery.name].outputs, state.concluded
    measured = concluded.measurements if concluded is not None else ()
    point, verified = outputs.point, outputs.verify
    return RecoverySummary(
        recovery=recovery.name,
        verdict=own_verdict(state, recovery) if concluded is not None else None,
        listed=outputs.select is not None,
        counted=verified is not None and bool(verified.counts),
        verified=verified is not None,
        restored_state=recovery.selection.restored_state(point) if point is not None else None,
        rta_ms=next((one.rta_ms for one in measured if one.recovery == recovery.name), None),
    )
