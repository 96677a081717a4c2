"""Whoever asks what was sent hears all that had arrived, however late the thread that listens comes to run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from drp.errors import SandboxError
from drp.sandboxes import netns
from drp.sandboxes.hearing import Hearing
from drp.sandboxes.recorder import Recorder
from tests.support.fixtures_sandboxes import Rig
from tests.support.pods import connect, contacts, join, serve

pytestmark = pytest.mark.real
SEND = """
import ctypes, socket, sys
if ctypes.CDLL(None, use_errno=True).setns(int(sys.argv[1]), 0x40000000): raise OSError("setns")
for number in range(int(sys.argv[2])): socket.socket(2, 2).sendto(b"data", ("10.1.0.%d" % (number % 250), 514 + number // 250))
"""


@pytest.fixture(autouse=True)
def late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no thread that listens come to run before it is to end."""
    monkeypatch.setattr(Hearing, "_run", lambda self: self._closing.wait())


@pytest.fixture
def inside() -> Iterator[netns.Inside]:
    made = netns.create(netns.SANDBOX)
    yield made
    made.close()


def send(inside: netns.Inside, count: int) -> None:
    (namespace,) = inside.namespace
    subprocess.run([sys.executable, "-c", SEND, str(namespace), str(count)], pass_fds=[namespace], check=True)


@pytest.mark.parametrize("count", [1, 400])
def test_what_was_sent_before_one_asked_is_told(inside: netns.Inside, count: int) -> None:
    recorder = Recorder(inside)
    try:
        assert recorder.attempts() == ()
        send(inside, count)
        assert len(recorder.attempts()) == count
        assert len(recorder.attempts()) == count, "and told once"
    finally:
        recorder.close()


def test_what_a_buffer_could_not_hold_is_counted(inside: netns.Inside) -> None:
    recorder = Recorder(inside)
    try:
        send(inside, 120_000)
        *_, last = recorder.attempts()
        assert last.destination.endswith(" further attempts that were not kept")
        assert int(last.destination.split()[0]) >= 120_000 - 1_000, "each of them, whether a buffer held it or not"
    finally:
        recorder.close()


def test_who_asks_where_nothing_can_be_heard_is_told_so(inside: netns.Inside) -> None:
    recorder = Recorder(inside)
    assert inside.recorder is not None
    inside.recorder.close()
    with pytest.raises(SandboxError, match="has ended by itself"):
        recorder.attempts()
    recorder.close()
    assert recorder.attempts() == (), "after its end on purpose, what was kept"


def test_calls_between_neighbours_are_told_after_the_caller_is_gone(rig: Rig) -> None:
    ehr, lis = join(rig, "ehr"), join(rig, "lis")
    serve(rig, lis, "10.20.0.12", 389, "restored LIS")
    assert connect(rig, ehr, "10.20.0.12", 389) == "restored LIS"
    assert "refused" in connect(rig, ehr, "10.20.0.13", 80)
    assert [(each.destination, each.port) for each in rig.driver.egress(ehr)] == [("10.20.0.13", 80)]
    connect(rig, ehr, "10.20.0.12", 390)
    assert rig.driver.destroy(ehr).clean
    assert contacts(rig, lis) == {("ehr", "lis", "10.20.0.12:389", 1), ("ehr", "lis", "10.20.0.12:390", 1)}
