"""The process that serves a view: ``python -m drp.repositories.pinned.main CONTROL VIEW``, two inherited descriptors.

On CONTROL (lines of JSON) its parent says where the bucket is and with which keys it is read, then asks for doors. A
door is a UNIX socket without a file, through which whoever may, the same user alone, hands in a listening socket that
was made in a cell's network: the cell reaches the view by it, and nothing else. VIEW holds the versions, a line each.
The end of CONTROL ends the process.
"""

from __future__ import annotations

import array
import base64
import json
import os
import secrets
import socket
import struct
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from drp.codec import from_data
from drp.descriptors import raise_limit
from drp.domain.repository import S3Location, WaitLimits
from drp.domain.restore import SecretReference
from drp.repositories.pinned.objects import Entry, PinnedObjects, Readings
from drp.repositories.pinned.serving import ViewServer

USER = "drp"
"""Whom callers on the host's own loopback name; the password is one of this process's."""
_CREDENTIALS = struct.Struct("3i")


class _Process:
    """What the parent asks for, one request at a time."""

    def __init__(self, objects: PinnedObjects) -> None:
        self._objects, self._server = objects, ViewServer(objects)
        self._doors: dict[str, Readings] = {}
        self._inside = 0
        self._lock = threading.Lock()

    def fulfil(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        if "listen" in asked:
            token = base64.b64encode(f"{USER}:{asked['listen']}".encode()).decode()
            listener = socket.create_server(("127.0.0.1", 0))
            self._server.serve(listener, Readings(), authorization=f"Basic {token}")
            return {"port": listener.getsockname()[1]}
        if "door" in asked:
            name = f"drp-view-{secrets.token_hex(16)}"
            door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            door.bind(f"\0{name}")
            door.listen()
            self._doors[name] = Readings()
            threading.Thread(target=self._attend, args=(door, self._doors[name]), daemon=True).start()
            return {"door": name}
        if "served" in asked:
            return self._served(self._doors[str(asked["served"])])
        return {"troubles": self._objects.troubles.told}

    def _served(self, readings: Readings) -> dict[str, Any]:
        self._objects.settle()
        troubles, digests = self._objects.troubles, self._objects.digests
        asked = sorted(readings.asked)
        return {
            "read": [[key, digests.get(key, "")] for key in asked if key not in readings.failed or key in digests],
            "gone": [key for key in asked if key in troubles.gone],
            "altered": [[key, digests.get(key, "")] for key in asked if key in troubles.altered],
        }

    def _attend(self, door: socket.socket, readings: Readings) -> None:
        """Take listening sockets in; each is served as long as whoever brought it holds the line."""
        while True:
            line, _ = door.accept()
            threading.Thread(target=self._hold, args=(line, readings), daemon=True).start()

    def _hold(self, line: socket.socket, readings: Readings) -> None:
        with line, suppress(OSError):
            _, uid, _ = _CREDENTIALS.unpack(line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
            if uid != os.getuid():
                return
            received = array.array("i")
            _, ancillary, _, _ = line.recvmsg(64, socket.CMSG_SPACE(received.itemsize))
            for level, kind, data in ancillary:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    received.frombytes(data[: len(data) - len(data) % received.itemsize])
            if len(received) != 1:
                return
            with socket.socket(fileno=received[0]) as listener:
                with self._lock:
                    self._inside += 1
                self._server.serve(listener, readings)
                line.send(b"served")
                line.recv(1)  # until it ends
                with suppress(OSError):
                    listener.shutdown(socket.SHUT_RDWR)
                with self._lock:
                    self._inside -= 1
                    if not self._inside:
                        self._objects.forget()


def main(arguments: list[str]) -> None:
    """Serve until the control line ends."""
    raise_limit()
    control = socket.socket(fileno=int(arguments[0]))
    lines = control.makefile("rb")
    with open(int(arguments[1]), encoding="utf-8", errors="surrogateescape") as listed:  # noqa: PTH123 - a descriptor
        view = dict(_entry(line) for line in listed)
    place = json.loads(lines.readline())
    location, limits = from_data(S3Location, place["location"]), from_data(WaitLimits, place["limits"])
    known = {from_data(SecretReference, each["reference"]): str(each["value"]) for each in place["secrets"]}
    from drp.repositories.locations.stored_s3 import StoredBucket  # noqa: PLC0415 - after the keys, as all of S3

    source = StoredBucket(str(place["name"]), location, known.__getitem__, limits)
    process = _Process(PinnedObjects(source, view, patience_seconds=float(place["patience"])))
    control.sendall(b'{"ready": true}\n')
    for line in lines:
        answer = process.fulfil(json.loads(line))
        control.sendall(json.dumps(answer).encode() + b"\n")


def _entry(line: str) -> tuple[str, Entry]:
    key, version, size = line.rstrip("\n").split("\t")
    return key, Entry(version, int(size))


if __name__ == "__main__":
    main(sys.argv[1:])
    os._exit(0)  # at once, whoever is still being served
