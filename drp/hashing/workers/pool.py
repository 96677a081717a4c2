"""The coordinator's side of the worker processes: starts them, keeps them busy, notices when one dies.

Workers are forked when this process has a single thread (9 ms), and started as fresh interpreters through
`drp.command` when it has several: forking a process whose other threads hold locks may hang the child.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from drp.errors import Interrupted
from drp.hashing.reading.device import Depth
from drp.hashing.workers import worker as worker_module
from drp.hashing.workers.shared import PAUSE, RUN, STOP, WORKERS_LIMIT, SharedPage
from drp.hashing.workers.wire import SMALL, Channel, connection, encoded

_TICK_SECONDS = 0.25
_PREFETCH = 2
_GROW_SECONDS = 0.05
_NO_SPINDLE_FILES, _NO_SPINDLE_BYTES = 1000.0, 400e6
"""A second: more than the heads of a disk can give."""
Task = tuple[Any, ...]


class Job(Protocol):
    """What the workers are to do: the source of tasks and the sink of messages."""

    setup: dict[str, Any]
    """What every worker is told first: only what can be marshalled."""
    descriptors: tuple[int, ...]
    """Descriptors that workers need, by the numbers that the set-up names."""

    def spool(self, worker: int) -> int:
        """Return a descriptor for this worker alone, or -1."""
        ...

    def next(self) -> Task | None:
        """Return the next task ``(kind, number, …)``, or None when there is none at the moment."""
        ...

    def message(self, worker: int, message: Task) -> None:
        """Take what a worker said besides the end of a task."""
        ...

    def done(self, worker: int, task: Task, message: Task) -> None:
        """Take the end of a task."""
        ...

    def died(self, worker: int, tasks: list[Task], status: int) -> None:
        """Take back what a dead worker was given, first what it was at, then what waited for it; or raise."""
        ...


@dataclass(slots=True)
class _Worker:
    number: int
    channel: Channel
    wait: Callable[[], int]
    kill: Callable[[], None]
    tasks: dict[int, Task] = field(default_factory=dict)
    ended: bool = False


class Pool:
    """Runs one job on a number of worker processes."""

    def __init__(
        self, job: Job, depth: Depth, *, rate: float = 0.0, nice: int = 0, die_with_parent: bool = True
    ) -> None:
        """``depth``: how many workers; ``rate``: bytes a second over all of them, whose number then stays."""
        self._job = job
        self._depth = depth
        self._count = max(1, min(depth.warm if rate else depth.first, WORKERS_LIMIT))
        self._rate, self._nice, self._die = rate / self._count, nice, die_with_parent
        self.page = SharedPage()
        self._workers: dict[int, _Worker] = {}
        self._poll = select.poll()
        self._cold = depth.cold
        self._started = time.monotonic()
        self._held: list[Task] = []
        """Tasks too large to be given ahead."""

    def pause(self) -> None:
        """Make the workers wait, at the latest after the batch at hand."""
        self.page.state = PAUSE

    def resume(self) -> None:
        """Let them go on."""
        self.page.state = RUN

    def run(self, tick: Callable[[], None], cancelled: Callable[[], bool]) -> None:
        """Work until there is nothing left. Raises ``Interrupted`` when cancelled, and whatever the job raises."""
        try:
            for number in range(self._count):
                self._start(number)
            while self._workers:
                self._work(tick, cancelled)
                self._end()  # who dies in it is replaced, and what it held is done again
        finally:
            self._stop()

    def _work(self, tick: Callable[[], None], cancelled: Callable[[], bool]) -> None:
        """Work until there is nothing left at the moment."""
        due = time.monotonic() + _TICK_SECONDS
        look = due if self._depth.doubtful else time.monotonic() + _GROW_SECONDS
        while self._feed():
            for descriptor, _ in self._poll.poll(max(0.0, min(due, look) - time.monotonic()) * 1000):
                self._hear(self._workers[descriptor])
            now = time.monotonic()
            if now >= look:
                look = now + _GROW_SECONDS if self._grow() else float("inf")
            if now >= due:
                if cancelled():
                    raise Interrupted("hashing was stopped")
                tick()
                due = now + _TICK_SECONDS

    def _grow(self) -> bool:
        """Double the workers where the device bears it; return whether there may be more of them later.

        They wait for a device that is not in memory, rather than for the processor. The kernel calls many disks
        rotational that are not: one that is faster than a spindle is none.
        """
        depth, count = self._depth, len(self._workers)
        most = min(depth.most if self._cold or depth.blind else depth.warm, WORKERS_LIMIT)
        if not self._rate and count < most and (not depth.doubtful or self._faster_than_a_spindle()):
            number = max(worker.number for worker in self._workers.values()) + 1
            for more in range(min(count, most - count)):
                self._start(number + more)
        return not self._rate and len(self._workers) < max(depth.most, depth.warm)

    def _faster_than_a_spindle(self) -> bool:
        files, size, _ = self.page.totals()
        seconds = max(_TICK_SECONDS, time.monotonic() - self._started)
        return files / seconds > _NO_SPINDLE_FILES or size / seconds > _NO_SPINDLE_BYTES

    def _start(self, number: int) -> None:
        ours, theirs = connection()
        setup = {
            **self._job.setup,
            "page": self.page.descriptor,
            "number": number,
            "rate": self._rate,
            "nice": self._nice,
            "parent": os.getpid(),
            "die_with_parent": self._die,
            "spool": self._job.spool(number),
        }
        if threading.active_count() == 1:
            wait, kill = self._fork(theirs, ours)
        else:
            needed = (self.page.descriptor, setup["spool"], *self._job.descriptors)
            wait, kill = _spawn(theirs, tuple(descriptor for descriptor in needed if descriptor >= 0))
        theirs.close()
        self._workers[ours.reading] = _Worker(number, ours, wait, kill)
        self._poll.register(ours.reading, select.POLLIN)
        with suppress(OSError):  # it died: hearing it says so
            ours.send((setup,))

    def _fork(self, theirs: Channel, ours: Channel) -> tuple[Callable[[], int], Callable[[], None]]:
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                ours.close()
                for other in self._workers.values():
                    other.channel.close()
                worker_module.serve(theirs)
                status = 0
            except BaseException:  # noqa: BLE001 - a forked child must never return into its parent's code
                sys.excepthook(*sys.exc_info())
            finally:
                with suppress(BaseException):
                    sys.stderr.flush()
                os._exit(status)
        return lambda: os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), lambda: os.kill(pid, signal.SIGKILL)

    def _feed(self) -> bool:
        """Give tasks to whoever has none, then one ahead; return whether anything is under way.

        Only what is sure to fit into the pipe is given ahead: a busy worker may itself be sending.
        """
        for depth in range(1, _PREFETCH + 1):
            for worker in self._workers.values():
                if len(worker.tasks) >= depth:
                    continue
                task = self._held.pop() if self._held else self._job.next()
                if task is None:
                    return any(worker.tasks for worker in self._workers.values())
                message = encoded(task)
                if worker.tasks and len(message) > SMALL:
                    self._held.append(task)
                    return True
                worker.tasks[task[1]] = task
                with suppress(OSError):  # it died: hearing it says so
                    worker.channel.send_encoded(message)
        return True

    def _hear(self, worker: _Worker) -> None:
        message = worker.channel.receive()
        if message is None:
            self._bury(worker)
        elif message[0] == "done":
            task = worker.tasks.pop(message[1])
            self._cold = bool(message[2])
            self._job.done(worker.number, task, message)
        elif message[0] == "ended":
            worker.ended = True
        else:
            self._job.message(worker.number, message)

    def _bury(self, worker: _Worker) -> None:
        self._poll.unregister(worker.channel.reading)
        del self._workers[worker.channel.reading]
        worker.channel.close()
        with suppress(ProcessLookupError):
            worker.kill()
        status = worker.wait()
        if worker.ended:
            return
        self._job.died(worker.number, list(worker.tasks.values()), status)
        self._start(worker.number)

    def _end(self) -> None:
        """Let every worker put away what it holds, and see it go."""
        workers = list(self._workers.values())
        for worker in workers:
            with suppress(OSError):
                worker.channel.send(("end", 0))
        for worker in workers:
            while self._workers.get(worker.channel.reading) is worker:
                self._hear(worker)

    def _stop(self) -> None:
        self.page.state = STOP
        for worker in self._workers.values():
            worker.channel.close()
        for worker in self._workers.values():
            if not worker.ended:
                with suppress(ProcessLookupError):
                    worker.kill()
            worker.wait()
        self._workers.clear()


def hand(pool: Pool, on_pool: Callable[[Pool], None] | None) -> None:
    """Give the pool to whoever asked for it, to pause and resume it."""
    if on_pool is not None:
        on_pool(pool)


def _spawn(theirs: Channel, descriptors: tuple[int, ...]) -> tuple[Callable[[], int], Callable[[], None]]:
    from drp.command import start  # noqa: PLC0415 - `drp-hash` has one thread, and does without `sh`

    # The package without what it offers others: that would double the time until a worker reads.
    code = (
        f"import sys, types; sys.path[:] = {sys.path!r}; package = types.ModuleType('drp.hashing'); "
        f"package.__path__ = {[str(Path(__file__).parents[1])]!r}; sys.modules['drp.hashing'] = package; "
        "from drp.hashing.workers.wire import Channel; "
        f"from drp.hashing.workers.worker import serve; serve(Channel({theirs.reading}, {theirs.writing}))"
    )
    process = start(
        [sys.executable, "-I", "-c", code], pass_fds=(theirs.reading, theirs.writing, *descriptors), stderr=2
    )
    return process.wait, process.kill
