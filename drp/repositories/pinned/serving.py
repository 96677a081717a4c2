"""The server of a view: HTTP/1.1 over listening sockets that it is given, one thread a connection."""

from __future__ import annotations

import hmac
import json
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property

from drp.repositories.pinned.layout import key_of, named
from drp.repositories.pinned.objects import NotServed, PinnedObjects, Readings
from drp.repositories.pinned.requests import HEAD_BYTES, KINDS, LISTING_2, Refused, Request, parse

_CONNECTIONS = 64
_IDLE_SECONDS = 600.0
"""restic may stand still for as long as its disk does; a connection without a word for longer is closed."""
_REASONS = {
    200: "OK",
    206: "Partial Content",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    416: "Range Not Satisfiable",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


@dataclass(frozen=True, slots=True)
class _Body:
    """An answer: its status, type and length, and what sends the bytes."""

    status: int
    length: int = 0
    kind: str = "application/octet-stream"
    send: Callable[[socket.socket], None] = field(default=lambda _: None)


class ViewServer:
    """Serves the objects of one view."""

    def __init__(self, objects: PinnedObjects) -> None:
        """Take the objects."""
        self._objects = objects
        self._free = threading.BoundedSemaphore(_CONNECTIONS)

    def serve(self, listener: socket.socket, readings: Readings, *, authorization: str = "") -> None:
        """Accept on a listening socket until it is shut down; ``authorization``: the header that callers must bring."""
        threading.Thread(target=self._accept, args=(listener, readings, authorization), daemon=True).start()

    def _accept(self, listener: socket.socket, readings: Readings, authorization: str) -> None:
        listener.settimeout(None)
        while True:
            self._free.acquire()
            try:
                caller, _ = listener.accept()
            except OSError:
                self._free.release()
                return
            threading.Thread(target=self._converse, args=(caller, readings, authorization), daemon=True).start()

    def _converse(self, caller: socket.socket, readings: Readings, authorization: str) -> None:
        try:
            with caller, suppress(OSError):
                if caller.family != socket.AF_UNIX:
                    caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                caller.settimeout(_IDLE_SECONDS)
                before = b""
                while (found := _head(caller, before)) is not None:
                    head, before = found
                    if not self._answer(caller, head, readings, authorization):
                        return
        finally:
            self._free.release()

    def _answer(self, caller: socket.socket, head: bytes, readings: Readings, authorization: str) -> bool:
        """Answer one request; return whether another may follow."""
        try:
            if not head:
                raise Refused(431, "too long")  # noqa: TRY301 - told like all refusals
            request = parse(head)
            if not hmac.compare_digest(request.authorization.encode(), authorization.encode()) and authorization:
                raise Refused(401, "another's view")  # noqa: TRY301 - as above
            body = self._body(request, readings)
        except Refused as refused:
            text = f"{refused.why}\n".encode()
            _send(caller, _Body(refused.status, len(text), "text/plain", lambda to: to.sendall(text)), stays=False)
            return False
        if request.method == "HEAD":
            body = _Body(body.status, body.length, body.kind)
        try:
            _send(caller, body, stays=request.stays)
        except NotServed:  # after the headers: the body breaks off, and the caller sees that it does
            return False
        return request.stays

    def _body(self, request: Request, readings: Readings) -> _Body:
        if request.kind in KINDS and not request.name:
            text = self._listing(request.kind, sizes=request.listing == LISTING_2)
            return _Body(200, len(text), request.listing, lambda to: to.sendall(text))
        key = key_of(request.kind, request.name)
        entry = self._objects.view.get(key)
        if entry is None:
            raise Refused(404, "not in the view")
        end = entry.size if request.end is None else min(request.end, entry.size)
        if request.ranged and request.start >= max(end, 1):
            raise Refused(416, "behind its end")
        pieces = self._objects.pieces(key, request.start, end, readings)
        first = None
        if request.method == "GET":
            try:
                first = next(pieces, None)  # what cannot be given at all is told by the status
            except NotServed as error:
                raise Refused(error.status, "not given") from error

        def send(to: socket.socket) -> None:
            if first is not None:
                to.sendall(first)
            for piece in pieces:
                to.sendall(piece)

        return _Body(206 if request.ranged else 200, end - request.start, send=send)

    def _listing(self, kind: str, *, sizes: bool) -> bytes:
        names = self._names[kind]
        if sizes:
            return json.dumps([{"name": name, "size": size} for name, size in names.items()]).encode()
        return json.dumps(list(names)).encode()

    @cached_property
    def _names(self) -> Mapping[str, Mapping[str, int]]:
        found: dict[str, dict[str, int]] = {kind: {} for kind in KINDS}
        for key, entry in self._objects.view.items():
            kind, name = named(key)
            if name:
                found[kind][name] = entry.size
        return found


def _head(caller: socket.socket, before: bytes) -> tuple[bytes, bytes] | None:
    """Return a request's line and headers, and what came after them; empty ones: too long. None: the caller went."""
    while b"\r\n\r\n" not in before:
        if len(before) > HEAD_BYTES:
            return b"", b""
        if not (more := caller.recv(HEAD_BYTES)):
            return None
        before += more
    head, _, after = before.partition(b"\r\n\r\n")
    return (head, after) if len(head) <= HEAD_BYTES else (b"", b"")


def _send(caller: socket.socket, body: _Body, *, stays: bool) -> None:
    lines = (
        f"HTTP/1.1 {body.status} {_REASONS[body.status]}",
        f"Content-Type: {body.kind}",
        f"Content-Length: {body.length}",
        *(() if stays else ("Connection: close",)),
    )
    caller.sendall("\r\n".join((*lines, "", "")).encode("ascii"))
    body.send(caller)
