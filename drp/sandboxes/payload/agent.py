"""The agent: the one program of drp that lives inside a sandbox. ``LISTEN_FD LIFELINE_FD`` are its arguments.

It lies in no file that can be seen inside, only the first process comes before it, and it hides: what restored code
can read of it is as of any first process. The programs of Python that it runs (``-c``) are handed over in memory, with
their arguments, and hide likewise: nothing that they say reaches restored code, nor that it is they who run.

Frames both ways: type (1 byte), length (4 bytes, big endian), payload. To the agent: J = request (JSON), I = input
bytes, E = end of input. From it: O = standard output, R = standard error, X = the end (JSON). Operations: ping, exec,
put, get, secret. A caller that hangs up kills the command it started; the end of the lifeline pipe kills the sandbox.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from typing import Any

from frames import CHUNK, frame, send, send_end  # type: ignore[import-not-found] # put before it by `packing`
from hiding import divide, hide, spawn, take_interpreter  # type: ignore[import-not-found] # as above

OUTPUT_LIMIT = 64 << 20
SECRET_LIMIT = 1 << 20
SECRETS_LIMIT = 32
DRAIN_SECONDS = 0.2
SEALS = 0x1 | 0x2 | 0x4 | 0x8
F_ADD_SEALS = 1033
STREAMS = ("stdin", "stdout", "stderr")

secrets: dict[str, int] = {}


class Command:
    """One command, its three streams, and the caller it answers to."""

    def __init__(self, peer: socket.socket, request: dict[str, Any]) -> None:
        self.peer = peer
        self.left = min(int(request.get("max_output") or OUTPUT_LIMIT), OUTPUT_LIMIT)
        self.truncated = self.over = False
        self.lock, self.taking = threading.Lock(), threading.Lock()
        self.taken, self.passed_on = {"O": 0, "R": 0}, {"O": 0, "R": 0}
        environment = {**os.environ, **(request.get("env") or {})}
        keep = []
        for variable, name in (request.get("secrets") or {}).items():
            if name not in secrets:
                raise ValueError("no secret named " + repr(name))
            keep.append(secrets[name])
            environment[variable] = "/proc/self/fd/%d" % secrets[name]
        # Who runs beside it could open a pipe of it by /proc, but no socket.
        pairs = [socket.socketpair() for _ in STREAMS] if request.get("private") is True else []
        ends: list[Any] = [theirs for _, theirs in pairs] or [subprocess.PIPE] * len(STREAMS)
        self.process = spawn(
            [str(word) for word in request["argv"]],
            keep,
            stdin=ends[0],
            stdout=ends[1],
            stderr=ends[2],
            cwd=request.get("cwd") or "/",
            env=environment,
            start_new_session=True,
        )
        for name, (ours, theirs) in zip(STREAMS, pairs):
            theirs.close()
            setattr(self.process, name, os.fdopen(ours.detach(), "wb" if name == "stdin" else "rb"))
        self.streams: dict[str, Any] = {"O": self.process.stdout, "R": self.process.stderr}

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def pump(self, kind: str) -> None:
        """Send what the command prints; once it has ended, swallow what daemons it left behind still print."""
        stream, readable = self.streams[kind], select.poll()
        readable.register(stream.fileno(), select.POLLIN)
        while True:
            readable.poll()
            with self.taking:
                data = os.read(stream.fileno(), CHUNK)
                self.taken[kind] = taken = self.taken[kind] + len(data)
                if not data:
                    stream.close()
                    return
            with self.lock:
                if self.over:
                    continue
                if len(data) > self.left:
                    data, self.truncated = data[: self.left], True
                self.left -= len(data)
                try:
                    if data:
                        send(self.peer, kind.encode(), data)
                except OSError:
                    self.over = True
                    self.kill()
                self.passed_on[kind] = taken
            if self.truncated:
                self.kill()

    def feed(self) -> None:
        """Give the command its input; when the caller goes away, kill it."""
        stdin = self.process.stdin
        assert stdin is not None
        try:
            while True:
                kind, data = frame(self.peer)
                with contextlib.suppress(OSError, ValueError):
                    if kind == b"I":
                        stdin.write(data)
                        stdin.flush()
                    elif kind == b"E":
                        stdin.close()
        except (EOFError, OSError, ValueError):
            if self.process.poll() is None:
                self.kill()

    def run(self, timeout: float | None) -> None:
        started = time.monotonic()
        pumps = [threading.Thread(target=self.pump, args=(kind,), daemon=True) for kind in self.streams]
        timed_out = False
        try:
            threading.Thread(target=self.feed, daemon=True).start()
            for pump in pumps:
                pump.start()
            code = self.process.wait(timeout=timeout)
        except subprocess.TimeoutExpired:
            timed_out = True
            self.kill()
            code = self.process.wait()
        except BaseException:
            self.kill()
            self.process.wait()
            raise
        duration = int((time.monotonic() - started) * 1000)
        self.drain(pumps)
        with self.lock:
            self.over = True
            send_end(self.peer, rc=code, timed_out=timed_out, truncated=self.truncated, ms=duration)

    def printed(self) -> dict[str, int]:
        """Return how many bytes there are of each stream by now, those still in its pipe counted."""
        with self.taking:
            open_ = {kind: stream for kind, stream in self.streams.items() if not stream.closed}
            left = {kind: fcntl.ioctl(stream, termios.FIONREAD, bytes(4)) for kind, stream in open_.items()}
            return {kind: count + struct.unpack("i", left.get(kind, bytes(4)))[0] for kind, count in self.taken.items()}

    def drain(self, pumps: list[threading.Thread]) -> None:
        """Wait for the last output, but not for a daemon that keeps the pipe open, whether it talks or not."""
        quiet_since, printed, seen = time.monotonic(), self.printed(), dict(self.passed_on)
        while any(pump.is_alive() for pump in pumps):
            now, passed_on = time.monotonic(), dict(self.passed_on)
            # however long this machine stood still, what the command itself has printed is passed on
            if passed_on != seen or any(passed_on[kind] < count for kind, count in printed.items()):
                quiet_since, seen = now, passed_on
            if now - quiet_since > DRAIN_SECONDS or self.over or self.truncated:
                return
            pumps[0].join(0.01)
            pumps[1].join(0.01)


def put(peer: socket.socket, request: dict[str, Any]) -> None:
    part = request["path"] + ".part"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(part)  # a pipe in its place would wait for a reader
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as target:
        while True:
            kind, data = frame(peer)
            if kind == b"E":
                break
            target.write(data)
        os.fchmod(target.fileno(), int(request.get("mode", 0o600)))
    os.replace(part, request["path"])
    send_end(peer, rc=0)


def get(peer: socket.socket, request: dict[str, Any]) -> None:
    descriptor = os.open(request["path"], os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as source:
        for data in iter(lambda: source.read(CHUNK), b""):
            send(peer, b"O", data)
    send_end(peer, rc=0)


def keep_secret(peer: socket.socket, request: dict[str, Any]) -> None:
    name = request["name"]
    if not isinstance(name, str) or (name not in secrets and len(secrets) >= SECRETS_LIMIT):
        raise ValueError("too many secrets")
    content = b""
    while True:
        kind, data = frame(peer)
        if kind == b"E":
            break
        content += data
        if len(content) > SECRET_LIMIT:
            raise ValueError("secret too large")
    descriptor = os.memfd_create("secret", 0x1 | 0x2)
    os.write(descriptor, content)
    fcntl.fcntl(descriptor, F_ADD_SEALS, SEALS)
    if name in secrets:
        os.close(secrets[name])
    secrets[name] = descriptor
    send_end(peer, rc=0)


def answer(peer: socket.socket) -> None:
    kind, data = frame(peer)
    request = json.loads(data)
    if kind != b"J" or not isinstance(request, dict):
        raise ValueError("not a request")
    operation = request.get("op")
    if operation == "exec":
        timeout = request.get("timeout")
        Command(peer, request).run(None if timeout is None else float(timeout))
    elif operation == "put":
        put(peer, request)
    elif operation == "get":
        get(peer, request)
    elif operation == "secret":
        keep_secret(peer, request)
    elif operation == "ping":
        send_end(peer, rc=0, pid=os.getpid(), uid=os.getuid())
    else:
        raise ValueError("unknown operation")


def serve(peer: socket.socket) -> None:
    try:
        answer(peer)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass
    except BaseException as error:
        with contextlib.suppress(OSError):
            send_end(peer, rc=127, error="%s: %s" % (type(error).__name__, error))
    finally:
        with contextlib.suppress(OSError):
            peer.shutdown(socket.SHUT_RDWR)
        peer.close()


def watch(lifeline: int) -> None:
    """The write end is held by drp alone: its end means that drp is gone, and so is this sandbox."""
    while True:
        if not os.read(lifeline, 1):
            os._exit(70)


def main() -> None:
    listening, lifeline = int(sys.argv[1]), int(sys.argv[2])
    if os.getpid() == 1:
        divide(sys.argv[1:5], sys.argv[5:])
    kept = [listening, lifeline, *take_interpreter(sys.argv[4:5])]
    hide()
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) not in kept:
            with contextlib.suppress(OSError):
                os.close(int(name))
    threading.stack_size(1 << 19)  # counts against the limit of data, where that is the limit of memory
    for descriptor in kept:
        os.set_inheritable(descriptor, False)
    listener = socket.socket(fileno=listening)
    threading.Thread(target=watch, args=(lifeline,), daemon=True).start()
    while True:
        try:
            peer, _ = listener.accept()
        except OSError:
            time.sleep(0.05)
            continue
        try:
            threading.Thread(target=serve, args=(peer,), daemon=True).start()
        except RuntimeError:
            with contextlib.suppress(OSError):
                send_end(peer, rc=127, error="the process limit of the sandbox is reached")
            peer.close()


if __name__ == "__main__":
    main()
