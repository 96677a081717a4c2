"""Sample journals of drills that ended in every way, built from domain types, and the records they give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from drp.codec import digest, to_data
from drp.domain.application import Application, CheckSpec, Objectives, Runbook
from drp.domain.check import CheckResult, Watermark
from drp.domain.clock import Stamp
from drp.domain.events import (
    DrillConcluded,
    DrillDeclared,
    Entry,
    Event,
    EvidenceSealed,
    FindingRaised,
    Interrupted,
    PhaseCompleted,
    PhaseFailed,
    PhaseStarted,
    Progressed,
    SandboxDestroyed,
)
from drp.domain.evidence import EvidenceRecord
from drp.domain.finding import Finding
from drp.domain.finding_codes import (
    CHECK_UNDETERMINED,
    EGRESS_ATTEMPTED,
    FILE_CHANGED,
    FILE_MISSING,
    MANIFEST_MISSING,
    OWNERSHIP_NOT_JUDGED,
    RTO_MISSED,
)
from drp.domain.fold import fold
from drp.domain.manifest import Deviation, ManifestDifference, ManifestSummary, encode_path, show_path
from drp.domain.phase import PHASES, Hashed, PhaseName, PhaseOutput, Prepared, Restored, Selected, Started, Verified
from drp.domain.plan import DrillPlan, PlannedRecovery, Scenario
from drp.domain.recovery_point import Immutability, RecoveryPoint, RefusedPoint, Selection
from drp.domain.restore import RestoreReceipt
from drp.domain.runbook import RunbookResult, TaskResult
from drp.domain.sandbox import EgressAttempt, IsolationProof, ProbeCheck, Residue, SandboxHandle, SandboxProfile
from drp.domain.timeline import measure
from drp.domain.verdict import conclude
from drp.evidence.record import make_record

T0 = datetime(2026, 11, 14, 6, 0, 3, 417000, tzinfo=UTC)
TOOLS = {"restic": "0.14.0", "ansible-core": "2.19.4", "bubblewrap": "0.8.0", "blake3": "1.0.5", "postgresql": "15.18"}
HOSTILE = b"scans/\xe2\x80\xaegpj.exe\n<script>alert(1)</script>\x1b[31m\xff|`x`"


@dataclass
class Tale:
    """One recovery as it is going to be told: outputs with how long each phase took, and how it stops."""

    application: Application
    outputs: dict[PhaseName, PhaseOutput]
    durations: dict[PhaseName, int]
    raised: list[Finding] = field(default_factory=list)
    failure: PhaseFailed | None = None
    residue: Residue = field(default_factory=lambda: Residue(processes=0, duration_ms=210))


def application(name: str = "ehr", title: str = "Electronic patient record", **changes: object) -> Application:
    base = Application(
        name=name,
        title=title,
        tier=0,
        objectives=Objectives(rto=timedelta(hours=4), rpo=timedelta(hours=1), mtpd=timedelta(hours=12)),
        repositories=("worm",),
        runbook=Runbook(kind="postgres"),
        checks=(CheckSpec(name="database", verifier="postgres"), CheckSpec(name="documents", verifier="files")),
        owner="Dr. A. Martin, biology",
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def selected() -> Selected:
    point = RecoveryPoint(
        id="7c1f0e8b" * 8,
        repository="worm",
        application="ehr",
        consistent_at=T0 - timedelta(minutes=42),
        size_bytes=412_000_000,
        tags=("app=ehr", "drp-manifest=" + "ab" * 32),
        host="ehr-db-1",
        paths=("/srv/ehr",),
        manifest_id="ab" * 32,
    )
    return Selected(
        point=point,
        immutability=Immutability(
            mode="compliance",
            provenance="observed",
            retained_until=T0 + timedelta(days=29, hours=3),
            objects_observed=128,
            objects_total=128,
        ),
        policy="newest-immutable",
        refused=(
            RefusedPoint(id="9b2d44e1" * 8, consistent_at=T0 + timedelta(minutes=5), reason="made after the disaster"),
            RefusedPoint(
                id="55aa10c7" * 8,
                consistent_at=T0 - timedelta(days=3),
                reason="older than 1 day, 0:00:00 before the disaster",
            ),
        ),
    )


def proof(allowed: int = 0) -> IsolationProof:
    kinds = {"network": 34, "unix-socket": 14, "filesystem": 13, "escape": 9, "kernel": 6, "environment": 5}
    checks = [
        ProbeCheck(
            id=f"{kind}-{number:02}", kind=kind, outcome="denied", detail="EPERM" if number % 3 else "ENETUNREACH"
        )
        for kind, count in kinds.items()
        for number in range(1, count + 1)
    ]
    for index in range(allowed):
        checks[index] = replace(checks[index], outcome="allowed", detail="connected to 10.0.0.5:5432")
    return IsolationProof(
        denied=len(checks) - allowed,
        allowed=allowed,
        errors=0,
        control_reached=12,
        control_missed=(),
        canary_hits=0,
        canary_intact=True,
        checks=tuple(checks),
        facts={"kernel": "6.1.0-28-amd64", "interfaces": ["lo"], "seccomp": "filter"},
        duration_ms=812,
    )


def prepared(allowed: int = 0) -> Prepared:
    handle = SandboxHandle(
        id="sbx-01",
        role="run",
        driver="bubblewrap",
        control_socket="/run/drp/sbx-01/agent.sock",
        data_path="/run/drp/sbx-01/data",
    )
    return Prepared(sandbox=handle, proof=proof(allowed))


def restored() -> Restored:
    return Restored(
        receipt=RestoreReceipt(
            bytes_restored=412_316_860, files_restored=2418, restored_root="/run/drp/sbx-01/data/restore/srv/ehr"
        ),
        runbook=RunbookResult(
            step="restore",
            ok=True,
            tasks=(
                TaskResult(name="Check the restore order", outcome="ok", duration_ms=38),
                TaskResult(name="Restore the recovery point", outcome="changed", duration_ms=9_204),
                TaskResult(name="Tell what came back", outcome="ok", duration_ms=51),
            ),
            duration_ms=11_003,
            harness_ms=1_710,
        ),
        first_byte_ms=1_930,
    )


def hashed(*deviations: Deviation, counts: dict[str, int] | None = None, manifest: bool = True) -> Hashed:
    if not manifest:
        return Hashed(manifest=None, difference=None)
    summary = ManifestSummary(
        id="ab" * 32,
        application="ehr",
        root="/srv/ehr",
        host="ehr-db-1",
        tool="drp 0.1.0",
        algorithms=("blake3", "sha256"),
        started_at=T0 - timedelta(minutes=44),
        finished_at=T0 - timedelta(minutes=43),
        entries=2611,
        files=2418,
        total_bytes=412_316_860,
        merkle_root="cd" * 32,
        facts={"rows": {"public.patient": 20_000, "public.result": 180_000}},
    )
    return Hashed(
        manifest=summary,
        difference=ManifestDifference(
            manifest_id=summary.id,
            files_hashed=2418,
            bytes_hashed=412_316_860,
            entries_expected=2611,
            counts=counts if counts is not None else {},
            deviations=deviations,
            ownership_judged=False,
            duration_ms=1_240,
        ),
        findings=(
            OWNERSHIP_NOT_JUDGED.finding(
                subject="2,611 entries", observed="a single user id", expected="the owners of the manifest"
            ),
        ),
    )


def started(ok: bool = True) -> Started:
    tasks = (
        TaskResult(name="Find the data directory", outcome="ok", duration_ms=44),
        TaskResult(name="Remove a stale postmaster.pid", outcome="skipped", duration_ms=12),
        TaskResult(
            name="Start PostgreSQL",
            outcome="changed" if ok else "failed",
            duration_ms=1_872,
            message="" if ok else "PANIC: could not locate a valid checkpoint record",
        ),
    )
    return Started(runbook=RunbookResult(step="start", ok=ok, tasks=tasks, duration_ms=3_320, harness_ms=1_402))


def verified(*more: CheckResult) -> Verified:
    watermark = Watermark(at=T0 - timedelta(minutes=47), source="public.canary", canary=True)
    checks = (
        CheckResult(
            check="database",
            outcome="passed",
            statement="recovery has finished and the server accepts queries",
            observed="pg_is_in_recovery = false",
            expected="false",
            duration_ms=35,
        ),
        CheckResult(
            check="database",
            outcome="passed",
            statement="every table holds the rows it held at backup time",
            observed="200,000 rows in 2 tables",
            expected="200,000 rows in 2 tables",
            duration_ms=188,
            watermark=watermark,
        ),
        CheckResult(
            check="database",
            outcome="passed",
            statement="pg_amcheck finds no damaged heap or index",
            observed="0 reports",
            expected="0 reports",
            duration_ms=1_420,
        ),
        CheckResult(
            check="documents",
            outcome="passed",
            statement="scanned documents are present",
            observed="2,400 files",
            expected="at least 2,400 files",
            duration_ms=19,
        ),
    )
    egress = (
        EgressAttempt(
            at=T0 + timedelta(seconds=21),
            protocol="tcp",
            destination="10.20.0.15",
            port=2575,
            payload_bytes=412,
            payload_digest="ef" * 32,
        ),
    )
    finding = EGRESS_ATTEMPTED.finding(
        subject="10.20.0.15:2575/tcp", observed="1 attempt, 412 bytes", expected="no attempt"
    )
    return Verified(checks=(*checks, *more), watermark=watermark, egress=egress, findings=(finding,))


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


def tell(*tales: Tale, drill: str = "20261114-060003-ehr", interruption: str = "") -> list[Entry]:
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
        teller.say(Interrupted(signal_number=2, reason=interruption), 12)
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
        {told.application.name: told.outputs for told in tales},
        findings,
        measurements,
        aborted=bool(interruption),
    )
    teller.say(DrillConcluded(verdict=verdict, reasons=reasons, measurements=tuple(measurements.values())), 6)
    return teller.entries


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


def passed_journal() -> list[Entry]:
    return tell(tale())


def deviation(raw: bytes, kind: str = "changed") -> Deviation:
    return Deviation(
        kind=kind,  # type: ignore[arg-type]
        path=show_path(raw),
        path_b64=encode_path(raw),
        expected="blake3:" + "0a" * 32 if kind != "unexpected" else "",
        observed="blake3:" + "f3" * 32 if kind == "changed" else "",
    )


def hash_failure_journal(path: bytes = b"srv/ehr/scans/2026/11/doc-000412.pdf") -> list[Entry]:
    deviations = [
        deviation(path),
        deviation(HOSTILE),
        *(deviation(b"srv/ehr/scans/lost-%04d.pdf" % number, "missing") for number in range(100)),
    ]
    difference = hashed(*deviations, counts={"changed": 2, "missing": 431})
    findings = (
        FILE_CHANGED.finding(subject=show_path(path), observed="blake3:f3f3…", expected="blake3:0a0a…"),
        FILE_MISSING.finding(subject="431 entries", observed="absent", expected="2,611 entries"),
    )
    outputs = tale().outputs | {"hash": replace(difference, findings=(*difference.findings, *findings))}
    return tell(tale(outputs=outputs))


def missed_rto_journal() -> list[Entry]:
    """A cold medium that had to be fetched: the wait is inside the recovery time, and shown apart."""
    base = tale()
    select = replace(
        selected(),
        media_wait_ms=9_600_000,
        immutability=Immutability(mode="offline", provenance="declared", remarks=("medium VAULT-07",)),
    )
    tight = application(
        "lab",
        "Laboratory information system",
        objectives=Objectives(rto=timedelta(hours=2), rpo=timedelta(hours=1)),
        repositories=("vault",),
    )
    return tell(
        replace(
            base,
            application=tight,
            outputs=base.outputs | {"select": select},
            durations=base.durations | {"select": 9_601_460},
            raised=[RTO_MISSED.finding(subject="lab", observed="2:40:20", expected="2:00:00")],
        )
    )


def inconclusive_journal() -> list[Entry]:
    base = tale()
    missing = replace(
        hashed(manifest=False),
        findings=(
            MANIFEST_MISSING.finding(
                subject="point 7c1f0e8b", observed="no manifest", expected="a manifest made at backup time"
            ),
        ),
    )
    unsure = verified(
        CheckResult(
            check="documents",
            outcome="undetermined",
            statement="the newest document can be opened",
            observed="timed out after 300 s",
            expected="a readable PDF",
            duration_ms=300_000,
        )
    )
    finding = CHECK_UNDETERMINED.finding(subject="documents", observed="timed out", expected="a result")
    unsure = replace(unsure, watermark=None, findings=(*unsure.findings, finding))
    return tell(
        replace(
            base,
            outputs=base.outputs | {"hash": missing, "verify": unsure},
            durations=base.durations | {"verify": 301_730},
        )
    )


def aborted_journal() -> list[Entry]:
    base = tale()
    return tell(
        replace(
            base,
            outputs={"select": selected(), "prepare": prepared()},
            failure=PhaseFailed(
                recovery="ehr",
                phase="restore",
                code="DRP-E110",
                message="restic was stopped",
                hint="the drill was sealed as aborted; run it again when you are ready",
                exit_status=130,
            ),
        ),
        interruption="SIGINT",
    )


def unreachable_journal() -> list[Entry]:
    """Two applications: the first recovers, the repository of the second does not answer."""
    lab = application("lab", "Laboratory information system", tier=1)
    failure = PhaseFailed(
        recovery="lab",
        phase="select",
        code="DRP-E031",
        message="no answer from 127.0.0.1:9000 within 10 s",
        hint="check the endpoint, the network path and the service, then try again",
        exit_status=13,
    )
    return tell(tale(), Tale(application=lab, outputs={}, durations={"select": 10_020}, failure=failure))


JOURNALS: dict[str, Callable[[], list[Entry]]] = {
    "passed": passed_journal,
    "failed": hash_failure_journal,
    "missed": missed_rto_journal,
    "inconclusive": inconclusive_journal,
    "aborted": aborted_journal,
    "unreachable": unreachable_journal,
}


def sample_record(name: str) -> EvidenceRecord:
    return make_record(JOURNALS[name](), TOOLS)


def sealed(entries: list[Entry], record_digest: str) -> list[Entry]:
    """Return the journal with its seal."""
    teller = Teller(entries[0].drill)
    teller.entries, teller.now_ms = list(entries), 1_000_000
    teller.say(EvidenceSealed(record_digest=record_digest, location="/var/lib/drp/evidence"))
    return teller.entries


@pytest.fixture(params=sorted(JOURNALS))
def any_record(request: pytest.FixtureRequest) -> EvidenceRecord:
    """Every sample record in turn."""
    return sample_record(request.param)
