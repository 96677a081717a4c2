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
import socket
import sys
import threading
import time
from typing import Any

from frames import CHUNK, frame, send, send_end  # type: ignore[import-not-found] # put before it by `packing`
from hiding import divide, hide, take_interpreter  # type: ignore[import-not-found] # as above
from running import LIMIT_REACHED, Command  # type: ignore[import-not-found] # as above

SECRET_LIMIT = 1 << 20
SECRETS_LIMIT = 32
SEALS = 0x1 | 0x2 | 0x4 | 0x8
F_ADD_SEALS = 1033

secrets: dict[str, int] = {}


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
        Command(peer, request, secrets).run(None if timeout is None else float(timeout))
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
                send_end(peer, rc=127, error=LIMIT_REACHED)
            peer.close()


if __name__ == "__main__":
    main()
