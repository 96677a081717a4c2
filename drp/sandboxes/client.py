"""The host's side of the agent in a sandbox: commands, files, secrets, over a socket that is invisible inside.

Whatever the agent says is untrusted: it is bounded, it is parsed strictly, and it can grant nothing. Descriptors are
never received. Light on purpose: the Ansible connection plugin imports it.
"""

from __future__ import annotations

import io
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO, Literal, Self

from drp.domain.check import Execution
from drp.domain.phrase import Size, say
from drp.domain.strict_json import Limits, Malformed, parse_object
from drp.errors import SandboxError

Stream = Literal["stdout", "stderr"]
OnOutput = Callable[[Stream, bytes], None]

OUTPUT_LIMIT = 64 << 20
STREAM_LIMIT = 64 << 30
"""Of what is passed on and not kept."""
_KEPT_ERRORS = 1 << 20
"""Of standard error beside what is passed on."""
_FRAME_LIMIT = 8 << 20
_CHUNK = 1 << 16
_GRACE_SECONDS = 10.0
_SHORT_SECONDS = 10.0
_TURN_SECONDS = 0.02
_COPY_SECONDS = 600.0
_END = Limits(size=64 << 10, depth=4, half_pairs=True)
_STREAMS: Mapping[bytes, Stream] = {b"O": "stdout", b"R": "stderr"}


class AgentClient:
    """Speaks with the agent of one sandbox; each call is a connection of its own, so calls may run side by side.

    A file is copied within ten minutes. Every call raises ``SandboxError`` when the sandbox is gone, breaks the
    protocol or exceeds a limit.
    """

    def __init__(self, path: Path | str) -> None:
        """Take the host path of the control socket."""
        self.path = str(path)

    def ping(self, timeout_seconds: float = _SHORT_SECONDS) -> Mapping[str, object]:
        """Return what the agent says of itself (untrusted): its process and user id."""
        with _Call(self.path, timeout_seconds) as call:
            call.request({"op": "ping"})
            return call.end()

    def exec(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout: float | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        secrets: Mapping[str, str] | None = None,
        on_output: OnOutput | None = None,
        receive: Callable[[bytes], None] | None = None,
        private: bool = False,
    ) -> Execution:
        """Run a command inside and return how it ended, whatever that is; no time limit without ``timeout`` (seconds).

        ``secrets`` maps environment variables to names of secrets given before: the variable holds a path that only
        this command can open. ``on_output`` sees output as it comes. More than 64 MiB of output
        kills the command; with ``receive``, which is handed standard output instead of keeping it, more than 64 GiB.
        ``private``: its streams are sockets, which nobody else inside can open by ``/proc``.
        """
        with _Call(self.path, None if timeout is None else timeout + _GRACE_SECONDS) as call:
            call.request(
                {
                    "op": "exec",
                    "argv": list(argv),
                    "timeout": timeout,
                    "env": dict(env or {}),
                    "cwd": cwd,
                    "secrets": dict(secrets or {}),
                    "max_output": OUTPUT_LIMIT if receive is None else STREAM_LIMIT,
                    "streams": receive is not None,
                    "private": private,
                }
            )
            feeder = threading.Thread(target=call.feed, args=(io.BytesIO(stdin),), daemon=True)
            feeder.start()
            return _collect(call, on_output, receive)

    def put(self, source: Path | str | bytes, destination: str, *, mode: int = 0o600) -> None:
        """Copy a host file (or bytes) into the sandbox."""
        with ExitStack() as stack:
            stream = io.BytesIO(source) if isinstance(source, bytes) else stack.enter_context(Path(source).open("rb"))
            call = stack.enter_context(_Call(self.path, _COPY_SECONDS))
            call.request({"op": "put", "path": destination, "mode": mode})
            call.feed(stream)
            call.succeed(say("cannot write {path} in the sandbox", path=destination))

    def get(self, source: str, destination: Path | str, *, limit: int = OUTPUT_LIMIT) -> int:
        """Copy a file out of the sandbox, at most ``limit`` bytes; return its size."""
        size = 0
        with _Call(self.path, _COPY_SECONDS) as call, Path(destination).open("wb") as target:
            call.request({"op": "get", "path": source})
            while True:
                kind, data = call.frame()
                if kind == b"X":
                    call.check(data, say("cannot read {path} in the sandbox", path=source))
                    return size
                size += len(data)
                if kind != b"O" or size > limit:
                    message = say("{path} in the sandbox is larger than {limit}", path=source, limit=Size(limit))
                    raise SandboxError(message)
                target.write(data)

    def secret(self, name: str, value: str) -> None:
        """Hand a named secret to the agent, which keeps it in memory for commands that ask for it by name."""
        with _Call(self.path, _SHORT_SECONDS) as call:
            call.request({"op": "secret", "name": name})
            call.feed(io.BytesIO(value.encode()))
            call.succeed(say("cannot hand secret {name} to the restore cell", name=name))


