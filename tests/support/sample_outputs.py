"""What each phase of a sample recovery gives, built from domain types: the ordinary case, to be changed by `replace`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from drp.domain.application import Application, CheckSpec, Objectives, Runbook
from drp.domain.check import CheckResult, Watermark
from drp.domain.findings.catalogue import (
    EGRESS_ATTEMPTED,
    OWNERSHIP_NOT_JUDGED,
)
from drp.domain.manifest import Deviation, ManifestDifference, ManifestSummary
from drp.domain.phase import Hashed, Prepared, Restored, Selected, Started, Verified
from drp.domain.recovery_point import Immutability, RecoveryPoint, RefusedPoint
from drp.domain.restore import RestoreReceipt
from drp.domain.runbook import RunbookResult, TaskResult
from drp.domain.sandbox import EgressAttempt, IsolationProof, ProbeCheck, SandboxHandle

T0 = datetime(2026, 11, 14, 6, 0, 3, 417000, tzinfo=UTC)


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
                reason="older than 1 d before the disaster",
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
            bytes_restored=412_316_860, files_restored=2418, restored_root="/run/drp/sbx-01/data/files/srv/ehr"
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
