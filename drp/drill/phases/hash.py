"""hash: compare the restored tree with the manifest that was made at backup time and kept apart from the backup."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from drp.domain.findings.catalogue import (
    FILE_CHANGED,
    FILE_MISSING,
    FILE_UNEXPECTED,
    FILE_UNREADABLE,
    METADATA_CHANGED,
    OWNERSHIP_NOT_JUDGED,
)
from drp.domain.findings.finding import Finding
from drp.domain.findings.finding_code import FindingCode
from drp.domain.judged import NotJudged, never_judged
from drp.domain.manifest import Deviation, ManifestDifference, ManifestSummary, OpenManifest, Unjudged, encode_path
from drp.domain.phase import Hashed
from drp.domain.phrase import Phrase, counted, fact, say, several
from drp.domain.restore import RESTORED_FOLDER
from drp.domain.sample import Sample
from drp.domain.terms import NONE, listed, others
from drp.domain.tree_parts import PARTS
from drp.drill.context import PhaseContext
from drp.drill.phases.belief import believed
from drp.drill.phases.checks import check_findings, read_files
from drp.errors import MediumFailed, SandboxError

_CODES: dict[str, FindingCode] = {
    "changed": FILE_CHANGED,
    "missing": FILE_MISSING,
    "unexpected": FILE_UNEXPECTED,
    "unreadable": FILE_UNREADABLE,
    "metadata": METADATA_CHANGED,
    "kind": FILE_CHANGED,
    "unstable": FILE_UNREADABLE,
}
_KINDS: dict[str, Phrase] = {
    "changed": fact("kind-changed", "changed"),
    "missing": fact("kind-missing", "missing"),
    "unexpected": fact("kind-unexpected", "unexpected"),
    "unreadable": fact("kind-unreadable", "unreadable"),
    "metadata": fact("kind-metadata", "metadata"),
    "kind": fact("kind-other", "of another kind"),
    "unstable": fact("kind-unstable", "changing while read"),
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
    found = believed(context, context.point)
    if found.manifest is None or found.summary is None:
        return Hashed(manifest=found.summary, difference=None, findings=found.findings)
    with closing(found.manifest):
        return _compared(context, found.manifest, found.summary)


def _compared(context: PhaseContext, manifest: OpenManifest, summary: ManifestSummary) -> Hashed:
    """Return the comparison with a manifest that could have been made of what the point holds."""
    prepared, restored = context.prepared, context.restored
    difference = context.ports.hasher.compare(
        Path(restored.receipt.restored_root),
        manifest,
        uid_offset=prepared.sandbox.uid_offset,
        within=Path(prepared.sandbox.data_path) / RESTORED_FOLDER,
        report=context.report,
        cancelled=context.ports.cancelled,
        sample=context.sample,
    )
    if any(deviation.errno == errno.EIO for deviation in difference.deviations):
        context.ports.sandbox.settle(prepared.sandbox)  # which knows more, where the kernel noted it
        raise MediumFailed("the storage of this host could not read what was restored onto it: input/output error")
    _require_folders(context, difference)
    return Hashed(
        manifest=summary,
        difference=difference,
        not_judged=(*_not_drawn(context.sample), *_not_own(summary), *_not_judged(difference)),
        findings=_findings(difference, summary, restored.receipt.unrestored),
    )


def _require_folders(context: PhaseContext, difference: ManifestDifference) -> None:
    """Raise ``SandboxError`` for a data volume at a folder that was not backed up: drp made that folder itself."""
    root = Path(RESTORED_FOLDER) / context.restored.receipt.restored_root.partition(f"/{RESTORED_FOLDER}/")[2]
    unexpected = {each.path_b64 for each in difference.deviations if each.kind == "unexpected"}
    for volume in context.prepared.sandbox.volumes:
        place = Path(RESTORED_FOLDER) / volume.at.strip("/")
        if volume.at and place.is_relative_to(root):
            below = place.relative_to(root)
            made = {encode_path(os.fsencode(str(each))) for each in (below, *below.parents)}
            if made & unexpected:
                message = say(
                    "there is no folder {at} in the backup, and `data_volumes` gives it a volume", at=volume.at
                )
                raise SandboxError(message, hint="name a folder that is in the backup, or take the volume out")


def _not_drawn(sample: Sample | None) -> tuple[NotJudged, ...]:
    """Return what a sample leaves out: nobody looked at it."""
    if sample is None:
        return ()
    every = fact("sample-of-files", "a sample is of files, and of what each is by itself")
    found = [
        NotJudged(part=part, why=every)
        for part in (say("entries and their names"), say("targets of links"), say("hard links"))
    ]
    if left := sample.population - sample.drawn:
        found.insert(
            0,
            NotJudged(
                part=say("content of files"),
                why=fact("not-drawn", "{left} of {population} were not drawn", left=left, population=sample.population),
            ),
        )
    return tuple(found)


def _not_own(summary: ManifestSummary) -> tuple[NotJudged, ...]:
    """Return what of a manifest that serves several applications is not this one's."""
    left = summary.entries - summary.own.entries
    why = counted(
        "entries-not-own",
        "{n} of the manifest's {entries} entries is not below the application's own path",
        "{n} of the manifest's {entries} entries are not below the application's own path",
        left,
        entries=summary.entries,
    )
    return (NotJudged(part=say("other applications' entries"), why=why),) if left else ()


