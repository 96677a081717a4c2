"""Verifies a tree against a manifest: all of it, or a sample; from the start, or from a checkpoint.

Nothing that could not be looked at counts as verified: what a worker died on twice is unreadable.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from drp.domain.manifest import MAX_DEVIATIONS, ManifestDifference, Unjudged
from drp.domain.phrase import NOTHING, Phrase, fact, say
from drp.errors import ManifestError
from drp.hashing.reading.core import core_name
from drp.hashing.reading.descent import FLAGS, raise_descriptor_limit
from drp.hashing.reading.device import Kind, depth
from drp.hashing.reading.rows import Options
from drp.hashing.sampling import Sample, sentence
from drp.hashing.selection import Selection, Stratum, select
from drp.hashing.tally import OnFound, Tally, judge_links
from drp.hashing.unjudged import holds_all, judged_classes, without
from drp.hashing.words import turn
from drp.hashing.workers import verify_worker  # noqa: F401 - forked workers find it loaded
from drp.hashing.workers.checkpoint import Checkpoint
from drp.hashing.workers.pool import Pool, hand
from drp.hashing.workers.verify_job import VerifyJob
from drp.manifests.frame import Frame
from drp.manifests.opening import at_hand
from drp.manifests.reader import Manifest

Watch = Callable[[int, int, int], None]
"""Called a few times a second with files, bytes and entries so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to verify."""

    uid_offset: int | None = 0
    """What the restore added to every owner; None: owners are not judged."""
    barred: Mapping[str, Phrase] | None = None
    """A restore in a sandbox: classes of extended attributes that it cannot have set → why. None: in none."""
    sample: Sample | None = None
    below: bytes = b""
    """Folder of the manifest that the tree is of, below the manifest's root; empty: all that it speaks of."""
    checkpoint: Path | None = None
    workers: int | None = None
    options: Options | None = None
    limit: int = MAX_DEVIATIONS
    """Deviations of each kind that one task tells besides counting them."""
    rate: float = 0.0
    """Bytes a second over all workers; 0: no cap."""
    nice: int = 0
    device: Kind = "auto"
    """What the tree lies on; auto: the kernel is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a verification came to."""

    difference: ManifestDifference
    resumed_files: int = 0
    """Files that were proven before the verification went on."""
    drawn: int | None = None
    """Files in the sample; None: all were looked at."""
    strata: dict[Stratum, tuple[int, int]] = field(default_factory=dict)
    sentence: Phrase = NOTHING
    """What the sample proves."""


def _opened(root: Path) -> int:
    """Return a descriptor of the tree's root. Raises ``ManifestError``."""
    try:
        return os.open(root, FLAGS)
    except OSError as error:
        message = say("cannot open the tree {root}: {strerror}", root=root, strerror=os.strerror(error.errno or 0))
        hint = "nothing was compared: see whether the restore put anything there"
        raise ManifestError(message, hint=hint) from error


def verify_tree(
    root: Path,
    manifest: Path | Manifest,
    plan: Plan,
    *,
    watch: Watch | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    on_found: OnFound | None = None,
    on_pool: Callable[[Pool], None] | None = None,
) -> Verification:
    """Return how the tree at ``root`` departs from the manifest. ``on_pool`` gets the pool, to pause and resume it.

    Raises ``ManifestError`` when manifest or root cannot be used, ``NotFound`` when the manifest has no such folder,
    ``UsageError`` when the checkpoint is about something else, ``Interrupted`` when cancelled: with a checkpoint, the
    next call goes on from there.
    """
    started = time.monotonic()
    with ExitStack() as stack:
        opened = stack.enter_context(at_hand(manifest))
        opened.narrow(plan.below)
        own = opened.summary().own
        core = core_name((plan.options or Options(())).core)
        descriptor = _opened(root)
        stack.callback(os.close, descriptor)
        checkpoint = _checkpoint(opened, descriptor, plan)
        finished = False
        if checkpoint is not None:
            stack.callback(lambda: checkpoint.close(finished=finished))
        selection = select(opened, plan.sample) if plan.sample else None
        deep = depth(descriptor, plan.workers, plan.device)
        job = _job(opened, descriptor, plan, Tally(on_found), checkpoint)
        options = job.setup["options"]
        options.update(strict=options["strict"] or deep.strict, window=deep.window, blind=deep.blind)
        _fill(job, opened, selection)
        job.workers, job.total = deep.warm, own.total_bytes
        pool = Pool(job, deep, rate=plan.rate, nice=plan.nice)
        hand(pool, on_pool)
        try:
            pool.run(lambda: watch(*pool.page.totals()) if watch else None, cancelled)
            if watch:
                watch(*pool.page.totals())
        finally:
            pool.page.close()
        for found in judge_links(job.links):
            job.tally.add(found)
        finished = True
        unjudged = without(opened, plan.barred, uid_offset=plan.uid_offset, tally=job.tally)
        difference = replace(
            _difference(opened, plan, job, unjudged),
            core=core,
            sampled=selection.drawn if selection is not None and selection.drawn >= 0 else None,
            duration_ms=int((time.monotonic() - started) * 1000),
        )
        return _verification(difference, opened, plan, job, selection)


