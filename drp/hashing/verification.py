"""Verifies a tree against a manifest: hands out frames, gathers deviations, and settles hard links at the end.

Nothing that could not be looked at counts as verified: what a worker died on twice is unreadable.
"""

from __future__ import annotations

import bisect
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from drp.domain.manifest import MAX_DEVIATIONS, Deviation, ManifestDifference, encode_path, show_path
from drp.errors import ManifestError
from drp.hashing.descent import FLAGS, raise_descriptor_limit
from drp.hashing.judge import Found
from drp.hashing.layout import sort_key
from drp.hashing.pool import Pool, Task
from drp.hashing.reader import Frame, Manifest, open_manifest
from drp.hashing.rows import Options

OnFound = Callable[[Found], None]
"""Called with the first deviations of every task as they come, in no particular order."""
Watch = Callable[[int, int, int], None]
"""Called a few times a second with files, bytes and entries so far."""


class Tally:
    """Exact counts of deviations, and the first of each kind in path order."""

    def __init__(self, on_found: OnFound | None = None) -> None:
        """``on_found`` hears of each as it comes."""
        self.counts: dict[str, int] = {}
        self._first: dict[str, list[tuple[bytes, Found]]] = {}
        self._on_found = on_found

    def add(self, found: Found, *, counted: bool = False) -> None:
        """Take a deviation; ``counted``: its count comes another way."""
        if not counted:
            self.counts[found.kind] = self.counts.get(found.kind, 0) + 1
        kept = self._first.setdefault(found.kind, [])
        bisect.insort(kept, (sort_key(found.path), found))
        del kept[MAX_DEVIATIONS:]
        if self._on_found is not None:
            self._on_found(found)

    def count(self, counts: Mapping[str, int]) -> None:
        """Add counts."""
        for kind, count in counts.items():
            self.counts[kind] = self.counts.get(kind, 0) + count

    def deviations(self) -> tuple[Deviation, ...]:
        """Return what was kept, kind by kind, each in path order."""
        return tuple(
            Deviation(
                kind=found.kind,
                path=show_path(found.path),
                path_b64=encode_path(found.path),
                expected=found.expected,
                observed=found.observed,
            )
            for kind in sorted(self._first)
            for _, found in self._first[kind]
        )


@dataclass(slots=True)
class VerifyJob:
    """The tasks of a verification, and what came of them."""

    setup: dict[str, Any]
    descriptors: tuple[int, ...]
    tally: Tally
    pending: deque[Task] = field(default_factory=deque)
    urgent: list[Task] = field(default_factory=list)
    links: list[tuple[bytes, bytes, int, int]] = field(default_factory=list)
    tried: set[int] = field(default_factory=set)
    number: int = 0
    files: int = 0
    size: int = 0

    def spool(self, worker: int) -> int:
        """Workers need none."""
        del worker
        return -1

    def next(self) -> Task | None:
        """Return large files first, the largest before the others, then what comes."""
        if self.urgent:
            return self.urgent.pop()
        return self.pending.popleft() if self.pending else None

    def put(self, task: Task) -> None:
        """Add a task without a number."""
        self.number += 1
        numbered = (task[0], self.number, *task[1:])
        if task[0] == "file":
            bisect.insort(self.urgent, numbered, key=lambda other: other[-1])
        else:
            self.pending.append(numbered)

    def message(self, worker: int, message: Task) -> None:
        """A worker speaks up only when the manifest turns out to be damaged."""
        del worker
        raise ManifestError(str(message[1]))

    def done(self, task: Task, message: Task) -> None:
        """Take all that came of a task."""
        del task
        files, size, counts, found, links, more = message[3:]
        self.files += files
        self.size += size
        self.tally.count(counts)
        for item in found:
            self.tally.add(Found(*item), counted=True)
        self.links.extend(links)
        for item in more:
            self.put(item)

    def died(self, tasks: list[Task], status: int) -> None:
        """Give the tasks to another worker once; what kills that one too is unreadable."""
        for task in tasks:
            if task[1] in self.tried:
                for path in self._paths(task):
                    self.tally.add(
                        Found("unreadable", path, "", f"two workers died while reading it (status {status})")
                    )
            else:
                self.tried.add(task[1])
                self.pending.append(task)

    @staticmethod
    def _paths(task: Task) -> Iterator[bytes]:
        if task[0] == "file":
            yield task[2] + b"/" + task[3] if task[2] else task[3]
        else:
            frame = Frame(*(task[2][0] if task[0] == "frame" else task[2]))
            yield frame.directory + b"/"


