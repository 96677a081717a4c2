"""Everything that can happen in a drill, as frozen typed events. The journal of them is the only truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal

from drp.domain.approval import ApprovalAnswer, ApprovalOutcome, Approver
from drp.domain.clock import Stamp
from drp.domain.findings.finding import Finding
from drp.domain.measure import Measurement
from drp.domain.occasion import Occasion
from drp.domain.phase import PhaseName, PhaseOutput
from drp.domain.phrase import NOTHING, Phrase
from drp.domain.plan import DrillPlan
from drp.domain.precheck import Precheck
from drp.domain.reconciliation.result import ReconciliationResult
from drp.domain.sandbox import EgressAttempt, NeighbourContact, Residue
from drp.domain.sign_off_events import SignedOff as SignedOff  # noqa: PLC0414 - an event as the others
from drp.domain.sign_off_events import SignOffAsked as SignOffAsked  # noqa: PLC0414 - as above
from drp.domain.sign_off_events import SignOffStarted as SignOffStarted  # noqa: PLC0414 - as above
from drp.domain.tagged import TaggedBy
from drp.domain.verdict import Verdict
from drp.domain.witness import Witness


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillDeclared:
    """t0: the clock starts, before anything is restored."""

    type: Literal["drill-declared"] = "drill-declared"
    plan: DrillPlan
    plan_digest: str
    disaster_at: datetime
    requested_by: str
    drp_version: str
    host: str
    ad_hoc: bool = False
    clock_behind_ms: int = 0
    """By how much this machine's clock was behind the newest instant it had put into the journal: it was set back."""
    clock_apart_ms: int = 0
    """By how much it was behind the newest instant another machine had put there: one of the two is wrong."""
    occasion: Occasion | None = None
    """The slot of the schedule for which it is held; None: somebody asked for it."""
    admitted: Precheck | None = None
    """Whether the machine had room for it when it began; None: nobody looked."""
    site_zone: str = ""
    """The site's time zone (IANA name), in which reports tell instants beside UTC; empty: nobody said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalAsked:
    """The drill waits for somebody to approve it; nothing has been touched."""

    type: Literal["approval-asked"] = "approval-asked"
    approvers: tuple[str, ...]
    challenge: str
    """Random; an answer has to repeat it, so that none can be used twice."""
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalEnded:
    """t1, if it was approved; refused and missing end the drill before anything was touched."""

    type: Literal["approval-ended"] = "approval-ended"
    outcome: ApprovalOutcome
    by: Approver | None = None
    answer: ApprovalAnswer | None = None
    """What they answered, in full."""
    signature: str = ""
    """SSH signature over the answer's canonical JSON, namespace ``drp-approval``; empty: unsigned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseStarted:
    """A phase of a recovery begins."""

    type: Literal["phase-started"] = "phase-started"
    recovery: str
    phase: PhaseName