def _not_judged(difference: ManifestDifference) -> tuple[NotJudged, ...]:
    """Return what this comparison left out, and what none judges."""
    owners = (
        ()
        if difference.ownership_judged
        else (NotJudged(part=say("owners"), why=fact("single-user-id-mapped", "a single user id is mapped")),)
    )
    here = (NotJudged(part=one.part, why=_why(one)) for one in difference.unjudged)
    return (*owners, *here, *never_judged(PARTS))


def _why(unjudged: Unjudged) -> Phrase:
    if unjudged.count is None:
        return unjudged.why
    return fact(
        "unjudged-in-manifest",
        "{count} in the manifest, {why}: {paths}",
        count=unjudged.count,
        why=unjudged.why,
        paths=listed([_short(each) for each in unjudged.named], unjudged.count),
    )


def _short(path: str) -> str:
    return path if len(path) <= _LONGEST else f"{path[:_LONGEST]}…"


def _findings(
    difference: ManifestDifference, summary: ManifestSummary, unrestored: Sequence[Phrase]
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
    if errors := summary.own.errors:
        found.append(
            FILE_UNREADABLE.finding(
                subject=fact("entries-of-manifest", "{errors} entries of the manifest", errors=errors),
                observed=fact("could-not-read-when", "could not be read when the manifest was made"),
                expected=fact("manifest-covers-everything", "a manifest that covers everything"),
            )
        )
    if not difference.ownership_judged:
        found.append(
            OWNERSHIP_NOT_JUDGED.finding(
                subject=fact("owner", "owner"),
                observed=fact("single-user-id-mapped", "a single user id is mapped"),
                expected=fact("range", "a range"),
            )
        )
    return tuple(found)


def _of_kind(kind: str, named: Sequence[Deviation], count: int) -> list[Finding]:
    code, shown = _CODES[kind], named[:_NAMED_PER_KIND]
    found = [_finding(code, deviation) for deviation in shown]
    if count > len(shown):
        found.append(
            code.finding(
                subject=others(count - len(shown)),
                observed=fact("of-kind-in-all", "{count} {kind} in all", count=count, kind=_KINDS[kind]),
                expected=NONE,
            )
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


def _missing_after(unrestored: Sequence[Phrase], named: Sequence[Deviation], count: int) -> list[Finding]:
    """Return one finding for all that is missing after a restore that could not read the backup: one cause."""
    observed = fact(
        "missing-after-restore",
        "{count} missing, after the restore could not read {unread}: {paths}",
        count=count,
        unread=unrestored[0],
        paths=several(_short(deviation.path) for deviation in _topmost(named)[:_NAMED_TOGETHER]),
    )
    subject = fact("not-restored", "what the restore could not read")
    return [
        FILE_MISSING.finding(subject=subject, observed=observed, expected=fact("as-manifest", "as in the manifest"))
    ]


def _finding(code: FindingCode, deviation: Deviation) -> Finding:
    return code.finding(
        subject=deviation.path,
        observed=deviation.observed or _KINDS[deviation.kind],
        expected=deviation.expected or fact("as-manifest", "as in the manifest"),
    )
