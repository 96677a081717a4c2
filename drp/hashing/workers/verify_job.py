"""The tasks of a verification, and what came of them."""

from __future__ import annotations

import bisect
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from drp.domain.phrase import say
from drp.domain.phrase_form import read
from drp.errors import ManifestError
from drp.hashing.judge import Found
from drp.hashing.outcome import Link
from drp.hashing.tally import Tally
from drp.hashing.workers.checkpoint import Checkpoint
from drp.hashing.workers.pool import Task
from drp.manifests.frame import Frame
from drp.manifests.part import holds

_DEATHS_MOST = 100


@dataclass(slots=True)
class VerifyJob:
    """Hands out tasks, large files first; adds up outcomes; asks nobody what the checkpoint already knows."""

    setup: dict[str, Any]
    descriptors: tuple[int, ...]
    tally: Tally
    checkpoint: Checkpoint | None = None
    pending: deque[Task] = field(default_factory=deque)
    urgent: list[Task] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    tried: set[int] = field(default_factory=set)
    workers: int = 1
    total: int = 0
    number: int = 0
    files: int = 0
    size: int = 0
    resumed_files: int = 0
    deaths: int = 0

    def spool(self, worker: int) -> int:
        """Workers need none."""
        del worker
        return -1

    def next(self) -> Task | None:
        """Return large files first, the largest before the others, then what comes."""
        while self.urgent or self.pending:
            task = self.urgent.pop() if self.urgent else self.pending.popleft()
            known = self.checkpoint.done.pop(task_key(task), None) if self.checkpoint else None
            if known is None:
                return (*task[:6], self._outlasts(task[5])) if task[0] == "file" else task
            self.resumed_files += known[0]
            self._take(known)
        return None

    def _outlasts(self, size: int) -> bool:
        """Return whether a file is more than one worker's share of what is left: it is spread over idle cores."""
        return size * self.workers > self.total - self.size

    def put(self, task: Task) -> None:
        """Add a task that has no number yet."""
        self.number += 1
        numbered = (task[0], self.number, *task[1:])
        if task[0] == "file":
            bisect.insort(self.urgent, numbered, key=lambda other: int(other[-1]))
        else:
            self.pending.append(numbered)

    def message(self, worker: int, message: Task) -> None:
        """A worker speaks up only when the manifest turns out to be damaged."""
        del worker
        raise ManifestError(say("malformed manifest: {words}", words=read(message[1])))

    def done(self, worker: int, task: Task, message: Task) -> None:
        """Take all that came of a task."""
        del worker
        if self.checkpoint is not None:
            self.checkpoint.add(task_key(task), message[3:])
        self._take(message[3:])

    def _take(self, outcome: Task) -> None:
        files, size, counts, found, links, more = outcome
        self.files += files
        self.size += size
        self.tally.count(counts)
        for item in found:
            self.tally.add(Found(*item), counted=True)
        self.links.extend(links)
        for item in more:
            self.put(item)

    def died(self, worker: int, tasks: list[Task], status: int) -> None:
        """Give the tasks to another worker; what kills that one too is unreadable.

        Raises ``ManifestError`` when workers end by themselves or keep dying: that says nothing about the tree.
        """
        del worker
        if status >= 0:
            raise ManifestError(
                say("a hashing worker ended with {status}", status=str(status)),
                hint="its last words are above; run it again",
            )
        self.deaths += 1
        if self.deaths > _DEATHS_MOST:
            hint = "look for the kernel's out-of-memory messages, then run it again"
            raise ManifestError(
                say(
                    "{deaths} hashing workers were killed, the last by signal {status}",
                    deaths=self.deaths,
                    status=str(-status),
                ),
                hint=hint,
            )
        for number, task in enumerate(tasks):
            if number or task[1] not in self.tried:  # it did not die of those that waited for it
                self.pending.append(task)
                if not number:
                    self.tried.add(task[1])
                continue
            for path in _paths(task, self.setup["below"]):
                self.tally.add(Found("unreadable", path, (), ("workers-died", -status)))


def task_key(task: Task) -> str:
    """Return what a task is known by in every run of the same verification."""
    kind = task[0]
    if kind == "file":
        return f"file {task[2].hex()}/{task[3].hex()}"
    if kind == "frame":
        return f"frame {task[2][0][0]} {task[3][0] if task[3] else 'whole'}"
    if kind == "part":
        return f"part {task[2][0]} {task[3]}"
    return f"{kind} {task[2][0]}"


def _paths(task: Task, below: bytes) -> Iterator[bytes]:
    if task[0] == "file":
        yield task[2] + b"/" + task[3] if task[2] else task[3]
    else:
        frame = Frame(*(task[2][0] if task[0] == "frame" else task[2]))
        own = holds(below, frame.directory)
        yield (frame.directory[len(below) + 1 if below else 0 :] if own else b"") + b"/"
