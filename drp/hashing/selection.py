"""Turns a sample into tasks: which files of which frames."""

from __future__ import annotations

import bisect
import hashlib
import heapq
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate

from drp.hashing.sampling import Sample, draw, file_names, rotation_key, stratum
from drp.hashing.workers.pool import Task
from drp.manifests.frame import Frame
from drp.manifests.layout import FIXED
from drp.manifests.reader import Manifest

Stratum = tuple[int, int]
_PERSON = b"drp-stratum"


@dataclass(slots=True)
class Selection:
    """What was selected of a manifest."""

    tasks: list[Task]
    """Without numbers: kind, frame, then what `sampling` needs."""
    drawn: int
    strata: dict[Stratum, tuple[int, int]] = field(default_factory=dict)
    """Class of size and age → files in it, files drawn."""


def select(manifest: Manifest, sample: Sample) -> Selection:
    """Return the tasks of a sampled verification. Raises ``ManifestError``."""
    if sample.rotation:
        key = rotation_key(sample.seed)
        tasks = [
            ("rotate", tuple(share.frame), key, sample.rotation, sample.turn)
            for share in manifest.shares()
            if share.files
        ]
        return Selection([*tasks], -1)
    population, shares = manifest.summary().own.files, manifest.shares()
    if not population:
        return Selection([], 0)
    for each in shares:  # what is drawn from must be there: an index can claim anything
        manifest.raw(each.frame)
    if sample.stratified:
        return _stratified(manifest, sample, population)
    starts = [0, *accumulate(share.files for share in shares)]
    by_frame: dict[int, list[int]] = {}
    numbers = draw(population, sample.count(population), sample.seed)
    for number in numbers:
        frame = bisect.bisect_right(starts, number) - 1  # its number among the shares
        by_frame.setdefault(frame, []).append(number - starts[frame])
    return Selection(_tasks(manifest, by_frame), len(numbers))


def drawn_paths(manifest: Manifest, sample: Sample) -> Iterator[bytes]:
    """Yield the paths of the files that a simple sample draws, in order. Raises ``ManifestError``."""
    for _, fields, ordinals in select(manifest, sample).tasks:
        for group, names in file_names(manifest.own_groups(Frame(*fields)), ordinals):
            yield from map(group.path, names)


def _stratified(manifest: Manifest, sample: Sample, population: int) -> Selection:
    """Draw half of the sample in proportion to the classes, and half in equal shares, so that no class is left out.

    Within a class the files with the smallest keyed hashes are drawn: one pass, and only as much memory as is drawn.
    """
    count = sample.count(population)
    key = hashlib.blake2b(sample.seed.encode(), digest_size=32, person=_PERSON).digest()
    sizes: dict[Stratum, int] = {}
    lowest: dict[Stratum, list[tuple[int, int, int]]] = {}
    for frame, number, path, kind in _files(manifest):
        sizes[kind] = sizes.get(kind, 0) + 1
        rank = -int.from_bytes(hashlib.blake2b(path, digest_size=8, key=key).digest(), "big")
        heap = lowest.setdefault(kind, [])
        if len(heap) < count:
            heapq.heappush(heap, (rank, frame, number))
        elif rank > heap[0][0]:
            heapq.heapreplace(heap, (rank, frame, number))
    by_frame: dict[int, list[int]] = {}
    strata = {}
    for kind, size in sizes.items():
        share = max(1, round(count / 2 / len(sizes) + count / 2 * size / population))
        chosen = heapq.nlargest(min(size, share), lowest[kind])
        strata[kind] = (size, len(chosen))
        for _, frame, number in chosen:
            by_frame.setdefault(frame, []).append(number)
    return Selection(_tasks(manifest, by_frame), sum(drawn for _, drawn in strata.values()), strata)


def _files(manifest: Manifest) -> Iterator[tuple[int, int, bytes, Stratum]]:
    """Yield the frame's number among the shares, number in the frame, path and class of every regular file."""
    for number, share in enumerate(manifest.shares()):
        ordinal = 0
        for group in manifest.own_groups(share.frame):
            for name, (mode, size, mtime) in zip(group.names, FIXED.iter_unpack(group.fixed), strict=True):
                if stat.S_ISREG(mode):
                    yield number, ordinal, group.path(name), stratum(size, mtime)
                    ordinal += 1


def _tasks(manifest: Manifest, by_frame: dict[int, list[int]]) -> list[Task]:
    shares = manifest.shares()
    return [("sample", tuple(shares[at].frame), sorted(numbers)) for at, numbers in sorted(by_frame.items())]
