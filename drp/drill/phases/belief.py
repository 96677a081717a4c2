"""Opens the manifest that a recovery point names, if it can be believed; and says why not."""

from __future__ import annotations

from dataclasses import dataclass

from drp.domain.application import Application, BackupJob
from drp.domain.findings.catalogue import MANIFEST_MISSING, MANIFEST_WAIVED
from drp.domain.findings.finding import Finding
from drp.domain.findings.origin import MANIFEST_DAMAGED, MANIFEST_ELSEWHERE, MANIFEST_MALFORMED
from drp.domain.manifest import ManifestSummary, OpenManifest
from drp.domain.origin import origin_findings, own_part
from drp.domain.phrase import fact
from drp.domain.ports import ManifestSource
from drp.domain.recovery_point import RecoveryPoint
from drp.drill.context import PhaseContext
from drp.errors import ManifestError, NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Believed:
    """A manifest that could have been made of what the point holds, open; or why there is none."""

    manifest: OpenManifest | None = None
    """Whoever asked closes it."""
    summary: ManifestSummary | None = None
    """What it says of itself, also where that keeps it from being believed."""
    findings: tuple[Finding, ...] = ()


def believed(context: PhaseContext, point: RecoveryPoint) -> Believed:
    """Return the manifest of a recovery point. Raises what the ManifestSource names besides ``ManifestError``."""
    return manifest_of(
        point,
        context.ports.manifests,
        application=context.recovery.application,
        drill_host=context.drill_host,
        required=context.recovery.require_manifest or not context.plan.starts,
    )


def manifest_of(
    point: RecoveryPoint, source: ManifestSource, *, application: Application, drill_host: str, required: bool
) -> Believed:
    """Return the manifest of a recovery point, for whoever asks outside of a drill too. Raises as `believed` does."""
    if point.manifest_trouble:
        return Believed(
            findings=(
                MANIFEST_MALFORMED.finding(
                    subject=point.short_id,
                    observed=point.manifest_trouble,
                    expected=fact("one-tag-names-one", "one tag that names one manifest"),
                ),
            )
        )
    try:
        manifest = _named(source, point, application.backup_job)
    except ManifestError as error:
        return _damaged(point, error, fact("manifest", "manifest {manifest_id}", manifest_id=point.manifest_id))
    if manifest is None:
        # A manifest that the point names and that is gone is missing, whatever the plan asks for; and without one, a
        # drill that starts nothing has looked at nothing.
        waived = point.manifest_id is None and not required
        missing = (MANIFEST_WAIVED if waived else MANIFEST_MISSING).finding(
            subject=point.short_id,
            observed=point.manifest_id or fact("recovery-point-names-no", "the recovery point names no manifest"),
            expected=fact(
                "manifest-made-backup-time", "a manifest made at backup time, kept apart from the repository"
            ),
        )
        return Believed(findings=(missing,))
    try:
        summary = manifest.summary()
    except ManifestError as error:
        manifest.close()
        return _damaged(point, error, "a whole manifest")
    if doubts := origin_findings(summary, point, application, drill_host):
        manifest.close()
        return Believed(summary=summary, findings=tuple(doubts))
    return _narrowed(point, application.backup_job, manifest, summary)


def _named(source: ManifestSource, point: RecoveryPoint, job: BackupJob) -> OpenManifest | None:
    return source.expected(point, made_for=job.manifest_of) if job.manifest_of else source.expected(point)


def _narrowed(point: RecoveryPoint, job: BackupJob, manifest: OpenManifest, summary: ManifestSummary) -> Believed:
    """Return the manifest, speaking of the application's own folder alone; or that it has none."""
    part = own_part(summary, point, job)
    if not part:
        return Believed(manifest=manifest, summary=summary)
    try:
        manifest.narrow(part)
        return Believed(manifest=manifest, summary=manifest.summary())
    except NotFound as error:
        manifest.close()
        lacking = MANIFEST_ELSEWHERE.finding(
            subject=summary.id[:12],
            observed=error.message,
            expected=fact("manifest-that-holds", "a manifest that holds {sub_path}", sub_path=point.sub_path),
        )
        return Believed(summary=summary, findings=(lacking,))
    except ManifestError as error:
        manifest.close()
        return _damaged(point, error, "a whole manifest")


def _damaged(point: RecoveryPoint, error: ManifestError, expected: str) -> Believed:
    found = MANIFEST_DAMAGED.finding(subject=point.short_id, observed=error.message, expected=expected)
    return Believed(findings=(found,))
