"""A worker process: takes tasks from its coordinator until there are none left.

It is single-threaded, does nothing but look at files, dies with its coordinator, and holds no state that the
coordinator could not do without: what it was working on is given to another when it dies.
"""

from __future__ import annotations

import gc
import os
import signal
from typing import Any, Protocol

from drp.hashing.workers.shared import SharedPage, Stopped, WorkerGate
from drp.hashing.workers.wire import Channel

_PR_SET_PDEATHSIG = 1


class Worker(Protocol):
    """One kind of worker."""

    def work(self, task: tuple[Any, ...]) -> None:
        """Do one task and tell the coordinator."""
        ...

    def end(self) -> None:
        """Put away what is held."""
        ...


def serve(channel: Channel) -> None:
    """Work until the coordinator closes its end. The first message is the set-up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # the hot loop makes no cycles
    message = channel.receive()
    if message is None:
        return
    setup: dict[str, Any] = message[0]
    parent = setup["parent"]
    if setup["die_with_parent"]:
        _die_with_parent()
    if os.getppid() != parent:
        return
    if setup["nice"]:
        os.nice(setup["nice"])
    gate = WorkerGate(SharedPage(setup["page"]), setup["number"], setup["rate"], parent)
    worker = _worker(setup, gate, channel)
    try:
        while (task := channel.receive()) is not None:
            if task[0] == "end":
                worker.end()
                channel.send(("ended",))
                return
            worker.work(task)
    except (Stopped, BrokenPipeError):
        return


def _worker(setup: dict[str, Any], gate: WorkerGate, channel: Channel) -> Worker:
    """Return the worker of the job at hand; a forked one finds its module loaded already."""
    if setup["job"] == "create":
        from drp.hashing.workers.create_worker import CreateWorker  # noqa: PLC0415 - each job loads what it needs

        return CreateWorker(setup, gate, channel)
    from drp.hashing.workers.verify_worker import VerifyWorker  # noqa: PLC0415 - as above

    return VerifyWorker(setup, gate, channel)


def _die_with_parent() -> None:
    """Ask the kernel to kill this process when its coordinator dies, even inside a long system call."""
    try:
        import _ctypes  # noqa: PLC0415 - the public module takes nine milliseconds more, in every worker

        handle = _ctypes.dlopen(None, 0)  # type: ignore[arg-type]  # this very program
        _ctypes.call_function(_ctypes.dlsym(handle, "prctl"), (_PR_SET_PDEATHSIG, int(signal.SIGKILL)))
    except (AttributeError, ImportError, OSError):
        import ctypes  # noqa: PLC0415 - only where that one is missing

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
