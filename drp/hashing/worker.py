"""A worker process: takes tasks from its coordinator until there are none left.

It is single-threaded, does nothing but look at files, dies with its coordinator, and holds no state that the
coordinator could not do without: what it was working on is given to another when it dies.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
from typing import Any

from drp.hashing.create_worker import CreateWorker
from drp.hashing.shared import SharedPage, Stopped, WorkerGate
from drp.hashing.verify_worker import VerifyWorker
from drp.hashing.wire import Channel

_PR_SET_PDEATHSIG = 1


def serve(connection: socket.socket) -> None:
    """Work until the coordinator closes its end. The first message is the set-up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # the hot loop makes no cycles
    channel = Channel(connection)
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
    kind = CreateWorker if setup["job"] == "create" else VerifyWorker
    worker = kind(setup, gate, channel)
    try:
        while (task := channel.receive()) is not None:
            if task[0] == "end":
                worker.end()
                channel.send(("ended",))
                return
            worker.work(task)
    except (Stopped, BrokenPipeError):
        return


def _die_with_parent() -> None:
    import ctypes  # noqa: PLC0415 - only where a worker may sit in one system call for long

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
