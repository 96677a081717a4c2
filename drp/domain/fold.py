"""The state of a drill as a pure function of its journal: what is done, what is not, what comes next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from drp.domain.approval_fold import ApprovalState
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
    TrafficSeen,
)
from drp.domain.findings.finding import Finding
from drp.domain.findings.sign_off import SIGN_OFF_MISSING
from drp.domain.level import Level
from drp.domain.phase import PHASES, Outputs, PhaseName, Selected, phases_of
from drp.domain.plan import DrillPlan
from drp.domain.reconciliation.findings import findings_of
from drp.domain.sandbox import Residue, SandboxHandle


@dataclass(slots=True)
class RecoveryState:
    """Where one recovery stands."""

    level: Level = "full"
    """How deep its drill goes."""
    outputs: Outputs = field(default_factory=Outputs)
    started: dict[PhaseName, Stamp] = field(default_factory=dict)
    ended: dict[PhaseName, Stamp] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    """Everything that was found, whatever happened since: no second attempt makes a finding unsaid."""
    earlier: list[Finding] = field(default_factory=list)
    """Those of them that an attempt before the last resumption found, and this one has not met again."""
    failure: PhaseFailed | None = None
    traffic: TrafficSeen | None = None
    destroyed_at: Stamp | None = None
    residue: Residue | None = None
    kept: SandboxKept | None = None
    asked: SignOffAsked | None = None
    asked_at: Stamp | None = None
    opened: SignOffStarted | None = None
    signed_off: SignedOff | None = None
    signed_off_at: Stamp | None = None

    @property
    def current(self) -> list[Finding]:
        """Return what this attempt found."""
        return [finding for finding in self.findings if finding not in self.earlier]

    @property
    def over(self) -> bool:
        """Return whether it went through all its phases and was let go since: nothing waits for its sandbox."""
        return self.failure is None and self.next_phase is None and self.destroyed_at is not None

    @property
    def awaits_sign_off(self) -> bool:
        """Return whether a referent can answer now: the drill asked, nobody answered, and the sandbox is there."""
        gave_up = any(finding.code == SIGN_OFF_MISSING.code for finding in self.current)
        return self.asked is not None and self.signed_off is None and self.destroyed_at is None and not gave_up

    @property
    def next_phase(self) -> PhaseName | None:
        """Return the phase to run next, or None: done, or stopped by a failure."""
        if self.failure is not None:
            return None
        done = self.outputs.done
        return next((phase for phase in phases_of(self.level) if phase not in done), None)

    @property
    def sandbox(self) -> SandboxHandle | None:
        """Return the sandbox that still has to be destroyed, if there is one."""
        prepared = self.outputs.prepare
        alive = prepared is not None and self.destroyed_at is None and self.kept is None
        return prepared.sandbox if prepared is not None and alive else None


@dataclass(slots=True)
class DrillState:
    """Where a drill stands."""

    drill: str
    declared: DrillDeclared | None = None
    declared_at: Stamp | None = None
    approval: ApprovalState = field(default_factory=ApprovalState)
    recoveries: dict[str, RecoveryState] = field(default_factory=dict)
    interrupted: Interrupted | None = None
    resumptions: list[Resumed] = field(default_factory=list)
    anchors: dict[tuple[str, str], tuple[int, datetime]] = field(default_factory=dict)
    """Boot and who says so → monotonic nanoseconds, and the true instant: by a repository's clock, by a time server."""
    reconciled: Reconciled | None = None
    concluded: DrillConcluded | None = None
    sealed: EvidenceSealed | None = None
    sealed_at: Stamp | None = None
    last: Stamp | None = None
    entries: int = 0
    head: str = "0" * 64

    @property
    def plan(self) -> DrillPlan:
        """Return the plan; a drill without its declaration is no drill."""
        assert self.declared is not None, "a drill begins with its declaration"
        return self.declared.plan

    @property
    def downtime_ms(self) -> int | None:
        """Return for how long drp itself was not running; None: nobody can tell."""
        known = [resumed.downtime_ms for resumed in self.resumptions if resumed.downtime_ms is not None]
        return sum(known) if len(known) == len(self.resumptions) else None


def fold(entries: Iterable[Entry]) -> DrillState:
    """Return the state that a drill's entries, in order, lead to."""
    state = DrillState(drill="")
    for entry in entries:
        apply(state, entry)
    return state


def apply(state: DrillState, entry: Entry) -> None:
    """Advance the state by one entry, in place."""
    state.approval.follow(entry, state.last)
    state.drill, state.last, state.head = entry.drill, entry.stamp, entry.hash
    state.entries += 1
    event = entry.event
    _anchor(state, entry)
    match event:
        case DrillDeclared():
            state.declared, state.declared_at = event, entry.stamp
            state.recoveries = {one.name: RecoveryState(level=event.plan.level) for one in event.plan.recoveries}
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
            state.sealed, state.sealed_at = event, entry.stamp
        case PhaseStarted() | PhaseCompleted() | PhaseFailed() | FindingRaised():
            _apply_to_recovery(state.recoveries[event.recovery], entry)
        case TrafficSeen() | SandboxDestroyed() | SandboxKept():
            _apply_to_recovery(state.recoveries[event.recovery], entry)
        case SignOffAsked() | SignOffStarted() | SignedOff():
            _apply_sign_off(state.recoveries[event.recovery], entry)
        case _:  # Progressed, in journals of drp 0.1, changes nothing
            pass


