"""One command that the agent runs: its three streams, its input, its end, and the caller that it answers to."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import select
import signal
import socket
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Mapping
from typing import Any

from frames import CHUNK, frame, send, send_end  # type: ignore[import-not-found] # put before it by `packing`
from hiding import spawn  # type: ignore[import-not-found] # as above

OUTPUT_LIMIT = 64 << 20
STREAM_LIMIT = 64 << 30
DRAIN_SECONDS = 0.2
STREAMS = ("stdin", "stdout", "stderr")
LIMIT_REACHED = "the process limit of the sandbox is reached"


class Command:
    """One command, its three streams, and the caller it answers to."""

    def __init__(self, peer: socket.socket, request: dict[str, Any], secrets: Mapping[str, int]) -> None:
        self.peer = peer
        most = STREAM_LIMIT if request.get("streams") is True else OUTPUT_LIMIT
        self.left = min(int(request.get("max_output") or most), most)
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
        self.process: Any = None
        self.start = functools.partial(
            spawn,
            [str(word) for word in request["argv"]],
            keep,
            stdin=ends[0],
            stdout=ends[1],
            stderr=ends[2],
            cwd=request.get("cwd") or "/",
            env=environment,
            start_new_session=True,
        )
        self.pairs = pairs

    def begin(self) -> None:
        process = self.start()
        for name, (ours, theirs) in zip(STREAMS, self.pairs):
            theirs.close()
            setattr(process, name, os.fdopen(ours.detach(), "wb" if name == "stdin" else "rb"))
        self.streams = {"O": process.stdout, "R": process.stderr}
        self.process = process

    def helper(self, begun: threading.Event, work: Any, *arguments: str) -> threading.Thread:
        """Return a thread that works once the command runs, and ends where it does not come to that."""

        def help_it() -> None:
            begun.wait()
            if self.process is not None:
                work(*arguments)

        return threading.Thread(target=help_it, daemon=True)

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
        """Run it to its end. Whoever helps is there before it: it may take every process that the limit leaves."""
        begun = threading.Event()
        pumps = [self.helper(begun, self.pump, kind) for kind in ("O", "R")]
        try:
            for each in (self.helper(begun, self.feed), *pumps):
                each.start()
            started = time.monotonic()
            self.begin()
        except (RuntimeError, BlockingIOError) as error:
            raise ValueError(LIMIT_REACHED) from error
        finally:
            begun.set()
        timed_out = False
        try:
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
        if self.truncated and not code and self.ended(pumps):
            code = -signal.SIGKILL  # it said more than is taken, and ended before it was killed
        with self.lock:
            self.over = True
            send_end(self.peer, rc=code, timed_out=timed_out, truncated=self.truncated, ms=duration)

    def ended(self, pumps: list[threading.Thread]) -> bool:
        """Return whether all that was printed is the command's own: no daemon of it keeps talking."""
        for pump in pumps:
            pump.join(DRAIN_SECONDS)
        return not any(pump.is_alive() for pump in pumps)

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
