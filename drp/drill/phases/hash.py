"""hash: compare the restored tree with the manifest that was made at backup time and kept apart from the backup."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from drp.domain.findings.catalogue import (
    FILE_CHANGED,
    FILE_MISSING,
    FILE_UNEXPECTED,
    FILE_UNREADABLE,
    MANIFEST_MISSING,
    MANIFEST_WAIVED,
    METADATA_CHANGED,
    OWNERSHIP_NOT_JUDGED,
)
from drp.domain.findings.finding import Finding
from drp.domain.findings.finding_code import FindingCode
from drp.domain.findings.origin import MANIFEST_DAMAGED, MANIFEST_MALFORMED
from drp.domain.judged import NotJudged, never_judged
from drp.domain.manifest import Deviation, ManifestDifference, ManifestSummary, OpenManifest, Unjudged
from drp.domain.origin import origin_findings
from drp.domain.phase import Hashed
from drp.domain.recovery_point import RecoveryPoint
from drp.domain.restore import RESTORED_FOLDER
from drp.domain.tree_parts import PARTS
from drp.drill.context import PhaseContext
from drp.drill.phases.checks import check_findings, read_files
from drp.errors import ManifestError

_CODES: dict[str, FindingCode] = {
    "changed": FILE_CHANGED,
    "missing": FILE_MISSING,
    "unexpected": FILE_UNEXPECTED,
    "unreadable": FILE_UNREADABLE,
    "metadata": METADATA_CHANGED,
    "kind": FILE_CHANGED,
    "unstable": FILE_UNREADABLE,
}
_NAMED_PER_KIND = 20
_NAMED_TOGETHER = 5
_LONGEST = 1000


def hash_phase(context: PhaseContext) -> Hashed:
    """Return the comparison, or that there is nothing to compare with, and what checks read before anything runs.

    A restore that is not whole is compared, to name what is missing, and not read; nor does a drill read on that ends
    here: its word is that of the manifest alone. Raises what Hasher and Sandbox name.
    """
    hashed, restored = _hashed(context), context.restored
    if not context.plan.starts or restored.receipt.unrestored or not restored.runbook.ok:
        return hashed
    read = read_files(context, hashed)
    return replace(
        hashed,
        checks=read.results,
        code=read.code,
        not_judged=(*hashed.not_judged, *read.not_judged),
        findings=(*hashed.findings, *check_findings(read.results)),
    )


def _hashed(context: PhaseContext) -> Hashed:
    point = context.point
    if point.manifest_trouble:
        return _incomparable(
            MANIFEST_MALFORMED.finding(
                subject=point.short_id, observed=point.manifest_trouble, expected="one tag that names one manifest"
            )
        )
    try:
        manifest = context.ports.manifests.expected(point)
    except ManifestError as error:
        return _incomparable(
            MANIFEST_DAMAGED.finding(
                subject=point.short_id, observed=error.message, expected=f"manifest {point.manifest_id}"
            )
        )
    if manifest is None:
        # A manifest that the point names and that is gone is missing, whatever the plan asks for; and without
        # one, a drill that starts nothing has looked at nothing.
        waived = point.manifest_id is None and not context.recovery.require_manifest and context.plan.starts
        return _incomparable(
            (MANIFEST_WAIVED if waived else MANIFEST_MISSING).finding(
                subject=point.short_id,
                observed=point.manifest_id or "the recovery point names no manifest",
                expected="a manifest made at backup time, kept apart from the repository",
            )
        )
    with closing(manifest):
        return _compared(context, point, manifest)


def _incomparable(*findings: Finding, manifest: ManifestSummary | None = None) -> Hashed:
    return Hashed(manifest=manifest, difference=None, findings=findings)


def _compared(context: PhaseContext, point: RecoveryPoint, manifest: OpenManifest) -> Hashed:
    """Return the comparison with a manifest that could have been made of what the point holds."""
    prepared, restored = context.prepared, context.restored
    try:
        summary = manifest.summary()
    except ManifestError as error:
        damaged = MANIFEST_DAMAGED.finding(subject=point.short_id, observed=error.message, expected="a whole manifest")
        return _incomparable(damaged)
    if doubts := origin_findings(summary, point, context.recovery.application, context.drill_host):
        return _incomparable(*doubts, manifest=summary)
    difference = context.ports.hasher.compare(
        Path(restored.receipt.restored_root),
        manifest,
        uid_offset=prepared.sandbox.uid_offset,
        within=Path(prepared.sandbox.data_path) / RESTORED_FOLDER,
        report=context.report,
        cancelled=context.ports.cancelled,
    )
    return Hashed(
        manifest=summary,
        difference=difference,
        not_judged=_not_judged(difference),
        findings=_findings(difference, summary, restored.receipt.unrestored),
    )


def _not_judged(difference: ManifestDifference) -> tuple[NotJudged, ...]:
    """Return what this comparison left out, and what none judges."""
    owners = () if difference.ownership_judged else (NotJudged(part="owners", why="a single user id is mapped"),)
    here = (NotJudged(part=one.part, why=_why(one)) for one in difference.unjudged)
    return (*owners, *here, *never_judged(PARTS))


def _why(unjudged: Unjudged) -> str:
    if unjudged.count is None:
        return unjudged.why
    more = unjudged.count - len(unjudged.named)
    listed = ", ".join((*unjudged.named, *((f"and {more} more",) if more else ())))
    return f"{unjudged.count} in the manifest, {unjudged.why}: {listed}"[:_LONGEST]


def _findings(
    difference: ManifestDifference, summary: ManifestSummary, unrestored: Sequence[str]
) -> tuple[Finding, ...]:
    found: list[Finding] = []
    for kind, count in sorted(difference.counts.items()):
        if not count:
            continue
        named = [deviation for deviation in difference.deviations if deviation.kind == kind]
        if kind == "missing" and unrestored:
            found += _missing_after(unrestored, named, count)
        else:
            found += _of_kind(kind, _topmost(named) if kind in {"missing", "unexpected"} else named, count)
    if summary.errors:
        found.append(
            FILE_UNREADABLE.finding(
                subject=f"{summary.errors} entries of the manifest",
                observed="could not be read when the manifest was made",
                expected="a manifest that covers everything",
            )
        )
    if not difference.ownership_judged:
        found.append(
            OWNERSHIP_NOT_JUDGED.finding(subject="owner", observed="a single user id is mapped", expected="a range")
        )
    return tuple(found)


def _of_kind(kind: str, named: Sequence[Deviation], count: int) -> list[Finding]:
    code, shown = _CODES[kind], named[:_NAMED_PER_KIND]
    found = [_finding(code, deviation) for deviation in shown]
    if count > len(shown):
        found.append(
            code.finding(subject=f"{count - len(shown)} more", observed=f"{count} {kind} in all", expected="none")
        )
    return found


def _topmost(deviations: Sequence[Deviation]) -> list[Deviation]:
    """Return those that do not lie below another: where a folder is gone, all in it is, by one cause."""
    gone = {deviation.path for deviation in deviations}
    return [each for each in deviations if not any(each.path[:at] in gone for at in _slashes(each.path))]


def _slashes(path: str) -> Iterator[int]:
    at = path.find("/", 1)
    while at > 0:
        yield at
        at = path.find("/", at + 1)


def _missing_after(unrestored: Sequence[str], named: Sequence[Deviation], count: int) -> list[Finding]:
    """Return one finding for all that is missing after a restore that could not read the backup: one cause."""
    top = ", ".join(deviation.path for deviation in _topmost(named)[:_NAMED_TOGETHER])
    observed = f"{count} missing, after the restore could not read {unrestored[0]}: {top}"
    subject = "what the restore could not read"
    return [FILE_MISSING.finding(subject=subject, observed=observed[:_LONGEST], expected="as in the manifest")]


def _finding(code: FindingCode, deviation: Deviation) -> Finding:
    return code.finding(
        subject=deviation.path,
        observed=deviation.observed or deviation.kind,
        expected=deviation.expected or "as in the manifest",
    )
