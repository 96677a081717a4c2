"""One connection that sends HEAD and nothing else, and reads nothing but status and headers (RFC 9112 §2, §6.3).

An answer has one deadline however slowly it drips, and a bound on its size; what comes after its headers is nobody's,
so the connection is given up then.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Mapping

from drp.domain.repository import WaitLimits
from drp.domain.service_address import ServiceAddress

_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\r\n]*)?")
_MOST_OCTETS = 64 * 1024
_END = b"\r\n\r\n"
_INFORMATIONAL = 200


class BadAnswerError(OSError):
    """What came is no answer of HTTP, or more than one."""


class HeadConnection:
    """A connection to one service; it opens when it is first used, and again after every failure."""

    def __init__(self, endpoint: ServiceAddress, limits: WaitLimits, tls: ssl.SSLContext | None) -> None:
        """Take where the service is, how long to wait, and for TLS whom to trust; nothing is sent yet."""
        self._endpoint, self._limits, self._tls = endpoint, limits, tls
        self._socket: socket.socket | None = None
        self.answered = False
        """Whether the connection that is open has answered before: then it may have been closed meanwhile."""

    def close(self) -> None:
        """Give the connection up."""
        if self._socket is not None:
            self._socket.close()
            self._socket, self.answered = None, False

    def head(self, target: str, headers: Mapping[str, str]) -> tuple[int, dict[str, str]]:
        """Return status and headers, by names in lower case. Raises ``OSError``; the connection is closed then."""
        try:
            connection = self._open()
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            connection.sendall(f"HEAD {target} HTTP/1.1\r\n{lines}\r\n".encode("ascii"))
            status, found, lasts = self._answer(connection)
        except BaseException:
            self.close()
            raise
        self.answered = True
        if not lasts:
            self.close()
        return status, found

    def _open(self) -> socket.socket:
        if self._socket is None:
            place = (self._endpoint.host, self._endpoint.port)
            plain = socket.create_connection(place, timeout=self._limits.connect_seconds)
            try:
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                secure = self._tls
                self._socket = secure.wrap_socket(plain, server_hostname=place[0]) if secure is not None else plain
            except BaseException:
                plain.close()
                raise
        return self._socket

    def _answer(self, connection: socket.socket) -> tuple[int, dict[str, str], bool]:
        deadline = time.monotonic() + self._limits.answer_seconds
        held = b""
        while True:
            head, end, rest = held.partition(_END)
            if end:
                status, found, lasts = parsed(head)
                if status < _INFORMATIONAL:  # only announces the answer
                    held = rest
                    continue
                if rest:
                    raise BadAnswerError("more than the answer to a HEAD")
                return status, found, lasts
            if len(held) > _MOST_OCTETS:
                raise BadAnswerError("endless headers")
            connection.settimeout(max(deadline - time.monotonic(), 0.001))
            piece = connection.recv(16384)
            if not piece:
                raise ConnectionResetError("closed before it answered")
            held += piece


def parsed(head: bytes) -> tuple[int, dict[str, str], bool]:
    """Return status, headers, and whether the connection stays. Raises `BadAnswerError`; a header said twice is none.

    RFC 9112 §5.1: no space before the colon. §5.2: folded lines are refused.
    """
    first, *lines = head.split(b"\r\n")
    status = _STATUS.fullmatch(first)
    if status is None:
        raise BadAnswerError("no status line of HTTP")
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not name or name != name.strip() or not name.isascii():
            raise BadAnswerError("no header of HTTP")
        key = name.decode("ascii").lower()
        said = value.strip(b" \t").decode("latin-1")
        if key in found and found[key] != said and key.startswith("x-amz-"):
            raise BadAnswerError("a header that contradicts itself")
        found[key] = said
    asked = found.get("connection", "").lower()
    lasts = asked != "close" if status[1] == b"1" else asked == "keep-alive"
    return int(status[2]), found, lasts
