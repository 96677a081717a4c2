"""A running view: its process, as whoever made it sees it."""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
import threading
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, BinaryIO

from drp.codec import to_data
from drp.command import Process, memory_file, start
from drp.domain.phrase import say
from drp.domain.repository import S3Location, WaitLimits
from drp.domain.restore import SecretReference
from drp.domain.worm.pinned import Below, ReadVersion, Served, View
from drp.errors import AccessDenied, DrpError, RepositoryError, Unreachable
from drp.redact import remember
from drp.repositories.pinned.main import USER

_SECONDS = 60.0


class ViewProcess:
    """Serves one view until it is closed, or its maker ends."""

    def __init__(
        self, name: str, location: S3Location, resolve: Callable[[SecretReference], str], limits: WaitLimits, view: View
    ) -> None:
        """Start it. Raises ``RepositoryError`` when it does not come up, and what resolving secrets raises."""
        self._name, self._view = name, view
        self._lock = threading.Lock()
        references = [location.access_key, location.secret_key, location.session_token]
        known = [(each, resolve(each)) for each in references if each is not None]
        for _, value in known:
            remember(value)
        self._channel, theirs = socket.socketpair()
        self._channel.settimeout(limits.idle_seconds + _SECONDS)  # it may wait for the store
        self._lines = self._channel.makefile("rb")
        listed = "".join(f"{key}\t{each.version}\t{each.size}\n" for key, each in sorted(view.objects.items()))
        with theirs, memory_file("view", listed.encode("utf-8", "surrogateescape")) as versions:
            os.lseek(versions, 0, os.SEEK_SET)
            argv = [sys.executable, "-I", "-m", "drp.repositories.pinned.main", str(theirs.fileno()), str(versions)]
            self._process: Process = start(
                ["setpriv", "--pdeathsig", "KILL", *argv], pass_fds=[theirs.fileno(), versions]
            )
        self._end = weakref.finalize(self, _end, self._process, self._channel, self._lines)
        place = {
            "name": name,
            "location": to_data(location),
            "limits": to_data(limits),
            "patience": limits.idle_seconds / 2,
            "secrets": [{"reference": to_data(reference), "value": value} for reference, value in known],
        }
        try:
            self._ask(place)
        except RepositoryError:
            self.close()
            raise
        self._token = secrets.token_urlsafe(24)
        remember(self._token)
        self._port = 0

    def address(self) -> str:
        """Return restic's address of the view for this machine, with a password in it: for memfd alone."""
        with self._lock:
            if not self._port:
                self._port = int(self._asked({"listen": self._token})["port"])
        return f"rest:http://{USER}:{self._token}@127.0.0.1:{self._port}/"

    def door(self) -> str:
        """Return the name of a new door, for one cell's listening socket."""
        return str(self._ask({"door": True})["door"])

    def served(self, door: str) -> Served:
        """Return what was given to whoever came by a door."""
        answer = self._ask({"served": door})
        read = tuple(self._read(*each) for each in answer["read"])
        over = self._view.over
        return Served(
            read=read,
            below=tuple(
                Below(read=each, over=over[each.key].version, marker=over[each.key].marker)
                for each in read
                if each.key in over
            ),
            gone=tuple(self._read(key, "") for key in answer["gone"]),
            altered=tuple(self._read(*each) for each in answer["altered"]),
        )

    def trouble(self) -> DrpError | None:
        """Return why the store gives nothing any more; None: it does."""
        try:
            told = self._ask({"troubles": True})["troubles"]
        except RepositoryError as error:
            return error
        if told["refused"]:
            message = say("{why}, while it was being restored from", why=told["refused"])
            return AccessDenied(message, hint="give the reader credentials that outlast a drill")
        if told["silent"]:
            return Unreachable(say("{why}, while it was being restored from", why=told["silent"]))
        return None

    def close(self) -> None:
        """End it; safe to call again."""
        self._end()

    def _read(self, key: str, digest: str) -> ReadVersion:
        pinned = self._view.objects[key]
        return ReadVersion(key=key, version=pinned.version, size=pinned.size, digest=digest)

    def _ask(self, request: Mapping[str, object]) -> dict[str, Any]:
        with self._lock:
            return self._asked(request)

    def _asked(self, request: Mapping[str, object]) -> dict[str, Any]:
        line = b""
        with suppress(OSError, ValueError):  # ValueError: it was closed
            self._channel.sendall(json.dumps(request).encode() + b"\n")
            line = self._lines.readline()
        if not line:
            raise RepositoryError(
                say("what serves the pinned versions of repository {name} has ended", name=self._name),
                hint="run the drill again",
            )
        answer: dict[str, Any] = json.loads(line)
        return answer


def _end(process: Process, channel: socket.socket, lines: BinaryIO) -> None:
    channel.close()
    lines.close()
    process.kill()
    process.wait()
