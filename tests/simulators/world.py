"""A whole simulated world for the control flow: every port, scripted, no I/O. Not mocks: each keeps its port's contract."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from drp.domain.application import Application, CheckSpec, Objectives, Runbook
from drp.domain.check import Loss
from drp.domain.events import Entry, Event, Sign
from drp.domain.judged import NotJudged
from drp.domain.plan import DrillPlan, PlannedRecovery, Scenario
from drp.domain.ports import Abilities, Ports, SinkReceipt
from drp.domain.recovery_point import Immutability, PointListing, RecoveryPoint, Selection
from drp.domain.repository_port import Held
from drp.domain.restore import RestoreOrder, RestoreReceipt
from drp.domain.restored_code import RestoredCode
from drp.domain.sandbox import IsolationProof, ProbeCheck, Residue, SandboxHandle, SandboxOrder, SandboxProfile
from drp.domain.volume import VolumeRoom
from drp.domain.worm.known import RepositoryKnown
from drp.engine.crew import Threads
from tests.simulators.approvals import SimApprovals
from tests.simulators.clock import EPOCH, SimClock
from tests.simulators.comparers import Comparers
from tests.simulators.desk import SimDesk
from tests.simulators.dying import Killed, SimJournal
from tests.simulators.ledger import SimLedger
from tests.simulators.runners import Checks, Records, Runbooks
from tests.simulators.traffic import Senders, Traffic

BARE = SandboxOrder()


@dataclass
class Script:
    """What the world does; change one thing and see the verdict."""

    consistent_at: datetime = EPOCH - timedelta(minutes=10)
    watermark: datetime | None = EPOCH - timedelta(minutes=12)
    points: int = 1
    manifest: bool = True
    manifest_named: bool = True
    manifest_trouble: str = ""
    manifest_made: dict[str, object] = field(default_factory=dict)
    """What the manifest says of itself, otherwise than it should."""
    compared_id: str = "m" * 64
    """Id of the manifest that the hasher says it compared with."""
    immutability: str = "compliance"
    clock_ahead_ms: int | None = None
    proof_allowed: int = 0
    unrestored: tuple[str, ...] = ()
    restores_parts: bool = True
    lacking: str = ""
    """Why there is nothing at the point's sub-path."""
    own_files: int = 4
    """Of the manifest's ten, where the application has a sub-path."""
    compared_of_sample: int | None = None
    """So many of the drawn files were compared; None: all."""
    restore_ok: bool = True
    capped_by: tuple[str, ...] = ()
    holes_known: bool = True
    start_ok: bool = True
    difference: dict[str, int] = field(default_factory=dict)
    outputs: dict[str, dict[str, object]] = field(default_factory=dict)
    """step → what the runbook hands over besides."""
    checks: tuple[str, ...] = ("passed",)
    places: tuple[str, ...] = ("caller",)
    witness: str = "restored"
    """What the verifier says of itself."""
    code: tuple[RestoredCode, ...] = ()
    not_judged: tuple[NotJudged, ...] = ()
    loss: Loss | None = None
    traffic: Traffic = field(default_factory=Traffic)
    residue: Residue = field(default_factory=lambda: Residue(processes=0))
    cell_residue: Residue = field(default_factory=lambda: Residue(processes=0))
    unreadable: tuple[str, ...] = ()
    images: dict[str, str] = field(default_factory=dict)
    """Software images by path, and their digests."""
    materials: dict[str, str] = field(default_factory=dict)
    """What the recoveries use now, by its digests; the plan declares none."""
    records: dict[str, object] = field(default_factory=dict)
    """set → its records, or why they cannot be read."""
    rooms: tuple[VolumeRoom, ...] = ()
    lists: dict[str, tuple[str, ...]] = field(default_factory=dict)
    passed_over: int = 0
    """Path of a declared list → its lines."""
    known: RepositoryKnown | None = None
    faults: dict[str, BaseException] = field(default_factory=dict)
    """port.method → what it raises."""
    on_call: Callable[[str], None] = lambda name: None


