"""What a worker does while a tree is verified: takes frames of the manifest and has their directories checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from drp.domain.phrase_form import written
from drp.errors import ManifestError
from drp.hashing.directory_check import DirectoryCheck, Place
from drp.hashing.judge import Judge
from drp.hashing.outcome import Outcome
from drp.hashing.reading.descent import Descent
from drp.hashing.reading.observe import Observer
from drp.hashing.reading.rows import Options
from drp.hashing.sampling import file_names, rotation_names
from drp.hashing.workers.shared import WorkerGate
from drp.hashing.workers.wire import Channel
from drp.manifests import codec as packing
from drp.manifests.frame import Frame
from drp.manifests.frame_check import decode_whole, require_frame
from drp.manifests.layout import FIRST, GROUP, Group, group_offsets, stored_place
from drp.manifests.part import rooted
from drp.manifests.reader import own_groups, read_packed
from drp.manifests.row import Row

_KEPT_FRAMES = 4
_BUNDLE_COST = 16_000
"""Microseconds that a task should take at least, at 8 µs a file and 5 GB/s."""


class VerifyWorker:
    """One worker's side of a verification."""

    def __init__(self, setup: dict[str, Any], gate: WorkerGate, channel: Channel) -> None:
        """Take the set-up that the coordinator sent."""
        self._channel = channel
        options = Options(**setup["options"])
        self._observer = Observer(options, gate)
        judge = Judge(
            tuple(options.algorithms),
            setup["uid_offset"],
            attributes=options.attributes or (),
            sandboxed=setup["sandboxed"],
        )
        self._check = DirectoryCheck(Descent(setup["root"], setup["descriptors"]), self._observer, judge, gate)
        self._manifest: int = setup["manifest"]
        self._digest_size = judge.digest_size
        self._limit: int = setup["limit"]
        self._below: bytes = setup["below"]
        self._unpack = packing.decompressor(setup["codec"])
        self._unpacked: dict[int, bytes] = {}

    def end(self) -> None:
        """Nothing is held between tasks."""

    def work(self, task: tuple[Any, ...]) -> None:
        """Do one task and tell the coordinator all that came of it."""
        outcome = Outcome(self._limit)
        try:
            self._do(task, outcome)
        except ManifestError as error:
            self._channel.send(("damaged", written(error.message)))
            return
        self._channel.send(("done", task[1], self._observer.cold, *outcome.message()))

    def _do(self, task: tuple[Any, ...], outcome: Outcome) -> None:
        kind, arguments = task[0], task[2:]
        if kind == "frame":
            self._frame(arguments[0], arguments[1], outcome)
        elif kind == "part":
            listed, others = arguments[2], arguments[3]
            part = self._group(self._raw(arguments[0]), arguments[1])
            self._check.part(part, listed.split(b"\0") if listed else [], set(others.split(b"\0")), outcome)
        elif kind == "file":
            self._check.large(arguments[0], arguments[1], Row(*arguments[2]), outcome, spread=arguments[4])
        else:
            groups = own_groups(self._raw(arguments[0]), self._below, self._digest_size)
            choose = file_names if kind == "sample" else rotation_names
            for group, names in choose(groups, *arguments[1:]):
                self._check.sample(group, names, outcome)

    def _raw(self, fields: tuple[Any, ...]) -> bytes:
        """Return an unpacked frame; the last ones are kept, since several tasks come from one."""
        frame = Frame(*fields)
        if frame.offset not in self._unpacked:
            if len(self._unpacked) >= _KEPT_FRAMES:
                self._unpacked.pop(next(iter(self._unpacked)))
            raw = self._unpack(read_packed(self._manifest, frame), frame.raw)
            require_frame(frame, raw, self._digest_size)
            self._unpacked[frame.offset] = raw
        return self._unpacked[frame.offset]

    def _group(self, raw: bytes, offset: int) -> Group:
        return rooted(decode_whole(raw, offset, self._digest_size), self._below)

    def _frame(self, frames: Sequence[tuple[Any, ...]], offsets: Sequence[int], outcome: Outcome) -> None:
        """Verify groups of the first frame; the other frames continue its last directory, if that is a huge one.

        Without offsets: all of them, or, when that is much, hand them back in bundles for everybody.
        """
        raw = self._raw(frames[0])
        if not offsets:
            bundles = list(_bundles(raw))
            if len(bundles) > 1:
                outcome.more.extend(("frame", frames, bundle) for bundle in bundles)
                return
            offsets = bundles[0] if bundles else []
        for offset in offsets:
            group = self._group(raw, offset)
            parts: list[Group] = [group]
            places: list[Place] = [(frames[0], offset)]
            if not group.last:
                directory = stored_place(raw, offset)[0]
                for fields in frames:
                    for place, part in self._continued(fields, directory):
                        parts.append(part)
                        places.append((fields, place))
            self._check.whole(group, parts, places, outcome)

    def _continued(self, fields: tuple[Any, ...], directory: bytes) -> Iterator[tuple[int, Group]]:
        """Yield the later parts of a huge directory, given as it is stored, that a frame holds."""
        raw = self._raw(fields)
        for offset in group_offsets(raw):
            if not GROUP.unpack_from(raw, offset)[3] & FIRST and stored_place(raw, offset)[0] == directory:
                yield offset, self._group(raw, offset)


def _bundles(raw: bytes) -> Iterator[list[int]]:
    """Yield the offsets of a frame's groups, in bundles of similar cost, without later parts of huge directories."""
    bundle: list[int] = []
    cost = 0
    for offset in group_offsets(raw):
        head = GROUP.unpack_from(raw, offset)
        if not head[3] & FIRST:
            continue
        bundle.append(offset)
        cost += head[2] * 8 + head[7] // 5000
        if cost >= _BUNDLE_COST:
            yield bundle
            bundle, cost = [], 0
    if bundle:
        yield bundle
