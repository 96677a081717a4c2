"""The agent, run as a plain process: it survives hostile frames and keeps secrets to those who ask by name."""

from __future__ import annotations

import os
import random
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from drp.errors import SandboxError
from drp.sandboxes.client import AgentClient
from drp.sandboxes.host.memory import unreadable_interpreter
from drp.sandboxes.packing import packed_agent
from tests.support.waiting import PATIENCE, eventually


class Agent:
    def __init__(self, directory: Path) -> None:
        self.path = directory / "control"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.path))
        listener.listen(64)
        lifeline, self.lifeline = os.pipe()
        argv = [sys.executable, "-I", "-S", "-c", packed_agent(), str(listener.fileno()), str(lifeline)]
        self.process = subprocess.Popen(argv, pass_fds=[listener.fileno(), lifeline], env={"PATH": os.environ["PATH"]})
        listener.close()
        os.close(lifeline)
        self.client = AgentClient(self.path)
        self.client.ping()

    def raw(self, data: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(5)
            peer.connect(str(self.path))
            with suppress(BrokenPipeError, ConnectionResetError):
                peer.sendall(data)
                peer.shutdown(socket.SHUT_WR)
            answer = b""
            with suppress(ConnectionResetError):
                while part := peer.recv(1 << 16):
                    answer += part
            return answer


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    running = Agent(tmp_path)
    yield running
    running.process.kill()
    running.process.wait()
    with suppress(OSError):
        os.close(running.lifeline)


def frame(kind: bytes, payload: bytes) -> bytes:
    return kind + struct.pack("!I", len(payload)) + payload


HOSTILE = [
    b"",
    b"J",
    b"J\0\0",
    b"J\xff\xff\xff\xff",
    b"J" + struct.pack("!I", 100) + b"short",
    frame(b"J", b"not json"),
    frame(b"J", b"[]"),
    frame(b"J", b"{}"),
    frame(b"J", b'{"op": "rm"}'),
    frame(b"J", b'{"op": "exec"}'),
    frame(b"J", b'{"op": "exec", "argv": []}'),
    frame(b"J", b'{"op": "exec", "argv": [3]}'),
    frame(b"J", b'{"op": "exec", "argv": ["true"], "env": 3}'),
    frame(b"J", b'{"op": "exec", "argv": ["true"], "timeout": "soon"}'),
    frame(b"J", b'{"op": "exec", "argv": ["true"], "cwd": "/nowhere"}'),
    frame(b"J", b'{"op": "exec", "argv": ["a\\u0000b"]}'),
    frame(b"J", b'{"op": "secret", "name": []}'),
    frame(b"J", b'{"op": "put", "path": "/proc/nope"}'),
    frame(b"J", b'{"op": "get", "path": 7}'),
    frame(b"J", b"[" * 200_000),
    frame(b"I", b"input without a request"),
]


@pytest.mark.parametrize("data", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_frames_end_their_own_connection_only(agent: Agent, data: bytes) -> None:
    answer = agent.raw(data)
    assert not answer or b'"rc": 127' in answer
    assert agent.client.exec(["/bin/echo", "alive"]).stdout == b"alive\n"


def test_noise_does_not_end_it(agent: Agent) -> None:
    noise = random.Random(4711)
    for _ in range(200):
        agent.raw(noise.randbytes(noise.randrange(200)))
    assert agent.client.ping()["rc"] == 0


def test_a_get_of_a_pipe_or_a_device_does_not_hang(agent: Agent, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert agent.client.get(str(tmp_path / "pipe"), tmp_path / "out") == 0
    with pytest.raises(SandboxError, match="larger"):
        agent.client.get("/dev/zero", tmp_path / "out", limit=1 << 20)


def test_the_cut_of_the_lifeline_ends_it(agent: Agent) -> None:
    os.close(agent.lifeline)
    agent.lifeline = -1
    assert agent.process.wait(PATIENCE) == 70


def test_a_daemon_that_keeps_the_pipe_does_not_hold_the_answer_nor_die_of_it(agent: Agent, tmp_path: Path) -> None:
    wait = f"for n in $(seq 1200); do [ -e {tmp_path}/go ] && break; sleep 0.1; done"
    script = f"({wait}; echo late; sleep 0.1; echo done > {tmp_path}/done) & echo started"
    ended = agent.client.exec(["/bin/sh", "-c", script])
    assert ended.stdout == b"started\n"
    assert not (tmp_path / "done").exists(), "the answer waited for the daemon"
    (tmp_path / "go").touch()
    assert eventually((tmp_path / "done").exists), "the daemon died of a closed pipe"


@pytest.mark.parametrize("kept", ["2>/dev/null", ">/dev/null", ""])
def test_a_daemon_may_keep_either_stream(agent: Agent, kept: str) -> None:
    started = time.monotonic()
    ended = agent.client.exec(["/bin/sh", "-c", f"sleep 600 {kept} & echo $!"])
    assert time.monotonic() - started < PATIENCE
    os.kill(int(ended.stdout), 9)


def test_all_output_arrives_even_for_a_slow_reader(agent: Agent) -> None:
    ended = agent.client.exec(["/bin/sh", "-c", "head -c 5000000 /dev/zero"], on_output=lambda *_: time.sleep(0.001))
    assert len(ended.stdout) == 5_000_000


def test_secrets_are_bounded_and_named(agent: Agent) -> None:
    agent.client.secret("password", "first")
    agent.client.secret("password", "second")
    assert agent.client.exec(["/bin/sh", "-c", 'cat "$P"'], secrets={"P": "password"}).stdout == b"second"
    assert b"second" not in agent.client.exec(["env"], secrets={"P": "password"}).stdout
    assert agent.client.exec(["/bin/sh", "-c", "ls /proc/self/fd | wc -l"]).stdout.strip() == b"4"
    for number in range(31):
        agent.client.secret(f"secret{number}", "x")
    with pytest.raises(SandboxError, match="too many"):
        agent.client.secret("one more", "x")
    with pytest.raises(SandboxError, match="too large"):
        agent.client.secret("password", "x" * (2 << 20))


def test_a_daemon_that_keeps_talking_does_not_hold_the_answer(agent: Agent) -> None:
    ended = agent.client.exec(["/bin/sh", "-c", "setsid yes & echo $!"], timeout=60)
    assert ended.exit_code == 0
    assert not ended.timed_out
    os.kill(int(next(line for line in ended.stdout.split() if line.isdigit())), 9)


def test_a_command_that_said_more_than_is_taken_is_no_success(agent: Agent) -> None:
    """Also where it had ended by itself before it could be killed: what is left of it fits into its pipe."""
    size = (64 << 20) + 4096
    ended = agent.client.exec(["/bin/sh", "-c", f"yes | head -c {size}"], timeout=60)
    assert ended.truncated
    assert ended.exit_code != 0
    assert len(ended.stdout) == 64 << 20


def test_nobody_may_look_into_what_the_unreadable_interpreter_runs_from_its_first_instant_on() -> None:
    descriptor = unreadable_interpreter()
    whose = "import os, sys; print(os.stat('/proc/self/mem').st_uid != os.getuid(), sys.executable)"
    seen = subprocess.run(
        ["/usr/bin/python3", "-I", "-S", "-c", whose], executable=f"/proc/self/fd/{descriptor}", pass_fds=[descriptor],
        user=65534 if os.geteuid() == 0 else None, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert seen.stdout.split() == ["True", "/usr/bin/python3"]


def test_a_pipe_in_place_of_a_file_does_not_hold_what_is_put(agent: Agent, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "file.part")
    agent.client.put(b"content", str(tmp_path / "file"))
    assert (tmp_path / "file").read_bytes() == b"content"


def test_what_a_command_printed_arrives_although_nobody_came_to_read_it_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module: dict[str, Any] = {"__name__": "agent"}
    exec(packed_agent(), module)
    commands, frame = sys.modules["running"], module["frame"]

    class Late:
        """A reader that this machine lets run long after the quiet time of a drain."""

        def register(self, *_: object) -> None:
            """Take the stream."""

        def poll(self) -> None:
            time.sleep(3 * commands.DRAIN_SECONDS)

    monkeypatch.setattr(commands.select, "poll", Late)
    ours, theirs = socket.socketpair()
    with theirs, ours:
        running = commands.Command(theirs, {"argv": ["/bin/sh", "-c", "printf whole"]}, {})
        running.run(None)
        assert frame(ours) == (b"O", b"whole")
        assert frame(ours)[0] == b"X"
        running.process.stdin.close()
        assert eventually(lambda: all(stream.closed for stream in running.streams.values()))


def test_whoever_helps_a_command_is_there_before_it(agent: Agent) -> None:
    """It may take every process that the limit leaves, and nobody would pass on what it says."""
    for _ in range(10):
        assert eventually(lambda: threads_of(agent) == IDLE)
        ended = agent.client.exec(["/bin/sh", "-c", "set -- /proc/$PPID/task/*; echo $#"])
        assert int(ended.stdout) == IDLE + 1 + len(("its input", "its output", "its errors"))


@pytest.mark.parametrize("private", [False, True])
def test_a_command_that_cannot_be_started_leaves_nobody_waiting(agent: Agent, private: bool) -> None:
    assert agent.client.exec(["/no/such/program"], private=private).exit_code == 127
    assert eventually(lambda: threads_of(agent) == IDLE)


IDLE = 2
"""Threads of an agent that nobody asks anything: one accepts, one watches the lifeline."""


def threads_of(agent: Agent) -> int:
    return len(list(Path(f"/proc/{agent.process.pid}/task").iterdir()))
