"""Whoever asks what was sent hears all that had arrived, however late the thread that listens comes to run."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from drp.errors import SandboxError
from drp.sandboxes.network import netns
from drp.sandboxes.network.hearing import Hearing
from drp.sandboxes.network.recorder import EgressRecorder
from drp.sandboxes.proof.tripwire import Tripwire
from tests.support.fixtures_sandboxes import Rig, profile
from tests.support.pods import connect, contacts, join, serve

pytestmark = pytest.mark.real
SEND = """
import ctypes, socket, sys
if ctypes.CDLL(None, use_errno=True).setns(int(sys.argv[1]), 0x40000000): raise OSError("setns")
for number in range(int(sys.argv[2])): socket.socket(2, 2).sendto(b"data", ("10.1.0.%d" % (number % 250), 514 + number // 250))
"""


RUN = Hearing._run


def too_late(hearing: Hearing) -> None:
    hearing._closing.wait()


@pytest.fixture(autouse=True)
def late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no thread that listens come to run before it is to end, but those of the isolation tripwire, which answer."""
    monkeypatch.setattr(Hearing, "_run", lambda self: RUN(self) if "tripwire" in self._who else too_late(self))


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
    recorder = EgressRecorder(inside)
    try:
        assert recorder.attempts() == ()
        send(inside, count)
        assert len(recorder.attempts()) == count
        assert len(recorder.attempts()) == count, "and told once"
    finally:
        recorder.close()


def test_a_name_that_was_asked_for_is_told(inside: netns.Inside) -> None:
    recorder = EgressRecorder(inside)
    try:
        (namespace,) = inside.namespace
        enter = f"import ctypes, socket; ctypes.CDLL(None).setns({namespace}, 0x40000000)"
        ask = r"""socket.socket(2, 2).sendto(bytes.fromhex("0001 0100 0001 0000 0000 0000") + b"\3his\7example\0\0\1\0\1", ('127.0.0.53', 53))"""
        subprocess.run([sys.executable, "-c", f"{enter}; {ask}"], pass_fds=[namespace], check=True)
        assert [each.destination for each in recorder.attempts()] == ["name:his.example"]
    finally:
        recorder.close()


def test_what_a_buffer_could_not_hold_is_counted(inside: netns.Inside) -> None:
    recorder = EgressRecorder(inside)
    try:
        send(inside, 120_000)
        *_, last = recorder.attempts()
        assert last.where.endswith(" further attempts that were not kept")
        assert int(last.destination.split()[0]) >= 120_000 - 1_000, "each of them, whether a buffer held it or not"
    finally:
        recorder.close()


def test_who_asks_where_nothing_can_be_heard_is_told_so(inside: netns.Inside) -> None:
    recorder = EgressRecorder(inside)
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


def test_an_isolation_that_holds_is_proven(rig: Rig) -> None:
    """What a sink answers under an address of production was seen to stay inside, also by a thread that comes late."""
    handle = rig.driver.open(profile(sink_ports=(25, 2575)), "test")
    assert rig.driver.prove(handle).holds


def test_who_reached_the_tripwire_is_counted_before_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Hearing, "_run", too_late)
    tripwire = Tripwire(tmp_path, os.getuid(), ["127.0.0.1"])
    try:
        assert tripwire.hits() == 0
        tcp, udp, _ = tripwire.ports
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.sendto(b"leak", ("127.0.0.1", udp))
        with socket.create_connection(("127.0.0.1", tcp), timeout=60) as stream:
            stream.sendall(b"leak")
            assert tripwire.hits() == 2
            assert b"tripwire" in stream.recv(100)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.sendto(b"control", ("127.0.0.1", udp))
        tripwire.rearm()
        assert tripwire.hits() == 0, "what came before it was armed again is not the sandbox's doing"
    finally:
        tripwire.close()


def test_what_nobody_could_take_in_leaves_the_answer_open(
    inside: netns.Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = EgressRecorder(inside)
    send(inside, 1)
    with monkeypatch.context() as broken:
        broken.setattr(recorder, "_see", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            recorder.attempts()
    with pytest.raises(SandboxError, match="has ended by itself"):
        recorder.attempts()
    recorder.close()