class _Call:
    """One connection with one deadline."""

    def __init__(self, path: str, timeout_seconds: float | None) -> None:
        self._path = path
        self._deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        self._socket = socket.socket(socket.AF_UNIX)

    def __enter__(self) -> Self:
        try:
            self._connect()
        except OSError as error:
            self._socket.close()
            raise self._gone(error) from error
        return self

    def _connect(self) -> None:
        """Connect; where many do at once, in turn: a queue that is full does not mean that the sandbox is gone."""
        while True:
            self._limit()
            try:
                return self._socket.connect(self._path)
            except BlockingIOError:
                time.sleep(_TURN_SECONDS)

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _gone(self, error: OSError) -> SandboxError:
        if isinstance(error, TimeoutError):
            return SandboxError(say("the agent in the sandbox did not answer in time"))
        return SandboxError(say("the sandbox is gone: {why}", why=error.strerror or error))

    def _limit(self) -> None:
        if self._deadline is not None:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._socket.settimeout(left)

    def _send(self, kind: bytes, payload: bytes = b"") -> None:
        self._socket.sendall(kind + struct.pack("!I", len(payload)) + payload)

    def _receive(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            self._limit()
            part = self._socket.recv(min(count - len(data), _CHUNK))
            if not part:
                raise SandboxError(say("the agent in the sandbox hung up"))
            data += part
        return bytes(data)

    def request(self, fields: Mapping[str, object]) -> None:
        try:
            self._send(b"J", json.dumps(fields).encode())
        except OSError as error:
            raise self._gone(error) from error

    def feed(self, content: BinaryIO) -> None:
        """Send input and its end; a command that does not read it, or an agent that refuses, is no error here."""
        with suppress(OSError):
            while chunk := content.read(_CHUNK):
                self._send(b"I", chunk)
            self._send(b"E")

    def frame(self) -> tuple[bytes, bytes]:
        try:
            header = self._receive(5)
            length = struct.unpack("!I", header[1:])[0]
            if length > _FRAME_LIMIT:
                raise SandboxError(say("the agent in the sandbox broke the protocol: oversized frame"))
            return header[:1], self._receive(length)
        except OSError as error:
            raise self._gone(error) from error

    def end(self) -> dict[str, object]:
        kind, data = self.frame()
        if kind != b"X":
            raise SandboxError(say("the agent in the sandbox broke the protocol: an answer was expected"))
        return parse_end(data)

    def check(self, data: bytes, complaint: str) -> None:
        fields = parse_end(data)
        if fields["rc"] != 0:
            message = f"{complaint}: {str(fields.get('error', ''))[:400]}"
            raise SandboxError(message)

    def succeed(self, complaint: str) -> None:
        kind, data = self.frame()
        if kind != b"X":
            raise SandboxError(say("the agent in the sandbox broke the protocol: an answer was expected"))
        self.check(data, complaint)


def parse_end(data: bytes) -> dict[str, object]:
    """Return the fields of an end frame; raises SandboxError unless it is an object with a whole number ``rc``."""
    try:
        fields: dict[str, object] = parse_object(data, _END)
    except Malformed:
        fields = {}
    if type(fields.get("rc")) is not int:
        raise SandboxError(say("the agent in the sandbox broke the protocol: unreadable answer"))
    return fields


def _collect(call: _Call, on_output: OnOutput | None, receive: Callable[[bytes], None] | None) -> Execution:
    kept: dict[Stream, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}
    size, limit = 0, OUTPUT_LIMIT if receive is None else STREAM_LIMIT
    while True:
        kind, data = call.frame()
        if kind == b"X":
            fields = parse_end(data)
            break
        if kind not in _STREAMS:
            raise SandboxError(say("the agent in the sandbox broke the protocol: unknown frame"))
        size += len(data)
        if size > limit:
            raise SandboxError(say("the agent in the sandbox broke the protocol: output beyond its limit"))
        stream = _STREAMS[kind]
        if receive is None or (stream == "stderr" and len(kept[stream]) < _KEPT_ERRORS):
            kept[stream] += data
        elif stream == "stdout":
            receive(data)
        if on_output is not None:
            on_output(stream, data)
    if "error" in fields:
        kept["stderr"] += str(fields["error"])[:400].encode("utf-8", "replace")
    truncated = fields.get("truncated") is True
    if truncated:
        words = "64 MiB" if receive is None else "64 GiB"
        kept["stderr"] += f"\ndrp: the command was ended: more than {words} of output\n".encode()
    duration = fields.get("ms", 0)
    exit_code = fields["rc"]
    assert isinstance(exit_code, int)
    return Execution(
        exit_code=exit_code,
        stdout=bytes(kept["stdout"]),
        stderr=bytes(kept["stderr"]),
        timed_out=fields.get("timed_out") is True,
        duration_ms=duration if isinstance(duration, int) and duration >= 0 else 0,
        truncated=truncated,
    )