def _apply_to_recovery(recovery: RecoveryState, entry: Entry) -> None:
    event = entry.event
    match event:
        case PhaseStarted():
            recovery.started[event.phase] = entry.stamp
        case PhaseCompleted():
            recovery.outputs.add(event.output)
            recovery.ended[event.phase] = entry.stamp
            for finding in event.output.findings:
                _find(recovery, finding)
        case PhaseFailed():
            recovery.failure = event
            recovery.ended[event.phase] = entry.stamp
        case FindingRaised():
            _find(recovery, event.finding)
        case TrafficSeen():
            recovery.traffic = event
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


def _find(recovery: RecoveryState, finding: Finding) -> None:
    """Take a finding once, however often it is told: an earlier drp journalled each of an output a second time."""
    if finding in recovery.earlier:
        recovery.earlier.remove(finding)
    elif finding not in recovery.findings:
        recovery.findings.append(finding)


def _forget_sandbox(recovery: RecoveryState) -> None:
    """Everything after select lived in the sandbox that is gone, so it has to happen again; what was found stays."""
    selected = recovery.outputs.select
    still = selected.findings if selected is not None else ()
    recovery.earlier += [one for one in recovery.findings if one not in still and one not in recovery.earlier]
    recovery.outputs = recovery.outputs.only_selected()
    for phase in PHASES[1:]:
        recovery.started.pop(phase, None)
        recovery.ended.pop(phase, None)
    recovery.failure = None
    recovery.destroyed_at = recovery.residue = recovery.kept = recovery.traffic = None
    recovery.asked = recovery.asked_at = recovery.opened = recovery.signed_off = recovery.signed_off_at = None


def _forget_reconciliation(state: DrillState) -> None:
    """Applications that are restored again are compared again."""
    if state.reconciled is not None and state.plan.reconciliation is not None:
        for name, finding in findings_of(state.plan.reconciliation, state.reconciled.result):
            recovery = state.recoveries[name]
            if finding in recovery.findings and finding not in recovery.earlier:
                recovery.earlier.append(finding)
    state.reconciled = None


AGREEMENT_MS = 2000
"""A repository tells its time in whole seconds (RFC 9110 §5.6.7), and its answer takes a moment."""


def _anchor(state: DrillState, entry: Entry) -> None:
    """Note what ties this boot's monotonic clock to the true time: its wall clock alone does not."""
    event, ahead_ms = entry.event, None
    if isinstance(event, PhaseCompleted) and isinstance(event.output, Selected):
        ahead_ms = event.output.clock_ahead_ms
    elif isinstance(event, Resumed):
        ahead_ms = event.clock_ahead_ms
    tie(state, entry.stamp, ahead_ms)


def tie(state: DrillState, stamp: Stamp, ahead_ms: int | None) -> None:
    """Note which true instant a stamp is, by a time server, and by a repository that says how far it is ahead."""
    if stamp.synchronised:
        state.anchors[stamp.boot_id, "time server"] = (stamp.monotonic_ns, stamp.wall)
    if ahead_ms is not None:
        true = stamp.wall - timedelta(milliseconds=ahead_ms)
        state.anchors[stamp.boot_id, "repository"] = (stamp.monotonic_ns, true)


def between_ms(state: DrillState, start: Stamp, end: Stamp) -> tuple[int | None, bool]:
    """Return milliseconds between two stamps of a drill, and whether one boot's monotonic clock gave them.

    A machine that stood still, paused by its host, counted nothing meanwhile: where a time server vouches for the clock
    on both sides of that, its longer time counts. Across a restart the wall clock may have been set, so it counts only
    as far as a time server or a repository's own clock ties both boots to the true time, and all who do agree;
    otherwise None: nobody can tell.
    """
    if start.boot_id == end.boot_id:
        passed, _ = elapsed_ms(start, end)
        shown = (end.wall - start.wall) // timedelta(milliseconds=1)
        stood_still = start.synchronised and end.synchronised and passed is not None and shown > passed + AGREEMENT_MS
        return (shown, False) if stood_still else (passed, True)
    found: list[int] = []
    for witness in ("repository", "time server"):
        instants = [_true_instant(state, stamp, witness) for stamp in (start, end)]
        if instants[0] is not None and instants[1] is not None:
            found.append((instants[1] - instants[0]) // timedelta(milliseconds=1))
    if not found or min(found) < 0 or max(found) - min(found) > AGREEMENT_MS:
        return None, False
    return max(found), False


def _true_instant(state: DrillState, stamp: Stamp, witness: str) -> datetime | None:
    anchor = state.anchors.get((stamp.boot_id, witness))
    if anchor is None:
        return None
    return anchor[1] + timedelta(microseconds=(stamp.monotonic_ns - anchor[0]) // 1000)


def since_declaration(state: DrillState, stamp: Stamp | None) -> tuple[int | None, bool]:
    """Return milliseconds after t0, as `between_ms` does."""
    if stamp is None or state.declared_at is None:
        return None, True
    return between_ms(state, state.declared_at, stamp)
