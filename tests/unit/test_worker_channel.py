"""A drill ends with its supervisor: nothing is written any more that failed only because the supervisor was killed."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from drp.domain.events import Event
from drp.domain.journal import Journal
from drp.service.worker import _Channel, _Witnessed

EVENT = cast("Event", object())


class Written:
    """A journal in memory."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.entries = self.entries_of = self.drills = self.verify = self.signs = self.history = lambda *_: ()
        self.hold = self.release = self.holder = self.require_held = lambda *_: None

    def append(self, _: str, *events: Event) -> Any:
        self.events += events
        return tuple(SimpleNamespace(event=event) for event in events)


def ended(child: Callable[[], None]) -> int:
    """Return how a process ends that does something and would otherwise end with 0."""
    number = os.fork()
    if not number:
        try:
            child()
        except BaseException:  # told by the exit status alone
            os._exit(99)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])


@pytest.fixture
def line() -> Iterator[tuple[socket.socket, _Channel, Written]]:
    ours, theirs = socket.socketpair()
    with ours:
        channel = _Channel(theirs.detach())
        yield ours, channel, Written()
        channel._lines.close()
        channel._socket.close()


def pen(channel: _Channel, journal: Written) -> _Witnessed:
    return _Witnessed(cast("Journal", journal), channel)


def test_with_a_supervisor_everything_is_written(line: tuple[socket.socket, _Channel, Written]) -> None:
    _supervisor, channel, journal = line
    assert [entry.event for entry in pen(channel, journal).append("d", EVENT)] == [EVENT]
    assert journal.events == [EVENT]


@pytest.mark.parametrize("act", ["append", "note"])
def test_without_one_nothing_is(line: tuple[socket.socket, _Channel, Written], act: str) -> None:
    supervisor, channel, journal = line
    supervisor.close()

    def child() -> None:
        pen(channel, journal).append("d", EVENT) if act == "append" else channel.note("too late")

    assert ended(child) == 1


def test_a_kept_sandbox_outlives_it(line: tuple[socket.socket, _Channel, Written]) -> None:
    supervisor, channel, journal = line
    channel.close()
    supervisor.close()
    pen(channel, journal).append("d", EVENT)
    channel.note("nobody hears it")
    assert journal.events == [EVENT]
