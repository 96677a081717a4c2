"""The borders of drp: what the control flow needs from the outside, as small protocols with their contracts.

An adapter may raise only errors of the `drp.errors` family that its port names: it wraps every foreign exception.
Each port has one conformance suite in tests/conformance that every adapter and every simulator passes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from drp.domain.application import Application
from drp.domain.check import Target
from drp.domain.check_runner import CheckRunner
from drp.domain.clock import Stamp
from drp.domain.events import Entry, Sign
from drp.domain.journal import Journal
from drp.domain.manifest import ManifestDifference, OpenManifest
from drp.domain.plan import DrillPlan
from drp.domain.reconciliation.port import RecordReader
from drp.domain.recovery_point import Immutability, PointListing, RecoveryPoint
from drp.domain.restore import CellSecret, RestoreOrder, RestoreOutcome, RestoreReceipt
from drp.domain.runbook import RunbookOrder, RunbookResult
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A sign of life from inside a long call; every field that is not known is None."""

    message: str = ""
    done_bytes: int | None = None
    total_bytes: int | None = None
    done_files: int | None = None
    total_files: int | None = None


Report = Callable[[Progress], None]
"""Called from any thread, at most a few times a second; must not raise."""

Cancelled = Callable[[], bool]
"""Long calls ask it at least every second, and raise ``Interrupted`` soon after it turns true."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What a repository is, as data."""

    object_lock: bool = False
    air_gapped: bool = False
    tool: str = ""
    tool_version: str = ""
    clock_ahead_ms: int | None = None
    """By how much this machine's wall clock is ahead of the repository's own; None: it tells no time."""
    remarks: tuple[str, ...] = ()
    """What a first look already shows to be wrong with the backup; ``points`` names it as unreadable."""


class Repository(Protocol):
    """Where recovery points are kept. drp only ever reads: no call changes anything in it.

    Raises ``Unreachable``, ``AccessDenied``, ``MediaNeeded``, ``RepositoryError``; within its own time limits.
    """

    name: str

    def preflight(self) -> Abilities:
        """Return what the repository is, having proven in seconds that it answers and accepts the key."""
        ...

    def points(self, application: Application) -> PointListing:
        """Return the application's recovery points, newest first, with stable ids; unreadable ones are named."""
        ...

    def immutability(self, point: RecoveryPoint) -> Immutability:
        """Return what can be observed now about whether the point can be changed or deleted."""
        ...

    def restore_order(self, point: RecoveryPoint) -> RestoreOrder:
        """Return what the restore cell has to run to bring the point back below ``/data/files``."""
        ...

    def receipt(self, point: RecoveryPoint, outcome: RestoreOutcome) -> RestoreReceipt:
        """Return what came back, read from the tool's answer: damaged objects are ``unrestored``, named.

        Raises ``Unreachable``, ``AccessDenied`` or ``StorageFull`` when the answer is about access and not damage.
        """
        ...

    def secrets(self) -> tuple[CellSecret, ...]:
        """Return references to what the restore cell must be given; never values."""
        ...


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
    ) -> ManifestDifference:
        """Return how the tree at ``root`` departs from the manifest; ``uid_offset`` None: owners are not judged.

        Everything was restored below ``within``: no link is followed from there on, and what lies beside the root is
        unexpected.
        """
        ...

    def tree_digest(self, root: Path, *, report: Report, cancelled: Cancelled) -> str:
        """Return ``algorithm:hex`` for a directory's content: equal for copies, whoever owns them and of whatever age.

        Raises ``NotFound`` when there is no directory; what cannot be read whole is a ``ManifestError``.
        """
        ...


class ManifestSource(Protocol):
    """Where manifests are kept, apart from the backups. Raises ``RepositoryError`` and ``ManifestError``."""

    def expected(self, point: RecoveryPoint) -> OpenManifest | None:
        """Return the manifest that the point names, open, its digest that name; None when it is not kept here."""
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


class Engine(Protocol):
    """Carries the steps of a drill. The journal decides what is done; an engine only decides where and when it runs."""

    def step(self, name: str, action: Callable[[], None]) -> None:
        """Run one named step; what it raises comes through."""
        ...

    def together(self, actions: Sequence[Callable[[], None]], *, at_most: int | None = None) -> None:
        """Run independent actions and return when all have ended; the first error comes through, and no more are begun.

        As many run at the same time as ``at_most`` says; None: as many as there is room for.
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
    journal: Journal
    sink: EvidenceSink
    clock: Clock
    engine: Engine
    reporter: Reporter
    cancelled: Cancelled
    signal_number: Callable[[], int]
    """Which signal asked to stop."""
    tools: Callable[[], Mapping[str, str]]
    """Program or package → version, for the record."""
    materials: Callable[[DrillPlan], Mapping[str, str]]
    """Files and programs that the recoveries of a plan use → digest, as they are now."""
