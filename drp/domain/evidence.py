"""The evidence record: everything an auditor needs to judge one drill, and nothing that names a patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from drp.domain.events import ApprovalEnded, PhaseFailed, SignedOff, TrafficSeen
from drp.domain.findings.finding import Finding
from drp.domain.measure import Measurement
from drp.domain.phase import Hashed, Prepared, Restored, Selected, Started, Verified
from drp.domain.phrase import Phrase
from drp.domain.plan import DrillPlan
from drp.domain.precheck import Precheck
from drp.domain.reconciliation.result import ReconciliationResult
from drp.domain.sandbox import EgressAttempt, NeighbourContact, Residue
from drp.domain.verdict import Verdict
from drp.domain.witness import Witness

RECORD_SCHEMA = "drp/evidence-record/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryRecord:
    """One application's recovery as the record tells it; a phase that was not reached is null."""

    recovery: str
    select: Selected | None
    prepare: Prepared | None
    restore: Restored | None
    hash: Hashed | None
    start: Started | None
    verify: Verified | None
    findings: tuple[Finding, ...]
    """Everything that was found, in every attempt."""
    measurement: Measurement
    residue: Residue | None
    traffic: TrafficSeen | None = None
    """What its sandbox sent that verify did not know of, as it was let go; null: nothing."""
    kept_until: datetime | None = None
    failure: PhaseFailed | None = None
    """Why the recovery could not be exercised any further, if it could not."""
    sign_off: SignedOff | None = None
    """What the business referent answered; null: nobody did, or the plan does not ask."""
    earlier_findings: tuple[Finding, ...] = ()
    """Those of the findings that only an attempt before the last resumption made; they count like all others."""

    @property
    def egress(self) -> tuple[EgressAttempt, ...]:
        """Return all that the application tried to send, oldest first."""
        return (
            *(self.verify.egress if self.verify is not None else ()),
            *(self.traffic.egress if self.traffic else ()),
        )

    @property
    def neighbours(self) -> tuple[NeighbourContact, ...]:
        """Return who called the application in its pod, and whom it called, as it was seen last."""
        if self.traffic is not None:
            return self.traffic.neighbours
        return (self.verify.neighbours or ()) if self.verify is not None else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRecord:
    """One drill, complete. Durations are milliseconds, instants UTC, digests SHA-256 hex unless they say otherwise."""

    schema: str = RECORD_SCHEMA
    drill: str
    plan: DrillPlan
    plan_digest: str
    declared_at: datetime
    concluded_at: datetime
    disaster_at: datetime
    requested_by: str
    host: str
    verdict: Verdict
    reasons: tuple[Phrase, ...]
    reason_witnesses: tuple[Witness | None, ...] = ()
    """Who says each of the reasons, in their order; null: it is about the drill's own course."""
    recoveries: tuple[RecoveryRecord, ...]
    reconciliation: ReconciliationResult | None = None
    """How the applications fit together; null: the plan does not ask, or it was not reached."""
    ad_hoc: bool = False
    """Asked for on the command line, without a plan kept in the site directory."""
    admitted: Precheck | None = None
    """Whether the drill host had room for it when it began, and why it was begun all the same; null: nobody looked."""
    zone: str = ""
    """The site's time zone (IANA name), in which reports tell instants beside UTC; empty: nobody said."""
    interruption: str = ""
    """Why the drill was stopped, if somebody stopped it."""
    interrupted_by: str = ""
    """Who asked for that, and why; empty: whoever may send signals."""
    resumptions: int = 0
    downtime_ms: int | None = 0
    """While drp itself was not running; null: nobody can tell."""
    approval: ApprovalEnded | None = None
    """What became of the approval that the plan asks for; null: it does not ask, or the drill ended while it waited."""
    tools: Mapping[str, str] = field(default_factory=dict)
    """Program or package → version."""
    journal_entries: int = 0
    journal_head: str = ""
    """Hash of the journal's last entry when the record was made: it binds the record to the journal."""
