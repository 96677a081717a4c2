"""The borders of drp: what the control flow needs from the outside, as small protocols with their contracts.

An adapter may raise only errors of the `drp.errors` family that its port names: it wraps every foreign exception.
Each port has one conformance suite in tests/conformance that every adapter and every simulator passes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from drp.domain.approval_desk import ApprovalDesk
from drp.domain.check import Target
from drp.domain.check_runner import CheckRunner
from drp.domain.clock import Stamp
from drp.domain.events import Entry, Sign
from drp.domain.journal import Journal
from drp.domain.manifest import ManifestDifference, OpenManifest
from drp.domain.plan import DrillPlan
from drp.domain.progress import Cancelled as Cancelled  # noqa: PLC0414 - what ports are called with
from drp.domain.progress import Progress as Progress  # noqa: PLC0414 - as above
from drp.domain.progress import Report as Report  # noqa: PLC0414 - as above
from drp.domain.reconciliation.port import RecordReader
from drp.domain.recovery_point import RecoveryPoint
from drp.domain.repository_port import Abilities as Abilities  # noqa: PLC0414 - see `drp.domain.progress`
from drp.domain.repository_port import Repository as Repository  # noqa: PLC0414 - as above
from drp.domain.restore import CellSecret, RestoreOrder
from drp.domain.runbook import RunbookOrder, RunbookResult
from drp.domain.sample import Sample
from drp.domain.sandbox import (
    EgressAttempt,
    IsolationProof,
    NeighbourContact,
    Residue,
    SandboxHandle,
    SandboxOrder,
    SandboxProfile,
)
from drp.domain.sign_off_desk import SignOffDesk
from drp.domain.volume import VolumeRoom
from drp.domain.worm.known import RepositoryKnown
from drp.domain.worm.points import PointsLedger


class Sandbox(Protocol):
    """Makes, proves and destroys sandboxes. Raises ``SandboxError``, ``NotIsolated``, ``StorageFull``.

    A sandbox never outlives the process that opened it, unless it is kept; ``destroy`` is idempotent and tells what
    is left by looking, not by believing.
    """

    def open(self, profile: SandboxProfile, label: str, order: SandboxOrder = ...) -> SandboxHandle:
        """Return a new run sandbox: no network but to its pod's neighbours, no repository, no key, an empty volume.

        Refuses a pod in which two applications declare one address.
        """
        ...

    def prove(self, handle: SandboxHandle) -> IsolationProof:
        """Return the proof for this sandbox: positive control outside, probes inside, verdict of the tripwire."""
        ...

    def open_reader(self, handle: SandboxHandle) -> SandboxHandle:
        """Return a reader cell: ``/data`` read-only, no network, no restored process, another user if there is one."""
        ...

    def open_caller(self, handle: SandboxHandle) -> SandboxHandle:
        """Return a caller cell: as a reader cell, with the network and the software images of the run sandbox.

        What runs there reaches the application as a client does, and the application does not reach it.
        """
        ...

    def open_cell(self, handle: SandboxHandle, order: RestoreOrder, secrets: Sequence[CellSecret]) -> SandboxHandle:
        """Return a restore cell on the same data volume: it reaches the order's endpoint and nothing else."""
        ...

    def settle(self, handle: SandboxHandle) -> None:
        """Write what was restored to its medium and forget what is cached, so that what is read then is the medium's.

        Raises ``MediumFailed`` when the host's storage refused anything since the sandbox was opened.
        """
        ...

    def rooms(self, handle: SandboxHandle) -> tuple[VolumeRoom, ...]:
        """Return how full each of its volumes is now."""
        ...

    def target(self, handle: SandboxHandle) -> Target:
        """Return the way to run commands inside."""
        ...

    def egress(self, handle: SandboxHandle) -> tuple[EgressAttempt, ...]:
        """Return what tried to leave this sandbox so far."""
        ...

    def neighbours(self, handle: SandboxHandle) -> tuple[NeighbourContact, ...]:
        """Return who called its application in its pod so far, and whom it called; none outside of one."""
        ...

    def destroy(self, handle: SandboxHandle) -> Residue:
        """Destroy a sandbox or cell; with the run sandbox its data volume goes. Safe to call again."""
        ...


