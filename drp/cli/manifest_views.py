"""What `drp manifest …` does and how it is told: words on a terminal, documents for machines."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from drp.cli import render
from drp.cli.manifest_options import stoppable
from drp.cli.wording import spoken_line
from drp.cli.words import KINDS, word
from drp.domain.manifest import MAX_DEVIATIONS, ManifestDifference, ManifestSummary
from drp.domain.phrase import NOTHING, Duration, Rate, Size, joined, say
from drp.hashing.judge import Found
from drp.hashing.progress import Meter
from drp.hashing.reading.device import Kind
from drp.hashing.reading.rows import Options
from drp.hashing.tally import deviation
from drp.hashing.verification import Plan, Verification, verify_tree
from drp.manifests.opening import open_manifest

_INCONCLUSIVE = {"unreadable", "unstable"}
_MARKS = {"missing": "-", "unexpected": "+", "changed": "≠", "kind": "≠", "metadata": "~"}
_SHOWN = 20


def create(
    path: Path,
    *,
    output: Path | None,
    into: Path | None,
    application: str,
    facts: Mapping[str, object],
    recovery_point: str,
    options: Options,
    workers: int | None,
    rate: float,
    nice: int,
    device: Kind,
    machine: bool,
) -> int:
    """Make a manifest and say what is in it; return the exit status."""
    from drp.atomic import make_folder
    from drp.hashing.creation import create_manifest

    target = output
    if into is not None:
        make_folder(into)
        target = into / f".new-{os.getpid()}"
    assert target is not None
    meter = Meter(sys.stderr, live=sys.stderr.isatty(), words=spoken_line)

    def tell(sentence: str) -> None:
        meter.wipe()
        render.note(sentence)

    with stoppable(meter) as (cancellation, on_pool):
        summary = create_manifest(
            path,
            target,
            application=application,
            algorithms=options.algorithms,
            facts=facts,
            workers=workers,
            watch=meter,
            cancelled=cancellation,
            options=options,
            recovery_point=recovery_point,
            rate=rate,
            nice=nice,
            on_pool=on_pool,
            say=tell,
            device=device,
        )
    if into is not None:
        from drp.manifests.directory import ManifestDirectory

        kept = ManifestDirectory(into)
        kept.keep(target)
        target = kept.place(summary.application, summary.id)
    if machine:
        render.document("drp/manifest/1", {**_data(summary), "path": str(target)})
    else:
        render.verbatim(str(target))
        _tell_summary(summary)
    return 3 if summary.errors else 0


def verify(path: Path, manifest: Path, plan: Plan, *, ledger: Path | None, machine: bool) -> int:
    """Verify a tree and tell its departures, the first of them as they come; return the exit status."""
    with open_manifest(manifest) as opened:
        opened.narrow(plan.below)
        totals = (0, 0) if plan.sample else (opened.summary().own.files, opened.summary().own.total_bytes)
    meter = Meter(sys.stderr, live=sys.stderr.isatty(), total_files=totals[0], total_bytes=totals[1], words=spoken_line)
    told: dict[str, int] = {}

    def tell(found: Found) -> None:
        told[found.kind] = told.get(found.kind, 0) + 1
        if told[found.kind] <= _SHOWN and not machine:
            meter.wipe()
            render.verbatim(_words(found))

    with stoppable(meter) as (cancellation, on_pool):
        result = verify_tree(path, manifest, plan, watch=meter, cancelled=cancellation, on_found=tell, on_pool=on_pool)
    difference = result.difference
    clean = difference.clean and result.drawn != 0
    deviations = sum(difference.counts.values())
    covered: dict[str, int] = {}
    if ledger is not None and plan.sample is not None:
        from drp.hashing.ledger import open_ledger

        book = open_ledger(ledger, plan.sample.rotation)
        book.record(plan.sample, manifest=difference.manifest_id, files=result.drawn or 0, deviations=deviations)
        covered = {"covered_turns": book.covered(), "rotation": book.rotation}
    if machine:
        extra = {"sampled_files": result.drawn, "statement": result.sentence, "resumed_files": result.resumed_files}
        extra.update(covered)
        render.document(
            "drp/manifest-difference/1",
            {**_data(difference), "clean": clean, **extra},
        )
    else:
        _tell_difference(difference, result)
        if covered:
            render.line(
                say(
                    "{taken} of {all} turns of the rotation are taken; all of them together look at every file",
                    taken=covered["covered_turns"],
                    all=covered["rotation"],
                )
            )
    if difference.clean and not clean:
        render.note("nothing was looked at, so nothing is proven")
        return 3
    return _status(difference.counts)


def diff(before: Path, after: Path, *, machine: bool) -> int:
    """Tell how two manifests differ; return the exit status."""
    from drp.hashing.difference import differences
    from drp.hashing.tally import Tally

    tally = Tally()
    with open_manifest(before) as left, open_manifest(after) as right:
        for found in differences(left, right):
            if not machine and tally.counts.get(found.kind, 0) < MAX_DEVIATIONS:
                render.verbatim(_words(found))
            tally.add(found)
        ids = {"before": left.id, "after": right.id}
    if machine:
        listed = [_data(item) for item in tally.deviations()]
        render.document("drp/manifest-diff/1", {**ids, "counts": tally.counts, "deviations": listed})
    else:
        found_all = [say("{n} {kind}", n=n, kind=word(KINDS, kind)) for kind, n in sorted(tally.counts.items())]
        render.note(joined(found_all, ", ") or say("the same"))
    return 1 if tally.counts else 0


def show(path: Path, *, tree: bool, machine: bool) -> None:
    """Show a manifest."""
    from drp.manifests.entries import entries

    with open_manifest(path) as manifest:
        if not tree:
            summary = manifest.summary()
            if machine:
                more = {key: manifest.header.get(key) for key in ("options", "recovery_point")}
                render.document("drp/manifest/1", {**_data(summary), **more})
            else:
                _tell_summary(summary)
            return
        for entry in entries(manifest):
            document = entry.document(manifest.algorithms)
            if machine:
                render.verbatim(json.dumps({"schema": "drp/manifest-entry/1", **document}))
                continue
            digest = document.get(manifest.algorithms[0], "")[:16]
            target = f" -> {document['target']}" if "target" in document else ""
            error = f"  ! {document['error']}" if "error" in document else ""
            kind, size = document["kind"][0], document["size"]
            render.line(f"{kind} {document['mode']} {size:>12} {digest:16} {document['path']}{target}{error}")


def export(path: Path, form: str, output: Path | None) -> None:
    """Write a manifest in another tool's form."""
    from drp.atomic import atomic_writer
    from drp.manifests.export import export as exported

    with open_manifest(path) as manifest:
        if output is None:
            render.output(exported(manifest, form))
        else:
            with atomic_writer(output) as stream:
                stream.writelines(exported(manifest, form))