@dataclass(frozen=True, slots=True, kw_only=True)
class Progressed:
    """A sign of life from inside a phase: at least every 5 s during a restore. An entry only in journals of drp 0.1."""

    type: Literal["progressed"] = "progressed"
    recovery: str
    """Empty: the drill as a whole."""
    phase: PhaseName
    message: str = ""
    done_bytes: int | None = None
    total_bytes: int | None = None
    done_files: int | None = None
    total_files: int | None = None
    said: Phrase = NOTHING
    """The message as a phrase, where it is drp's own: what shows it says it in its reader's language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseCompleted:
    """A phase gave its output, which the next phase takes."""

    type: Literal["phase-completed"] = "phase-completed"
    recovery: str
    phase: PhaseName
    output: Annotated[PhaseOutput, TaggedBy("phase")]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseFailed:
    """A phase could not be exercised: an exception, not a finding about the backup."""

    type: Literal["phase-failed"] = "phase-failed"
    recovery: str
    phase: PhaseName
    code: str
    message: Phrase
    hint: Phrase
    exit_status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingRaised:
    """Something departs from what was expected."""

    type: Literal["finding-raised"] = "finding-raised"
    recovery: str
    finding: Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """The user or the system asked drp to stop."""

    type: Literal["interrupted"] = "interrupted"
    signal_number: int
    reason: Phrase
    by: str = ""
    """Who asked, and why, in their words; empty: whoever may send signals, or a drp that wrote it into ``reason``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """Another process took the drill up. Phases that lived in a lost sandbox are run again."""

    type: Literal["resumed"] = "resumed"
    reason: Phrase
    downtime_ms: int | None
    """None: the clock ran backwards meanwhile, or nothing confirms it across a restart."""
    lost_sandboxes: tuple[str, ...] = ()
    clock_ahead_ms: int | None = None
    """As in `Selected`, when the drill was resumed."""
    host: str = ""
    """Name of the machine that took it up; empty: the one that declared it, or an older drp did not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficSeen:
    """What a recovery's sandbox sent, looked at just before it is let go; journalled if verify had not told it."""

    type: Literal["traffic-seen"] = "traffic-seen"
    recovery: str
    egress: tuple[EgressAttempt, ...] = ()
    """Attempts that verify, if it was reached, did not know of."""
    neighbours: tuple[NeighbourContact, ...] = ()
    """All contacts with neighbours, those that verify knew of too: their counts may have grown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxDestroyed:
    """t12: the sandbox of a recovery is gone, with what was left, by looking."""

    type: Literal["sandbox-destroyed"] = "sandbox-destroyed"
    recovery: str
    sandbox: str
    residue: Residue


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxKept:
    """The sandbox was kept on request, with a lease."""

    type: Literal["sandbox-kept"] = "sandbox-kept"
    recovery: str
    sandbox: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconciliationStarted:
    """The recoveries have ended, and the applications are compared with one another."""

    type: Literal["reconciliation-started"] = "reconciliation-started"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """How the restored applications fit together."""

    type: Literal["reconciled"] = "reconciled"
    result: ReconciliationResult


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillConcluded:
    """The verdict, which nothing changes any more."""

    type: Literal["drill-concluded"] = "drill-concluded"
    verdict: Verdict
    reasons: tuple[Phrase, ...]
    measurements: tuple[Measurement, ...]
    reason_witnesses: tuple[Witness | None, ...] = ()
    """Who says each of the reasons, in their order; null: it is about the drill's own course."""
    tools: Mapping[str, str] = field(default_factory=dict)
    """Program or package → version: with them the record follows from the journal alone, wherever it is sealed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceSealed:
    """The evidence record was written; its digest binds it to this journal."""

    type: Literal["evidence-sealed"] = "evidence-sealed"
    record_digest: str
    location: str
    host: str = ""
    """Name of the machine that holds it there; empty: an older drp did not say."""


Event = (
    DrillDeclared
    | ApprovalAsked
    | ApprovalEnded
    | PhaseStarted
    | Progressed
    | PhaseCompleted
    | PhaseFailed
    | FindingRaised
    | Interrupted
    | Resumed
    | TrafficSeen
    | SandboxDestroyed
    | SandboxKept
    | ReconciliationStarted
    | Reconciled
    | SignOffAsked
    | SignOffStarted
    | SignedOff
    | DrillConcluded
    | EvidenceSealed
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An event in its place: which drill, which position in it, when, and the hash that chains it to the one before."""

    drill: str
    sequence: int
    """From 0."""
    stamp: Stamp
    event: Event
    previous: str
    """Hash of the entry before, hex; 64 zeros for the first."""
    hash: str
    """SHA-256 over drill, sequence, stamp, event and previous in canonical JSON, hex."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """A sign of life beside the chain: kept as long as it is young, and nothing that a drill concludes rests on it."""

    drill: str
    number: int
    """Place among those of its recovery and phase, from 0."""
    stamp: Stamp
    event: Progressed