def compare_tree(
    root: Path,
    manifest_path: Path,
    *,
    uid_offset: int | None,
    watch: Watch | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    on_found: OnFound | None = None,
    workers: int | None = None,
    options: Options | None = None,
    limit: int = MAX_DEVIATIONS,
    rate: float = 0.0,
    nice: int = 0,
) -> ManifestDifference:
    """Return how the tree at ``root`` departs from the manifest.

    ``limit``: deviations of each kind that one task tells besides counting; ``rate``: bytes a second, 0 for no cap.
    Raises ``ManifestError`` when manifest or root cannot be used, ``Interrupted`` when cancelled.
    """
    started = time.monotonic()
    with open_manifest(manifest_path) as manifest:
        manifest.summary()
        try:
            descriptor = os.open(root, FLAGS)
        except OSError as error:
            raise ManifestError(
                f"cannot open the tree {root}: {os.strerror(error.errno or 0)}",
                hint="nothing was compared: see whether the restore put anything there",
            ) from error
        try:
            job = _job(manifest, descriptor, Tally(on_found), uid_offset=uid_offset, options=options, limit=limit)
            pool = Pool(job, workers or os.cpu_count() or 1, rate=rate, nice=nice)
            pool.run(lambda: watch(*pool.page.totals()) if watch else None, cancelled)
            if watch:
                watch(*pool.page.totals())
            pool.page.close()
        finally:
            os.close(descriptor)
        for found in judge_links(job.links):
            job.tally.add(found)
        return ManifestDifference(
            manifest_id=manifest.id,
            files_hashed=job.files,
            bytes_hashed=job.size,
            entries_expected=manifest.trailer["entries"],
            counts=dict(sorted(job.tally.counts.items())),
            deviations=job.tally.deviations(),
            ownership_judged=uid_offset is not None,
            duration_ms=int((time.monotonic() - started) * 1000),
        )


def _job(
    manifest: Manifest, root: int, tally: Tally, *, uid_offset: int | None, options: Options | None, limit: int
) -> VerifyJob:
    settings = options or Options(manifest.algorithms)
    settings.algorithms = manifest.algorithms
    settings.xattrs = bool(manifest.header.get("options", {}).get("xattrs"))
    setup = {
        "job": "verify",
        "root": root,
        "manifest": manifest.descriptor,
        "descriptors": raise_descriptor_limit(),
        "options": asdict(settings),
        "codec": manifest.header["codec"],
        "uid_offset": uid_offset,
        "limit": limit,
    }
    job = VerifyJob(setup, (root, manifest.descriptor), tally)
    frames = manifest.frames
    for number, frame in enumerate(frames):
        following: list[Frame] = []
        for later in frames[number + 1 :]:
            if later.part == 0 or (following and later.directory != following[0].directory):
                break
            following.append(later)
        job.put(("frame", [tuple(item) for item in [frame, *following]], []))
    return job


def judge_links(links: Iterable[tuple[bytes, bytes, int, int]]) -> Iterator[Found]:
    """Yield entries whose hard links are not those of the manifest.

    Each link names its path, the first member of its group as the manifest says (itself when it says none), and the
    inode that was seen (0, 0: it has none to share). Two rules: members of a group share one inode, and entries that
    share an inode are members of one group.
    """
    inode_of: dict[bytes, tuple[int, int]] = {}
    group_of: dict[tuple[int, int], bytes] = {}
    ordered = sorted(links, key=lambda link: sort_key(link[0]))
    for path, _, device, inode in ordered:
        inode_of[path] = (device, inode)
    for path, first, device, inode in ordered:
        seen = (device, inode)
        if path != first and (seen == (0, 0) or inode_of.get(first, (0, 0)) != seen):
            yield Found("metadata", path, f"hard link to {show_path(first)}", "a file of its own")
        elif seen != (0, 0) and group_of.setdefault(seen, first) != first:
            yield Found("metadata", path, "not linked to it", f"hard link to {show_path(group_of[seen])}")
