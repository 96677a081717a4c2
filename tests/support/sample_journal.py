"""Tells a sample drill as a journal, the way drp writes one, with a clock of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from drp.codec import digest, to_data
from drp.domain.application import Application
from drp.domain.clock import Stamp
from drp.domain.events import (
    DrillConcluded,
    DrillDeclared,
    Entry,
    Event,
    FindingRaised,
    Interrupted,
    PhaseCompleted,
    PhaseFailed,
    PhaseStarted,
    Progressed,
    SandboxDestroyed,
)
from drp.domain.findings.finding import Finding
from drp.domain.fold import fold
from drp.domain.phase import PHASES, Outputs, PhaseName, PhaseOutput
from drp.domain.plan import DrillPlan, PlannedRecovery, Scenario
from drp.domain.recovery_point import Selection
from drp.domain.sandbox import Residue, SandboxProfile
from drp.domain.timeline import measure
from drp.domain.verdict import conclude
from tests.support.sample_outputs import T0, application, hashed, prepared, restored, selected, started, verified


@dataclass
class Tale:
    """One recovery as it is going to be told: outputs with how long each phase took, and how it stops."""

    application: Application
    outputs: dict[PhaseName, PhaseOutput]
    durations: dict[PhaseName, int]
    raised: list[Finding] = field(default_factory=list)
    failure: PhaseFailed | None = None
    residue: Residue = field(default_factory=lambda: Residue(processes=0, duration_ms=210))


def tale(**changes: object) -> Tale:
    base = Tale(
        application=application(),
        outputs={
            "select": selected(),
            "prepare": prepared(),
            "restore": restored(),
            "hash": hashed(),
            "start": started(),
            "verify": verified(),
        },
        durations={
            "select": 1_460,
            "prepare": 1_120,
            "restore": 11_090,
            "hash": 1_305,
            "start": 3_390,
            "verify": 1_730,
        },
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def plan_of(*tales: Tale, title: str = "Ransomware on the hospital's servers") -> DrillPlan:
    return DrillPlan(
        name="quarterly-ransomware",
        scenario=Scenario(title=title),
        recoveries=tuple(
            PlannedRecovery(
                application=told.application,
                repository=told.application.repositories[0],
                selection=Selection(policy="newest-immutable", not_older_than=timedelta(days=1)),
                sandbox=SandboxProfile(name="default"),
            )
            for told in tales
        ),
    )


class Teller:
    """Writes a journal the way drp does, with a clock of its own."""

    def __init__(self, drill: str) -> None:
        self.drill, self.now_ms = drill, 0
        self.entries: list[Entry] = []

    def say(self, event: Event, after_ms: int = 0) -> None:
        self.now_ms += after_ms
        stamp = Stamp(
            wall=T0 + timedelta(milliseconds=self.now_ms),
            monotonic_ns=5_000_000_000 + self.now_ms * 1_000_000,
            boot_id="11111111-2222-3333-4444-555555555555",
        )
        previous = self.entries[-1].hash if self.entries else "0" * 64
        body = [self.drill, len(self.entries), to_data(stamp), to_data(event, Event), previous]
        self.entries.append(
            Entry(
                drill=self.drill,
                sequence=len(self.entries),
                stamp=stamp,
                event=event,
                previous=previous,
                hash=digest(body, list),
            )
        )


def tell(*tales: Tale, drill: str = "20261114-060003-ehr", interruption: str = "", by: str = "") -> list[Entry]:
    """Return the journal of a drill in which these recoveries happen one after the other."""
    plan, teller = plan_of(*tales), Teller(drill)
    teller.say(
        DrillDeclared(
            plan=plan,
            plan_digest=digest(plan),
            disaster_at=T0,
            requested_by="root",
            drp_version="0.1.0",
            host="drill-host-1",
        )
    )
    for told in tales:
        _tell_recovery(teller, told)
    if interruption:
        teller.say(Interrupted(signal_number=2, reason=interruption, by=by), 12)
    for told in tales:
        if "prepare" in told.outputs:
            teller.say(SandboxDestroyed(recovery=told.application.name, sandbox="sbx-01", residue=told.residue), 220)
    state = fold(teller.entries)
    measurements = {recovery.name: measure(state, recovery) for recovery in plan.recoveries}
    findings = {
        told.application.name: [f for output in told.outputs.values() for f in output.findings] + told.raised
        for told in tales
    }
    verdict, reasons = conclude(
        plan,
        {told.application.name: gathered(told.outputs.values()) for told in tales},
        findings,
        measurements,
        aborted=bool(interruption),
    )
    teller.say(
        DrillConcluded(
            verdict=verdict,
            reasons=tuple(reason.text for reason in reasons),
            reason_witnesses=tuple(reason.witness for reason in reasons),
            measurements=tuple(measurements.values()),
        ),
        6,
    )
    return teller.entries


def gathered(given: Iterable[PhaseOutput]) -> Outputs:
    """Return outputs as a recovery's state holds them."""
    outputs = Outputs()
    for output in given:
        outputs.add(output)
    return outputs


def _tell_recovery(teller: Teller, told: Tale) -> None:
    name = told.application.name
    for phase in PHASES:
        failing = told.failure is not None and told.failure.phase == phase
        if phase not in told.outputs and not failing:
            break
        teller.say(PhaseStarted(recovery=name, phase=phase), 4)
        duration = told.durations[phase]
        if phase == "restore":
            teller.say(Progressed(recovery=name, phase=phase, done_bytes=1 << 20), duration // 2)
            duration -= duration // 2
        if failing:
            assert told.failure is not None
            teller.say(told.failure, duration)
            break
        teller.say(PhaseCompleted(recovery=name, phase=phase, output=told.outputs[phase]), duration)
    for finding in told.raised:
        teller.say(FindingRaised(recovery=name, finding=finding), 1)