class World(Senders, Comparers):
    """Implements every adapter port over one script, and counts living sandboxes."""

    name = "vault"

    def __init__(
        self, script: Script | None = None, *, names: tuple[str, ...] = ("ehr",), on_interrupt="conclude"
    ) -> None:
        self.script = script or Script()
        self.clock = SimClock()
        self.journal = SimJournal(self.clock)
        self.alive: set[str] = set()
        self.opened = 0
        self.orders: list[SandboxOrder] = []
        self.calls: list[str] = []
        self.inputs: dict[str, dict[str, object]] = {}
        self.records: dict[str, bytes] = {}
        self.stop, self.shown = False, list[Entry | Sign]()
        self.only: object = None
        self.ledger: SimLedger | None = None
        self.desk, self.approvals = SimDesk(), SimApprovals()
        self.plan = plan(names, on_interrupt=on_interrupt)

    def ports(self) -> Ports:
        return Ports(
            repositories={"vault": self}, sandbox=self, runbooks=Runbooks(self), hasher=self, manifests=self, checks=Checks(self), records=Records(self),
            sign_offs=self.desk, approvals=self.approvals, journal=self.journal, sink=self, clock=self.clock, crew=Threads(), reporter=self,
            cancelled=lambda: self.stop, signal_number=lambda: 2, tools=lambda: {"drp": "test"}, materials=lambda plan: self.script.materials,
            known=lambda repository: self.script.known if repository == self.name else None, ledger=self.ledger,
        )  # fmt: skip

    def call(self, name: str) -> None:
        self.calls.append(name)
        self.script.on_call(name)
        if name in self.script.faults:
            raise self.script.faults[name]

    # Repository
    def preflight(self) -> Abilities:
        self.call("preflight")
        return Abilities(object_lock=True, tool="sim", tool_version="1", clock_ahead_ms=self.script.clock_ahead_ms, restores_parts=self.script.restores_parts)  # fmt: skip

    def points(self, application: Application) -> PointListing:
        self.call("points")
        return PointListing(
            points=tuple(
                RecoveryPoint(
                    id=f"{number:064x}", repository="vault", application=application.name, size_bytes=1000,
                    manifest_id="m" * 64 if self.script.manifest_named and not self.script.manifest_trouble else None,
                    manifest_trouble=self.script.manifest_trouble, host="prod", paths=("/srv/app",),
                    consistent_at=self.script.consistent_at - timedelta(days=number),
                    sub_path=application.backup_job.sub_path,
                )
                for number in range(self.script.points)
            ),
            unreadable=self.script.unreadable,
        )  # fmt: skip

    def at_sub_path(self, point: RecoveryPoint, *, counted: bool = False) -> Held:
        self.call("at_sub_path")
        return Held(lacking=self.script.lacking)

    def immutability(self, point: RecoveryPoint) -> Immutability:
        self.call("immutability")
        return Immutability(
            mode=self.script.immutability, provenance="observed", retained_until=EPOCH + timedelta(days=30)
        )

    def restore_order(self, point: RecoveryPoint, *, only: object = None) -> RestoreOrder:
        self.call("restore_order")
        self.only = only
        return RestoreOrder(argv=("restore", point.id), source_root="/srv/app", capped_by=self.script.capped_by, holes_known=self.script.holes_known)  # fmt: skip

    def receipt(self, point: RecoveryPoint, outcome: object, *, whole: bool = True) -> RestoreReceipt:
        self.call("receipt")
        return RestoreReceipt(bytes_restored=1000, files_restored=10, unrestored=self.script.unrestored)

    def secrets(self) -> tuple[()]:
        return ()

    # Sandbox
    def open(self, profile: SandboxProfile, label: str, order: SandboxOrder = BARE) -> SandboxHandle:
        self.call("open")
        self.opened += 1
        self.orders.append(order)
        handle = SandboxHandle(
            id=f"sbx-{self.opened}",
            role="run",
            driver="sim",
            control_socket="/nowhere",
            data_path=f"/sim/{self.opened}",
        )
        self.alive.add(handle.id)
        return handle

    def prove(self, handle: SandboxHandle) -> IsolationProof:
        self.call("prove")
        allowed = self.script.proof_allowed
        checks = tuple(
            ProbeCheck(id=f"net.{n}", kind="net", outcome="allowed" if n < allowed else "denied") for n in range(81)
        )
        return IsolationProof(
            denied=81 - allowed, allowed=allowed, errors=0, control_reached=29, control_missed=(), canary_hits=allowed, canary_intact=True,
            checks=checks,
        )  # fmt: skip

    def open_cell(self, handle: SandboxHandle, order: RestoreOrder, secrets: object) -> SandboxHandle:
        self.call("open_cell")
        cell = replace(handle, id=handle.id + "-cell", role="restore-cell")
        self.alive.add(cell.id)
        return cell

    def open_reader(self, handle: SandboxHandle) -> SandboxHandle:
        return self._open_witness(handle, "reader-cell")

    def open_caller(self, handle: SandboxHandle) -> SandboxHandle:
        return self._open_witness(handle, "caller-cell")

    def _open_witness(self, handle: SandboxHandle, role: str) -> SandboxHandle:
        self.call(role)
        cell = replace(handle, id=f"{handle.id}-{role}", role=role)
        self.alive.add(cell.id)
        return cell

    def rooms(self, handle: SandboxHandle) -> tuple[VolumeRoom, ...]:
        return self.script.rooms

    def settle(self, handle: SandboxHandle) -> None:
        self.call("settle")

    def target(self, handle: SandboxHandle) -> None:
        return None

    def destroy(self, handle: SandboxHandle) -> Residue:
        self.call("destroy")
        self.alive.discard(handle.id)
        return self.script.residue if handle.role == "run" else self.script.cell_residue

    # EvidenceSink, Reporter
    def put(self, drill: str, name: str, content: bytes) -> SinkReceipt:
        self.call("put")
        self.records[drill] = content
        return SinkReceipt(location=f"/sim/{drill}/{name}", digest="d" * 64)

    def emit(self, entry: Entry | Sign) -> None:
        self.shown.append(entry)


def plan(names: tuple[str, ...] = ("ehr",), *, on_interrupt: str = "conclude", **overrides: object) -> DrillPlan:
    recoveries = tuple(
        PlannedRecovery(
            application=Application(
                name=name, title=name.upper(), tier=0, objectives=Objectives(rto=timedelta(hours=1), rpo=timedelta(hours=1)),
                repositories=("vault",), runbook=Runbook(kind="postgres"), checks=(CheckSpec(name="answers", verifier="sim"),),
                depends_on=names[:index],
            ),
            repository="vault", selection=Selection(policy="newest"), sandbox=SandboxProfile(name="cleanroom"),
        )
        for index, name in enumerate(names)
    )  # fmt: skip
    return replace(
        DrillPlan(name="weekly", scenario=Scenario(title="Ransomware", disaster_at=EPOCH), recoveries=recoveries, on_interrupt=on_interrupt),
        **overrides,
    )  # fmt: skip


def events_of(world: World) -> list[Event]:
    (drill,) = world.journal.drills()
    return [entry.event for entry in world.journal.entries(drill)]


@contextlib.contextmanager
def dying() -> Iterator[None]:
    """The simulated process dies in here, or not."""
    with contextlib.suppress(Killed):
        yield
