"""The Hasher port on this machine's cores, and the making of manifests with the port's progress."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from drp.domain.manifest import ManifestDifference, ManifestSummary, OpenManifest
from drp.domain.phrase import Phrase, fact, say
from drp.domain.progress import Cancelled, Progress, Report
from drp.domain.sample import Sample
from drp.errors import ManifestError
from drp.hashing import creation
from drp.hashing.image import tree_digest
from drp.hashing.reading.descent import FLAGS
from drp.hashing.reading.rows import Options
from drp.hashing.reading.surroundings import surroundings
from drp.hashing.sampling import Sample as Drawn
from drp.hashing.selection import drawn_paths
from drp.hashing.tally import Tally
from drp.hashing.verification import compare_tree
from drp.manifests.attributes import settable
from drp.manifests.opening import at_hand
from drp.manifests.reader import Manifest


def _silent(progress: Progress) -> None:
    del progress


class TreeHasher:
    """Compares restored trees with manifests, on a number of worker processes."""

    def __init__(self, *, workers: int | None = None) -> None:
        """``workers`` None: one for each core."""
        self._workers = workers

    def compare(
        self,
        root: Path,
        manifest: OpenManifest | Path,
        *,
        uid_offset: int | None,
        within: Path | None = None,
        report: Report = _silent,
        cancelled: Cancelled = lambda: False,
        sample: Sample | None = None,
    ) -> ManifestDifference:
        """Return how the tree at ``root`` departs from the manifest; ``uid_offset`` None: owners are not judged.

        A manifest that is given by its path is opened here, once. ``within`` is the folder that everything was
        restored below: no link is followed from there to the root, and what lies beside the root is unexpected. With
        a sample nothing but the files drawn is looked at.

        Raises ``ManifestError`` when the manifest cannot be believed or there is no tree, ``Interrupted``.
        """
        assert isinstance(manifest, Manifest | Path), "opened by this package"
        with at_hand(manifest) as opened:
            own = opened.summary().own
            files, total = (sample.drawn, None) if sample is not None else (own.files, own.total_bytes)
            unseen = ManifestDifference(
                manifest_id=opened.id,
                files_hashed=0,
                bytes_hashed=0,
                entries_expected=own.entries,
                ownership_judged=uid_offset is not None,
                sampled=sample.drawn if sample is not None else None,
            )
            around = surroundings(within or root, root)
            if around.blocked:
                return _with(unseen, around.tally)
            difference = compare_tree(
                root,
                opened,
                uid_offset=uid_offset,
                barred=_barred(within) if within is not None else None,
                watch=_watch(report, say("hashing the restored tree"), files, total),
                cancelled=cancelled,
                workers=self._workers,
                sample=_of_manifest(opened, sample) if sample is not None else None,
            )
            return _with(difference, around.tally)

    def drawn(self, manifest: OpenManifest | Path, sample: Sample) -> tuple[bytes, ...]:
        """Return the paths of the files drawn, in order.

        Raises ``ManifestError`` when the manifest cannot be believed, or is not the one that they were drawn of.
        """
        assert isinstance(manifest, Manifest | Path), "opened by this package"
        with at_hand(manifest) as opened:
            return tuple(drawn_paths(opened, _of_manifest(opened, sample)))

    def tree_digest(self, root: Path, *, report: Report = _silent, cancelled: Cancelled = lambda: False) -> str:
        """Return the digest of a tree as software, see `drp.hashing.image`.

        Raises ``NotFound`` when there is no directory, ``ManifestError``, ``Interrupted``.
        """
        watch = _watch(report, say("hashing the software image"), None, None)
        return tree_digest(root, workers=self._workers, watch=watch, cancelled=cancelled)


def _of_manifest(manifest: Manifest, sample: Sample) -> Drawn:
    """Return how the files are drawn again that were drawn of this manifest."""
    if sample.manifest_id != manifest.id or sample.population != manifest.summary().own.files:
        raise ManifestError(say("{path}: the sample was drawn of another manifest", path=manifest.path))
    return Drawn(files=sample.drawn, seed=sample.seed)


def _barred(within: Path) -> dict[str, Phrase]:
    """Return the classes of extended attributes that no restore into a sandbox's data volume can have set, and why."""
    why = fact("no-cell-may-set", "no restore cell may set them: that takes root of a host")
    barred = {"capability": why, "trusted": why}
    with suppress(OSError):
        folder = os.open(within, FLAGS)
        try:
            kept = settable(folder)
        finally:
            os.close(folder)
        none = fact("volume-keeps-none", "the data volume's file system keeps none")
        barred.update(dict.fromkeys({"user", "acl"} - kept, none))
        return barred
    untried = fact("volume-untried", "the data volume cannot be tried")
    return {**barred, "user": untried, "acl": untried}


def _with(difference: ManifestDifference, around: Tally) -> ManifestDifference:
    """Return the difference with what was found around the tree added."""
    for kind, count in difference.counts.items():
        around.count({kind: count})
    deviations = sorted((*around.deviations(), *difference.deviations), key=lambda each: each.kind)
    return replace(difference, counts=dict(sorted(around.counts.items())), deviations=tuple(deviations))


def create_manifest(
    root: Path,
    output: Path,
    *,
    application: str,
    algorithms: Sequence[str] = ("blake3",),
    facts: Mapping[str, object] | None = None,
    workers: int | None = None,
    report: Report = _silent,
    cancelled: Cancelled = lambda: False,
    options: Options | None = None,
    recovery_point: str = "",
) -> ManifestSummary:
    """Write the manifest of the tree at ``root`` to ``output``, whole or not at all, and return what it says.

    Entries that cannot be read are in it with their errno, and counted. Raises ``NotFound`` when there is no tree at
    the root, ``UsageError``, ``ManifestError``, ``StorageFull``, ``Interrupted``.
    """
    return creation.create_manifest(
        root,
        output,
        application=application,
        algorithms=algorithms,
        facts=facts,
        workers=workers,
        watch=_watch(report, say("making the manifest"), None, None),
        cancelled=cancelled,
        options=options,
        recovery_point=recovery_point,
    )


def _watch(report: Report, message: str, files: int | None, size: int | None) -> Callable[[int, int, int], None]:
    def watch(done_files: int, done_bytes: int, entries: int) -> None:
        del entries
        report(
            Progress(message=message, done_bytes=done_bytes, total_bytes=size, done_files=done_files, total_files=files)
        )

    return watch