def _data(value: object) -> Any:
    """Return what documents say of a value: machines alone wait until pydantic is loaded."""
    from drp.codec import to_data

    return to_data(value)


def _words(found: Found) -> str:
    shown = deviation(found)
    mark, kind = _MARKS.get(found.kind, "?"), render.printable(word(KINDS, found.kind))
    detail = (
        f"  {render.printable(shown.expected)} → {render.printable(shown.observed)}"
        if shown.observed and shown.expected
        else ""
    )
    return f"{mark} {kind:10} {shown.path}{detail}"


def _tell_summary(summary: ManifestSummary) -> None:
    made = say("{start} to {end}", start=render.instant(summary.started_at), end=render.instant(summary.finished_at))
    size = Size(summary.total_bytes)
    entries = say("{entries}, of them {files} files, {size}", entries=summary.entries, files=summary.files, size=size)
    pairs = (
        (say("id"), summary.id),
        (say("application"), summary.application or "-"),
        (say("root"), say("{root} on {host}", root=summary.root, host=summary.host)),
        (say("made"), made),
        (say("digests"), " + ".join(summary.algorithms)),
        (say("made by"), summary.tool),
        (say("entries"), entries),
        (say("unreadable"), str(summary.errors)),
        (say("Merkle root"), summary.merkle_root),
    )
    for name, value in pairs:
        render.line(f"{render.printable(name):12} {render.printable(value)}")
    if summary.facts:
        render.line(f"{render.printable(say('facts')):12} {json.dumps(summary.facts, ensure_ascii=False)}")


def _tell_difference(difference: ManifestDifference, result: Verification) -> None:
    seconds = max(difference.duration_ms / 1000, 0.001)
    render.line(
        say(
            "{files} files, {size} in {time} ({rate}, {speed} files/s{core})",
            files=difference.files_hashed,
            size=Size(difference.bytes_hashed),
            time=Duration(difference.duration_ms),
            rate=Rate(difference.bytes_hashed, difference.duration_ms),
            speed=round(difference.files_hashed / seconds),
            core=say(", {core} core", core=difference.core) if difference.core else NOTHING,
        )
    )
    if result.resumed_files:
        render.line(say("{n} of them were proven before the interruption", n=result.resumed_files))
    if result.sentence:
        render.line(result.sentence)
    for kind, number in sorted(difference.counts.items()):
        more = say(" (the first {shown} are above)", shown=_SHOWN) if number > _SHOWN else NOTHING
        render.line(say("{n} {kind}{more}", n=number, kind=word(KINDS, kind), more=more))
    if difference.clean and result.drawn != 0:
        render.line("as recorded" if result.drawn is None else "what was looked at is as recorded")
    if not difference.ownership_judged:
        render.note("owners were not judged")
    for left_out in difference.unjudged:
        of = NOTHING if left_out.count is None else say(" of {n} entries", n=left_out.count)
        render.note(say("{part}{of} were not judged: {why}", part=left_out.part, of=of, why=left_out.why))


def _status(counts: Mapping[str, int]) -> int:
    bad = {kind for kind, count in counts.items() if count}
    if not bad:
        return 0
    return 3 if bad <= _INCONCLUSIVE else 1
