"""Whoever ends a process with its namespace comes back when nothing of it is left, and not a moment before."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drp.command import Process, start
from drp.ending import is_ended, kill_with_children, start_of
from drp.sandboxes.host.processes import in_pid_namespace, namespace
from drp.sandboxes.host.worker import worker_command

_SLEEPERS = 60
_FAMILY = f"""
import os, signal, sys
for _ in range({_SLEEPERS}):
    if not os.fork():
        ballast = bytearray(4 << 20)
        signal.pause()
os.write(int(sys.argv[1]), b"x")
signal.pause()
"""


@contextmanager
def family() -> Iterator[tuple[Process, set[int]]]:
    """Yield a process whose only child is the first of a pid namespace with many others, and all that live in it."""
    ready, theirs = os.pipe()
    argv = worker_command([sys.executable, "-I", "-c", _FAMILY, str(theirs)], tied_to_parent=False)
    process = start(argv, pass_fds=[theirs])
    try:
        assert os.read(ready, 1) == b"x"
        (child,) = map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text("ascii").split())
        yield process, in_pid_namespace(namespace(child, "pid"))
    finally:
        process.kill()
        process.wait()
        os.close(ready)
        os.close(theirs)


@pytest.mark.parametrize("turn", range(5))
def test_nothing_of_a_namespace_lives_when_its_end_is_told(turn: int) -> None:
    with family() as (process, members):
        assert len(members) == _SLEEPERS + 1, turn
        poll = select.poll()
        descriptors = [os.pidfd_open(member) for member in members]
        for descriptor in descriptors:
            poll.register(descriptor, select.POLLIN)
        assert kill_with_children(process.pid) == 0
        assert len(poll.poll(0)) == len(members)
        for descriptor in descriptors:
            os.close(descriptor)


def test_a_process_that_has_ended_is_no_harm_to_anybody() -> None:
    process = start(["true"])
    process.wait()
    assert is_ended(process.pid)
    assert not start_of(process.pid)
    assert kill_with_children(process.pid) == 0


def test_what_does_not_end_in_time_is_counted() -> None:
    with family() as (process, _):
        assert kill_with_children(process.pid, seconds=0) == 2
