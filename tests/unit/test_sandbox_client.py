"""The client survives an agent that lies: every answer ends in an error of the family, bounded in time and memory."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from drp.errors import SandboxError
from drp.sandboxes import client as module
from drp.sandboxes.client import AgentClient, parse_end
from tests.support.waiting import eventually

Behave = Callable[[socket.socket], None]


def frame(kind: bytes, payload: bytes) -> bytes:
    return kind + struct.pack("!I", len(payload)) + payload


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Callable[[Behave], AgentClient]]:
    """An agent that does as it is told, once."""
    listeners: list[socket.socket] = []

    def start(behave: Behave) -> AgentClient:
        path = tmp_path / f"control{len(listeners)}"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen(1)
        listeners.append(listener)

        def serve() -> None:
            with suppress(OSError):
                peer, _ = listener.accept()
                with peer:
                    peer.settimeout(60)
                    behave(peer)

        threading.Thread(target=serve, daemon=True).start()
        return AgentClient(path)

    yield start
    for listener in listeners:
        listener.close()


def say(*frames: bytes) -> Behave:
    def behave(peer: socket.socket) -> None:
        peer.recv(1 << 16)
        for each in frames:
            peer.sendall(each)
        peer.recv(1 << 16)

    return behave


def hang_up(peer: socket.socket) -> None:
    peer.recv(1 << 16)


LIES: dict[str, bytes] = {
    "oversized": b"O" + struct.pack("!I", 1 << 31),
    "unknown": frame(b"Z", b"hello"),
    "not json": frame(b"X", b"\xff\xfe"),
    "not an object": frame(b"X", b"[1]"),
    "no code": frame(b"X", b"{}"),
    "code is a word": frame(b"X", b'{"rc": "0"}'),
    "code is true": frame(b"X", b'{"rc": true}'),
    "nested": frame(b"X", b"[" * 100_000),
    "request": frame(b"J", b'{"op": "exec"}'),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_lie_is_a_sandbox_error(agent: Callable[[Behave], AgentClient], lie: bytes) -> None:
    with pytest.raises(SandboxError, match="broke the protocol"):
        agent(say(lie)).exec(["true"], timeout=60)


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_lie_is_a_sandbox_error_for_every_call(
    agent: Callable[[Behave], AgentClient], lie: bytes, tmp_path: Path
) -> None:
    for call in (
        lambda client: client.ping(60),
        lambda client: client.put(b"x", "/tmp/x"),
        lambda client: client.secret("name", "value"),
        lambda client: client.get("/tmp/x", tmp_path / "x"),
    ):
        with pytest.raises(SandboxError):
            call(agent(say(lie)))


def test_hanging_up_is_a_sandbox_error(agent: Callable[[Behave], AgentClient]) -> None:
    with pytest.raises(SandboxError, match=r"hung up|reset by peer"):
        agent(hang_up).exec(["true"], timeout=60)


def test_a_truncated_frame_is_a_sandbox_error(agent: Callable[[Behave], AgentClient]) -> None:
    def behave(peer: socket.socket) -> None:
        peer.recv(1 << 16)
        peer.sendall(b"X\0\0")

    with pytest.raises(SandboxError, match=r"hung up|reset by peer"):
        agent(behave).exec(["true"], timeout=60)


def test_silence_and_dripping_end_at_the_deadline(
    agent: Callable[[Behave], AgentClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_GRACE_SECONDS", 0.3)

    def drip(peer: socket.socket) -> None:
        for _ in range(3000):
            peer.sendall(frame(b"O", b"."))
            time.sleep(0.02)

    for behave in (lambda _: threading.Event().wait(60), drip):
        with pytest.raises(SandboxError, match="in time"):
            agent(behave).exec(["true"], timeout=0.2)


def test_endless_output_is_cut(agent: Callable[[Behave], AgentClient], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OUTPUT_LIMIT", 1 << 20)

    def flood(peer: socket.socket) -> None:
        while True:
            peer.sendall(frame(b"O", bytes(1 << 16)))

    with pytest.raises(SandboxError, match="beyond its limit"):
        agent(flood).exec(["true"], timeout=60)


def test_what_is_passed_on_has_a_limit_of_its_own_and_is_not_kept(agent, monkeypatch) -> None:
    monkeypatch.setattr(module, "OUTPUT_LIMIT", 1 << 18)
    end = frame(b"X", json.dumps({"rc": 0}).encode())
    pieces = [frame(b"O", bytes(1 << 16))] * 16
    seen: list[int] = []
    ended = agent(say(*pieces, frame(b"R", b"words"), end)).exec(["true"], receive=lambda data: seen.append(len(data)))
    assert (sum(seen), ended.stdout, ended.stderr) == (1 << 20, b"", b"words")
    monkeypatch.setattr(module, "STREAM_LIMIT", 1 << 18)
    with pytest.raises(SandboxError, match="beyond its limit"):
        agent(say(*pieces, end)).exec(["true"], receive=seen.append)


@pytest.mark.parametrize("code", [0, 1, -9])
def test_output_that_was_cut_is_told_whatever_the_command_ended_with(
    agent: Callable[[Behave], AgentClient], code: int
) -> None:
    end = frame(b"X", json.dumps({"rc": code, "truncated": True}).encode())
    ended = agent(say(frame(b"O", b"out"), end)).exec(["true"], timeout=60)
    assert (ended.exit_code, ended.truncated) == (code, True)
    whole = agent(say(frame(b"X", json.dumps({"rc": code}).encode()))).exec(["true"], timeout=60)
    assert (whole.exit_code, whole.truncated) == (code, False)


def test_odd_fields_are_taken_for_nothing(agent: Callable[[Behave], AgentClient]) -> None:
    end = frame(b"X", json.dumps({"rc": 3, "timed_out": "yes", "truncated": 1, "ms": -5, "error": {"a": 1}}).encode())
    ended = agent(say(frame(b"O", b"out"), end)).exec(["true"], timeout=60)
    assert (ended.exit_code, ended.stdout, ended.timed_out, ended.duration_ms) == (3, b"out", False, 0)


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="the sandbox is gone"):
        AgentClient(tmp_path / "nothing").ping()


def test_a_descriptor_that_is_passed_is_not_taken(agent: Callable[[Behave], AgentClient]) -> None:
    import array
    import os

    def behave(peer: socket.socket) -> None:
        peer.recv(1 << 16)
        with open(os.devnull) as source:
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [source.fileno()]))]
            peer.sendmsg([frame(b"X", b'{"rc": 0}')], rights)

    before = len(os.listdir("/proc/self/fd"))
    client = agent(behave)
    client.ping(60)
    assert eventually(lambda: len(os.listdir("/proc/self/fd")) <= before + 1)


@pytest.mark.parametrize("data", [b"", b"null", b'{"rc": 1.5}', b'{"rc": null}'])
def test_parse_end(data: bytes) -> None:
    with pytest.raises(SandboxError):
        parse_end(data)


def test_a_caller_waits_for_its_turn(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "control"))
        listener.listen(0)
        waiting = []
        with suppress(BlockingIOError):
            for _ in range(100):
                waiting.append(socket.socket(socket.AF_UNIX))
                waiting[-1].setblocking(False)
                waiting[-1].connect(str(tmp_path / "control"))
        client = AgentClient(tmp_path / "control")
        with pytest.raises(SandboxError, match="did not answer in time"):
            client.ping(0.1)

        def serve() -> None:
            for _ in waiting:  # the last of them was not let in; the client takes its place
                peer, _ = listener.accept()
                with peer, suppress(OSError):
                    peer.recv(1 << 16)
                    peer.sendall(frame(b"X", b'{"rc": 0}'))

        for each in waiting:
            each.close()
        threading.Thread(target=serve, daemon=True).start()
        assert client.ping(60)["rc"] == 0
