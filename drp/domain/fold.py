"""The state of a drill as a pure function of its journal: what is done, what is not, what comes next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from drp.domain.clock import Stamp, elapsed_ms
from drp.domain.events import (
    DrillConcluded,
    DrillDeclared,
    Entry,
    EvidenceSealed,
    FindingRaised,
    Interrupted,
    PhaseCompleted,
    PhaseFailed,
    PhaseStarted,
    Reconciled,
    Resumed,
    SandboxDestroyed,
    SandboxKept,
    SignedOff,
    SignOffAsked,
    SignOffStarted,
)
from drp.domain.finding import Finding
from drp.domain.finding_codes_across import ACROSS
from drp.domain.finding_codes_sign_off import SIGN_OFF_MISSING
from drp.domain.phase import PHASES, PhaseName, PhaseOutput, Prepared
from drp.domain.plan import DrillPlan
from drp.domain.sandbox import Residue, SandboxHandle


@dataclass(slots=True)
class RecoveryState:
    """Where one recovery stands."""

    outputs: dict[PhaseName, PhaseOutput] = field(default_factory=dict)
    started: dict[PhaseName, Stamp] = field(default_factory=dict)
    ended: dict[PhaseName, Stamp] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    failure: PhaseFailed | None = None
    destroyed_at: Stamp | None = None
    residue: Residue | None = None
    kept: SandboxKept | None = None
    asked: SignOffAsked | None = None
    asked_at: Stamp | None = None
    opened: SignOffStarted | None = None
    signed_off: SignedOff | None = None
    signed_off_at: Stamp | None = None

    @property
    def awaits_sign_off(self) -> bool:
        """Return whether a referent can answer now: the drill asked, nobody answered, and the sandbox is there."""
        gave_up = any(finding.code == SIGN_OFF_MISSING.code for finding in self.findings)
        return self.asked is not None and self.signed_off is None and self.destroyed_at is None and not gave_up

    @property
    def next_phase(self) -> PhaseName | None:
        """Return the phase to run next, or None: done, or stopped by a failure."""
        if self.failure is not None:
            return None
        return next((phase for phase in PHASES if phase not in self.outputs), None)

    @property
    def sandbox(self) -> SandboxHandle | None:
        """Return the sandbox that still has to be destroyed, if there is one."""
        prepared = self.outputs.get("prepare")
        if isinstance(prepared, Prepared) and self.destroyed_at is None and self.kept is None:
            return prepared.sandbox
        return None


@dataclass(slots=True)
class DrillState:
    """Where a drill stands."""

    drill: str
    declared: DrillDeclared | None = None
    declared_at: Stamp | None = None
    recoveries: dict[str, RecoveryState] = field(default_factory=dict)
    interrupted: Interrupted | None = None
    resumptions: list[Resumed] = field(default_factory=list)
    reconciled: Reconciled | None = None
    concluded: DrillConcluded | None = None
    sealed: EvidenceSealed | None = None
    last: Stamp | None = None
    entries: int = 0
    head: str = "0" * 64

    @property
    def plan(self) -> DrillPlan:
        """Return the plan; a drill without its declaration is no drill."""
        assert self.declared is not None, "a drill begins with its declaration"
        return self.declared.plan

    @property
    def downtime_ms(self) -> int:
        """Return for how long drp itself was not running."""
        return sum(resumed.downtime_ms for resumed in self.resumptions)


def fold(entries: Iterable[Entry]) -> DrillState:
    """Return the state that a drill's entries, in order, lead to."""
    state = DrillState(drill="")
    for entry in entries:
        apply(state, entry)
    return state


def apply(state: DrillState, entry: Entry) -> None:
    """Advance the state by one entry, in place."""
    state.drill, state.last, state.head = entry.drill, entry.stamp, entry.hash
    state.entries += 1
    event = entry.event
    match event:
        case DrillDeclared():
            state.declared, state.declared_at = event, entry.stamp
            state.recoveries = {recovery.name: RecoveryState() for recovery in event.plan.recoveries}
        case Interrupted():
            state.interrupted = event
        case Resumed():
            state.resumptions.append(event)
            state.interrupted = None
            for name in event.lost_sandboxes:
                _forget_sandbox(state.recoveries[name])
            if event.lost_sandboxes:
                _forget_reconciliation(state)
        case Reconciled():
            state.reconciled = event
        case DrillConcluded():
            state.concluded = event
        case EvidenceSealed():
            state.sealed = event
        case PhaseStarted() | PhaseCompleted() | PhaseFailed() | FindingRaised() | SandboxDestroyed() | SandboxKept():
            _apply_to_recovery(state.recoveries[event.recovery], entry)
        case SignOffAsked() | SignOffStarted() | SignedOff():
            _apply_sign_off(state.recoveries[event.recovery], entry)
        case _:  # Progressed changes nothing
            pass


def _apply_to_recovery(recovery: RecoveryState, entry: Entry) -> None:
    event = entry.event
    match event:
        case PhaseStarted():
            recovery.started[event.phase] = entry.stamp
        case PhaseCompleted():
            recovery.outputs[event.phase] = event.output
            recovery.ended[event.phase] = entry.stamp
        case PhaseFailed():
            recovery.failure = event
            recovery.ended[event.phase] = entry.stamp
        case FindingRaised():
            recovery.findings.append(event.finding)
        case SandboxDestroyed():
            recovery.destroyed_at, recovery.residue = entry.stamp, event.residue
        case SandboxKept():
            recovery.kept = event


def _apply_sign_off(recovery: RecoveryState, entry: Entry) -> None:
    event = entry.event
    match event:
        case SignOffAsked():
            recovery.asked, recovery.asked_at, recovery.opened = event, entry.stamp, None
        case SignOffStarted():
            recovery.opened = event
        case SignedOff():
            recovery.signed_off, recovery.signed_off_at = event, entry.stamp


def _forget_sandbox(recovery: RecoveryState) -> None:
    """Everything after select lived in the sandbox that is gone, so it has to happen again; what select found stays."""
    for phase in PHASES[1:]:
        recovery.outputs.pop(phase, None)
        recovery.started.pop(phase, None)
        recovery.ended.pop(phase, None)
    selected = recovery.outputs.get("select")
    recovery.findings[:] = selected.findings if selected is not None else ()
    recovery.failure = None
    recovery.destroyed_at = recovery.residue = recovery.kept = None
    recovery.asked = recovery.asked_at = recovery.opened = recovery.signed_off = recovery.signed_off_at = None


def _forget_reconciliation(state: DrillState) -> None:
    """Applications that are restored again are compared again."""
    state.reconciled = None
    across = {code.code for code in ACROSS}
    for recovery in state.recoveries.values():
        recovery.findings[:] = [finding for finding in recovery.findings if finding.code not in across]


def since_declaration(state: DrillState, stamp: Stamp | None) -> tuple[int | None, bool]:
    """Return milliseconds after t0, and whether the monotonic clock gave them.

    None too for an instant before t0: a wall clock that was set back measured nothing.
    """
    if stamp is None or state.declared_at is None:
        return None, True
    if stamp.boot_id != state.declared_at.boot_id and stamp.wall < state.declared_at.wall:
        return None, False
    return elapsed_ms(state.declared_at, stamp)
