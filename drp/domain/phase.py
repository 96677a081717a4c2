"""The phases of a recovery and what each one gives: frozen values, journalled, input of the next phase."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from drp.domain.check import CheckResult, Watermark
from drp.domain.findings.finding import Finding
from drp.domain.history import Fall
from drp.domain.judged import NotJudged
from drp.domain.level import Level
from drp.domain.manifest import ManifestDifference, ManifestSummary
from drp.domain.recovery_point import Immutability, RecoveryPoint, RefusedPoint, SelectionPolicy
from drp.domain.restore import RestoreReceipt
from drp.domain.restored_code import CodeChange, RestoredCode
from drp.domain.runbook import RunbookResult
from drp.domain.sample import Sample
from drp.domain.sandbox import EgressAttempt, IsolationProof, NeighbourContact, SandboxHandle, SoftwareFound
from drp.domain.worm.attestation import Attestation
from drp.domain.worm.horizon import Horizon
from drp.domain.worm.known import RepositoryKnown
from drp.domain.worm.pinned import Pinned, ReadVersion

PhaseName = Literal[
    "select", "prepare", "restore", "hash", "start", "verify", "reconcile", "sign-off", "destroy", "approval"
]

PHASES: tuple[PhaseName, ...] = ("select", "prepare", "restore", "hash", "start", "verify")
"""In order. ``reconcile`` follows once for all of them, ``destroy`` always, also after failure, signal and crash."""


def phases_of(level: Level) -> tuple[PhaseName, ...]:
    """Return the phases of a recovery in a drill of that level: below ``full`` nothing restored is started."""
    return PHASES if level == "full" else PHASES[: PHASES.index("start")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """Output of select."""

    phase: Literal["select"] = "select"
    point: RecoveryPoint | None
    """None: no point is eligible, and the findings say so."""
    immutability: Immutability | None
    policy: SelectionPolicy
    seed: int | None = None
    refused: tuple[RefusedPoint, ...] = ()
    media_wait_ms: int = 0
    clock_ahead_ms: int | None = None
    """By how much this machine's wall clock was ahead of the repository's own; None: it tells no time."""
    newest_at: datetime | None = None
    """The newest recovery point of the application that the repository lists, whether it could be taken or not."""
    sample: Sample | None = None
    """Which of the point's files are restored; null: all, or nothing could be drawn, and the findings say so."""
    locks: Attestation | None = None
    """What protects the objects that the point depends on; null: the repository has no such locks, or cannot say."""
    horizon: Horizon | None = None
    """Until when the point can be restored if everybody deletes what can be deleted; null: nobody could tell."""
    pinned: Pinned | None = None
    """The instant and the object versions that the drill is bound to; null: it reads what is there by name."""
    known: RepositoryKnown | None = None
    """What was probed and scrubbed of the repository before; null: nobody looked into the register."""
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Output of prepare."""

    phase: Literal["prepare"] = "prepare"
    sandbox: SandboxHandle
    proof: IsolationProof
    findings: tuple[Finding, ...] = ()
    software: tuple[SoftwareFound, ...] = ()
    """Every declared image, as it was found; they are bound only if all are as declared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """Output of restore."""

    phase: Literal["restore"] = "restore"
    receipt: RestoreReceipt
    runbook: RunbookResult
    first_byte_ms: int = 0
    """From the start of the phase to the first restored byte seen (clock t5); 0: nobody saw it."""
    bytes_per_second: int | None = None
    """How fast the tool was allowed to read; None: as fast as it goes, whatever the plan asked."""
    read: tuple[ReadVersion, ...] = ()
    """Which object version served the restore, in the order of their keys, no more than `MOST_READ` of them; empty: it
    did not go through a view."""
    read_total: int = 0
    """How many there were."""
    read_digest: str = ""
    """SHA-256 over ``key NUL version NUL digest LF`` of all of them, in the order of their keys, hex; empty: none."""
    findings: tuple[Finding, ...] = ()

    @property
    def versions_read(self) -> int:
        """Return how many object versions served the restore."""
        return max(self.read_total, len(self.read))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hashed:
    """Output of hash."""

    phase: Literal["hash"] = "hash"
    manifest: ManifestSummary | None
    difference: ManifestDifference | None
    not_judged: tuple[NotJudged, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    """What was read of the restored files before anything restored had run; again in what verify came to."""
    code: tuple[RestoredCode, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """Output of start."""

    phase: Literal["start"] = "start"
    runbook: RunbookResult
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """Output of verify."""

    phase: Literal["verify"] = "verify"
    checks: tuple[CheckResult, ...]
    not_judged: tuple[NotJudged, ...] = ()
    code: tuple[RestoredCode, ...] = ()
    """Code that came out of the backup and answers for the application."""
    code_changes: tuple[CodeChange, ...] = ()
    """Which of it is new or another one, and not accepted."""
    code_compared_with: str = ""
    """The drill in which the application last passed, with whose code it was compared; empty: there is none."""
    code_checks: tuple[str, ...] = ()
    """Checks that named the code that they met; before drp asked for it, none did."""
    code_first: tuple[str, ...] = ()
    """Those among them that named none in the drill compared with: theirs is seen for the first time."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """What the backup's own facts counted: what later backups are compared with."""
    falls: tuple[Fall, ...] = ()
    """What an earlier backup held, and this one holds none of, or less."""
    watermark: Watermark | None
    egress: tuple[EgressAttempt, ...] = ()
    neighbours: tuple[NeighbourContact, ...] | None = None
    """Who called the application in its pod, and whom it called, so far; null: in no pod, or nobody could tell then."""
    findings: tuple[Finding, ...] = ()


PhaseOutput = Selected | Prepared | Restored | Hashed | Started | Verified


@dataclass(slots=True)
class Outputs:
    """What the phases of one recovery gave so far, each by the phase's name."""

    select: Selected | None = None
    prepare: Prepared | None = None
    restore: Restored | None = None
    hash: Hashed | None = None
    start: Started | None = None
    verify: Verified | None = None

    def __iter__(self) -> Iterator[PhaseOutput]:
        """Yield what there is, in the order of the phases."""
        found = (self.select, self.prepare, self.restore, self.hash, self.start, self.verify)
        return (output for output in found if output is not None)

    @property
    def done(self) -> tuple[PhaseName, ...]:
        """Return the phases that gave something, in order."""
        return tuple(output.phase for output in self)

    @property
    def point(self) -> RecoveryPoint | None:
        """Return the chosen recovery point; None: none was chosen, or not yet."""
        return self.select.point if self.select is not None else None

    def add(self, output: PhaseOutput) -> None:
        """Take a phase's output."""
        setattr(self, output.phase, output)

    def only_selected(self) -> Outputs:
        """Return what stands when the sandbox is gone, in which everything after select lived."""
        return Outputs(select=self.select)