class RunbookRunner(Protocol):
    """Runs one step of a runbook through Ansible. Raises ``RunbookError`` and ``Interrupted``.

    A task that fails is a result; a sandbox that cannot be reached, a step that exceeds its time or an Ansible that
    is missing is a RunbookError, and the whole process group is gone when it is raised.
    """

    def run(self, order: RunbookOrder, report: Report, cancelled: Cancelled) -> RunbookResult:
        """Run the step; progress that the tool prints is reported while it runs."""
        ...


class Hasher(Protocol):
    """Compares a restored tree with a manifest, and names trees by digest. Raises ``ManifestError``, ``Interrupted``.

    Unreadable files are deviations with their errno, never an exception and never skipped.
    """

    def compare(
        self,
        root: Path,
        manifest: OpenManifest,
        *,
        uid_offset: int | None,
        within: Path,
        report: Report,
        cancelled: Cancelled,
        sample: Sample | None = None,
    ) -> ManifestDifference:
        """Return how the tree at ``root`` departs from the manifest; ``uid_offset`` None: owners are not judged.

        Everything was restored below ``within``: no link is followed from there on, and what lies beside the root is
        unexpected. With a sample only the files drawn are looked at, each as it is by itself.
        """
        ...

    def drawn(self, manifest: OpenManifest, sample: Sample) -> tuple[bytes, ...]:
        """Return the paths of the files drawn, below what it speaks of: the same for the same manifest and seed."""
        ...

    def tree_digest(self, root: Path, *, report: Report, cancelled: Cancelled) -> str:
        """Return ``algorithm:hex`` for a directory's content: equal for copies, whoever owns them and of whatever age.

        Raises ``NotFound`` when there is no directory; what cannot be read whole is a ``ManifestError``.
        """
        ...


class ManifestSource(Protocol):
    """Where manifests are kept, apart from the backups. Raises ``RepositoryError`` and ``ManifestError``."""

    def expected(self, point: RecoveryPoint, *, made_for: str = "") -> OpenManifest | None:
        """Return the manifest that the point names, open, its digest that name; None when it is not kept here.

        ``made_for``: the name under which it is kept, where it serves several applications; empty: the point's.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkReceipt:
    """Where evidence went."""

    location: str
    digest: str


class EvidenceSink(Protocol):
    """Keeps sealed evidence. Raises ``EvidenceError`` and ``StorageFull``; never overwrites."""

    def put(self, drill: str, name: str, content: bytes) -> SinkReceipt:
        """Store content under the drill's name, durable when this returns."""
        ...


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> Stamp:
        """Return the instant."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class Crew(Protocol):
    """The hands of one drill, within its worker. The journal decides what is done; a crew only, how much at a time."""

    def together(self, step: Callable[[str], None], names: Sequence[str], *, at_most: int | None = None) -> None:
        """Carry a step out for every name, and return when all have ended; the first error comes through.

        As many at the same time as ``at_most`` says; None: as many as there is room for. After an error none is begun.
        """
        ...


class Reporter(Protocol):
    """Shows entries as they are journalled, and signs of life: a terminal, JSON Lines, nothing."""

    def emit(self, entry: Entry | Sign) -> None:
        """Show one entry or sign of life; must not raise."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The adapters of one drill, assembled by the composition root."""

    repositories: Mapping[str, Repository]
    sandbox: Sandbox
    runbooks: RunbookRunner
    hasher: Hasher
    manifests: ManifestSource
    checks: CheckRunner
    records: RecordReader
    sign_offs: SignOffDesk
    approvals: ApprovalDesk
    journal: Journal
    sink: EvidenceSink
    clock: Clock
    crew: Crew
    reporter: Reporter
    cancelled: Cancelled
    signal_number: Callable[[], int]
    """Which signal asked to stop."""
    tools: Callable[[], Mapping[str, str]]
    """Program or package → version, for the record."""
    materials: Callable[[DrillPlan], Mapping[str, str]]
    """Files and programs that the recoveries of a plan use → digest, as they are now."""
    stopped_by: Callable[[], str] = lambda: ""
    """Who asked to stop, and why; empty: whoever may send signals."""
    known: Callable[[str], RepositoryKnown | None] = lambda _: None
    """What the register holds of a repository, by its name in the inventory; None: nobody can tell."""
    ledger: PointsLedger | None = None
    """Which recovery points are expected; None: nobody keeps it, and nothing is compared."""
