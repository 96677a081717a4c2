"""The gateway process: ``gateway.py CONTROL_FD``. First request: the allow-list, once. Then relays, ends, counts.

Listening sockets arrive with their request (SCM_RIGHTS) and stay in the namespace they were made in; connections go
out from ours. Bytes are moved by splice, never looked at. The end of the control channel ends the process.
"""

from __future__ import annotations

import array
import contextlib
import errno
import json
import os
import resource
import socket
import sys
import threading
import time
from typing import Any

PIPE_BYTES = 1 << 18
CONNECT_SECONDS = 20.0
CONNECTIONS = 256
F_SETPIPE_SZ = 1031
TOO_MANY = (errno.EMFILE, errno.ENFILE)
TURN_SECONDS = 0.05

allowed: set[tuple[str, int]] | None = None
relays: dict[int, Relay] = {}


class Relay:
    def __init__(self, listener: socket.socket, host: str, port: int) -> None:
        self.listener, self.host, self.port = listener, host, port
        self.connections = self.up = self.down = 0
        self.lock = threading.Lock()
        self.free = threading.BoundedSemaphore(CONNECTIONS)
        self.open: set[socket.socket] = set()
        self.ended = False
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while not self.ended:
            self.free.acquire()
            try:
                caller, _ = self.listener.accept()
            except OSError as error:
                self.free.release()
                if error.errno not in TOO_MANY or self.ended:
                    return
                time.sleep(TURN_SECONDS)  # the caller waits in the queue until others have ended
                continue
            try:
                threading.Thread(target=self.serve, args=(caller,), daemon=True).start()
            except RuntimeError:
                caller.close()
                self.free.release()

    def serve(self, caller: socket.socket) -> None:
        try:
            with caller, socket.create_connection((self.host, self.port), timeout=CONNECT_SECONDS) as endpoint:
                for each in (caller, endpoint):
                    each.settimeout(None)
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with self.lock:
                    self.connections += 1
                    self.open |= {caller, endpoint}
                try:
                    back = threading.Thread(target=self.move, args=(endpoint, caller, "down"), daemon=True)
                    back.start()
                    self.move(caller, endpoint, "up")
                    back.join()
                finally:
                    with self.lock:
                        self.open -= {caller, endpoint}
        except OSError:
            pass
        finally:
            self.free.release()

    def move(self, source: socket.socket, target: socket.socket, direction: str) -> None:
        reading, writing = os.pipe()
        try:
            with contextlib.suppress(OSError):
                import fcntl

                fcntl.fcntl(writing, F_SETPIPE_SZ, PIPE_BYTES)
            while True:
                count = os.splice(source.fileno(), writing, PIPE_BYTES)
                if not count:
                    break
                with self.lock:
                    setattr(self, direction, getattr(self, direction) + count)
                while count:
                    count -= os.splice(reading, target.fileno(), count)
        except (OSError, ValueError):
            with contextlib.suppress(OSError):
                source.shutdown(socket.SHUT_RDWR)
        finally:
            os.close(reading)
            os.close(writing)
            with contextlib.suppress(OSError):
                target.shutdown(socket.SHUT_WR)

    def end(self) -> None:
        self.ended = True
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            left = list(self.open)
        for each in left:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def fulfil(request: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
    global allowed
    if "allow" in request:
        if allowed is not None:
            raise ValueError("the list of endpoints is fixed")
        allowed = {(str(host), int(port)) for host, port in request["allow"]}
        return {"ok": True}
    if "relay" in request:
        host, port = request["relay"]
        if len(descriptors) != 1:
            raise ValueError("a relay needs one listening socket")
        if allowed is None or (host, port) not in allowed:
            raise ValueError("%s:%s is not on the list" % (host, port))
        listener = socket.socket(fileno=descriptors.pop())
        listener.settimeout(None)
        number = len(relays) + 1
        relays[number] = Relay(listener, host, port)
        return {"relay": number}
    if "end" in request:
        relays[int(request["end"])].end()
        return {"ok": True}
    if "counts" in request:
        return {
            "counts": {
                str(number): {"connections": relay.connections, "up": relay.up, "down": relay.down}
                for number, relay in relays.items()
            }
        }
    raise ValueError("unknown request")


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    with contextlib.suppress(OSError, ValueError):  # six descriptors a connection
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    while True:
        message, ancillary, flags, _ = control.recvmsg(1 << 16, socket.CMSG_SPACE(64))
        if not message:
            return
        received = array.array("i")
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                received.frombytes(data[: len(data) - len(data) % received.itemsize])
        descriptors = list(received)
        try:
            if flags & socket.MSG_CTRUNC:
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            answer = fulfil(json.loads(message), descriptors)
        except (ValueError, TypeError, KeyError, OSError) as error:
            answer = {"error": str(error)}
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        control.send(json.dumps(answer).encode())


if __name__ == "__main__":
    main()