def _difference(opened: Manifest, plan: Plan, job: VerifyJob, unjudged: tuple[Unjudged, ...]) -> ManifestDifference:
    """Return what the workers found, against what the manifest expects."""
    return ManifestDifference(
        manifest_id=opened.id,
        files_hashed=job.files,
        bytes_hashed=job.size,
        entries_expected=opened.summary().own.entries,
        counts=dict(sorted(job.tally.counts.items())),
        deviations=job.tally.deviations(),
        ownership_judged=plan.uid_offset is not None,
        unjudged=unjudged,
    )


def compare_tree(
    root: Path,
    manifest: Path | Manifest,
    *,
    uid_offset: int | None,
    barred: Mapping[str, Phrase] | None = None,
    watch: Watch | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    workers: int | None = None,
    rate: float = 0.0,
    sample: Sample | None = None,
) -> ManifestDifference:
    """Return how the tree at ``root``, all of it or a sample, departs from the manifest; raises as `verify_tree`."""
    plan = Plan(uid_offset=uid_offset, barred=barred, workers=workers, rate=rate, sample=sample)
    return verify_tree(root, manifest, plan, watch=watch, cancelled=cancelled).difference


def _verification(
    difference: ManifestDifference, manifest: Manifest, plan: Plan, job: VerifyJob, selection: Selection | None
) -> Verification:
    if selection is None or plan.sample is None:
        return Verification(difference=difference, resumed_files=job.resumed_files)
    population = manifest.summary().own.files
    drawn = difference.files_hashed if selection.drawn < 0 else selection.drawn
    bad = _departing_files(difference, drawn)
    if not drawn:
        words = fact(
            "sample-empty", "none of {population} files is in the sample: nothing was looked at", population=population
        )
    elif plan.sample.rotation:
        words = turn(plan.sample.turn + 1, plan.sample.rotation, drawn, population, bad)
    elif selection.strata:
        size, least = min(selection.strata.values(), key=lambda pair: pair[1] / pair[0])
        words = fact(
            "sample-in-classes",
            "{drawn} of {population} files in {classes} classes of size and age; in the least covered {least}",
            drawn=drawn,
            population=population,
            classes=len(selection.strata),
            least=sentence(size, least, bad, plan.sample.seed),
        )
    else:
        words = sentence(population, drawn, bad, plan.sample.seed)
    return Verification(
        difference=difference,
        resumed_files=job.resumed_files,
        drawn=drawn,
        strata=selection.strata,
        sentence=words,
    )


def _departing_files(difference: ManifestDifference, drawn: int) -> int:
    """Return how many files depart: some do in several ways. Where not all are listed, as many as it may be."""
    total = sum(difference.counts.values())
    if len(difference.deviations) < total:
        return min(drawn, total)
    return len({deviation.path_b64 for deviation in difference.deviations})


def _checkpoint(manifest: Manifest, root: int, plan: Plan) -> Checkpoint | None:
    if plan.checkpoint is None:
        return None
    seen = os.fstat(root)
    sample = asdict(plan.sample) if plan.sample else None
    about = {
        "manifest": manifest.id,
        "tree": [seen.st_dev, seen.st_ino],
        "uid_offset": plan.uid_offset,
        "barred": sorted(plan.barred) if plan.barred is not None else None,
        "sample": sample,
        **({"below": manifest.below.hex()} if manifest.below else {}),
    }
    return Checkpoint(plan.checkpoint, {**about, "limit": plan.limit})


def _job(manifest: Manifest, root: int, plan: Plan, tally: Tally, checkpoint: Checkpoint | None) -> VerifyJob:
    settings = plan.options or Options(manifest.algorithms)
    settings.algorithms = manifest.algorithms
    settings.attributes = judged_classes(manifest, root, plan.barred, uid_offset=plan.uid_offset)
    settings.id_offset = plan.uid_offset or 0
    settings.xattrs = holds_all(manifest)
    setup: dict[str, Any] = {
        "job": "verify",
        "root": root,
        "manifest": manifest.descriptor,
        "descriptors": raise_descriptor_limit(),
        "options": asdict(settings),
        "codec": manifest.header["codec"],
        "below": manifest.below,
        "uid_offset": plan.uid_offset,
        "sandboxed": plan.barred is not None,
        "limit": plan.limit,
    }
    return VerifyJob(setup, (root, manifest.descriptor), tally, checkpoint)


def _fill(job: VerifyJob, manifest: Manifest, selection: Selection | None) -> None:
    """Put the first tasks: the selected files, or every frame with those that continue its last directory."""
    if selection is not None:
        for task in selection.tasks:
            job.put(task)
        return
    shares = manifest.shares()
    for number, share in enumerate(shares):
        following: list[Frame] = []
        for later in (each.frame for each in shares[number + 1 :]):
            if not later.continues or (following and later.directory != following[0].directory):
                break
            following.append(later)
        frames = [tuple(item) for item in [share.frame, *following]]
        if share.offsets is None:
            job.put(("frame", frames, []))
        elif share.offsets:
            job.put(("frame", frames, list(share.offsets)))
