"""Serves metrics: on loopback to whoever asks, elsewhere by TLS to who shows what is configured, and else not at all.

It only reads. A client has one deadline for all that it does, there are few at a time, and no request has a body; who
drips, stays silent or does not read is cut off by the clock.
"""

from __future__ import annotations

import hmac
import ipaddress
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from drp import command
from drp.config.monitoring import MetricsAccess
from drp.config.secrets import resolve
from drp.domain.phrase import say
from drp.errors import Busy, ConfigError, UsageError
from drp.monitoring.metrics import CONTENT_TYPE, exposition
from drp.service.wiring import Wiring

_SECONDS = 10.0
_AT_ONCE = 16
_LARGEST = 16 << 10
_CHALLENGE = 'WWW-Authenticate: Basic realm="drp"'


@dataclass(frozen=True, slots=True)
class _Door:
    """Who may ask, and how."""

    context: ssl.SSLContext | None
    shown: tuple[str, ...]
    """Values of the header Authorization that open; none: everybody may."""


class MetricsServer:
    """A server at work; a context manager, which ends it."""

    def __init__(self, listener: socket.socket, door: _Door, content: Callable[[], bytes]) -> None:
        """Serve from now on; see `serve_metrics`."""
        self._listener, self._door, self._content = listener, door, content
        self._room = threading.Semaphore(_AT_ONCE)
        self._asking = threading.Lock()
        self.address: tuple[str, int] = listener.getsockname()[:2]
        """Where it listens."""
        self._thread = threading.Thread(target=self._serve, daemon=True, name="metrics")
        self._thread.start()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.close()

    def close(self) -> None:
        """Listen no longer; answers at work have their deadline."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                if self._listener.fileno() < 0:
                    return
                continue
            if not self._room.acquire(blocking=False):
                client.close()
                continue
            threading.Thread(target=self._attend, args=(client,), daemon=True).start()

    def _attend(self, client: socket.socket) -> None:
        """Answer one client; whatever it does, it is gone when its time is over."""
        line = client.dup()  # TLS takes the socket itself over
        end = threading.Timer(_SECONDS, _cut, (line,))
        end.daemon = True
        end.start()
        try:
            client.settimeout(_SECONDS)
            if self._door.context is not None:
                with self._door.context.wrap_socket(client, server_side=True) as secured:
                    self._answer(secured)
            else:
                self._answer(client)
        except (OSError, ValueError):  # it went, or was cut off, or does not speak TLS
            pass
        finally:
            end.cancel()
            line.close()
            client.close()
            self._room.release()

    def _answer(self, client: socket.socket) -> None:
        head = _head(client)
        status, extra, body = self._response(head)
        lines = [f"HTTP/1.1 {status}", f"Content-Type: {CONTENT_TYPE}", f"Content-Length: {len(body)}", *extra]
        sent = b"" if head.startswith(b"HEAD ") else body
        client.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode() + sent)
        with suppress(OSError):
            client.shutdown(socket.SHUT_WR)

    def _response(self, head: bytes) -> tuple[str, tuple[str, ...], bytes]:
        first, _, rest = head.partition(b"\r\n")
        words = first.split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            return "400 Bad Request", (), b"no request\n"
        if self._door.shown and not _opens(_headers(rest, b"authorization"), self._door.shown):
            return "401 Unauthorized", (_CHALLENGE,), b"show what the site's inventory/monitoring.yml names\n"
        if words[0] not in {b"GET", b"HEAD"}:
            return "405 Method Not Allowed", ("Allow: GET, HEAD",), b"metrics are only read\n"
        if words[1].partition(b"?")[0] != b"/metrics":
            return "404 Not Found", (), b"metrics are at /metrics\n"
        with self._asking:  # the journal is read once at a time
            return "200 OK", (), self._content()


def serve_metrics(address: str, wiring: Wiring) -> MetricsServer:
    """Serve the site's metrics at ``host:port`` (port 0: any) from a thread of its own, and return the server.

    Raises UsageError for what is no address, ConfigError for one beyond loopback unless the site has TLS and a token or
    password for it, and Busy when the port is taken.
    """
    host, port = _parsed(address)
    access = wiring.site.monitoring.metrics
    if not ipaddress.ip_address(host).is_loopback and not access.leaves_loopback:
        raise ConfigError(
            say("metrics are not served at {address}: it is not this machine's loopback", address=address),
            hint="serve them at 127.0.0.1, or give `metrics: {certificate, key, token}` in inventory/monitoring.yml",
        )
    door = _door(access)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=16)
    except OSError as error:
        raise Busy(
            say("metrics cannot be served at {address}: {why}", address=address, why=error.strerror),
            hint="name another port",
        ) from error
    return MetricsServer(listener, door, lambda: exposition(wiring.site))


def _parsed(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        ipaddress.ip_address(host)
        number = int(port) if port.isascii() and port.isdigit() else -1
    except ValueError:
        number = -1
    if not 0 <= number <= 65_535:
        raise UsageError(
            say("`{address}` is no address to serve at", address=address),
            hint="write it as 127.0.0.1:9187 or [::1]:9187",
        )
    return host, number


def _door(access: MetricsAccess) -> _Door:
    """Return the door that the site wants, which holds on loopback too. Raises ConfigError."""
    shown = []
    if access.token is not None:
        shown.append(f"Bearer {resolve(access.token)}")
    if access.password is not None:
        shown.append(f"Basic {b64encode(f'{access.user}:{resolve(access.password)}'.encode()).decode()}")
    if access.certificate is None or access.key is None:
        return _Door(None, tuple(shown))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    with command.memory_file("metrics-key", resolve(access.key).encode() + b"\n") as key:
        try:
            context.load_cert_chain(access.certificate, f"/proc/self/fd/{key}", password=lambda: "")
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                say(
                    "metrics: certificate {certificate} and its key cannot be used: {why}",
                    certificate=access.certificate,
                    why=error.strerror or "no match",
                ),
                hint="give both as PEM, the key without a passphrase",
            ) from error
    return _Door(context, tuple(shown))


def _head(client: socket.socket) -> bytes:
    """Return what stands before the body of a request. Raises ValueError for one without an end."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = client.recv(4096)
        if not piece or len(head) > _LARGEST:
            raise ValueError(say("no request"))
        head += piece
    return head.partition(b"\r\n\r\n")[0]


def _headers(lines: bytes, name: bytes) -> list[str]:
    named = (line.partition(b":") for line in lines.split(b"\r\n"))
    return [value.strip().decode("latin-1") for key, _, value in named if key.strip().lower() == name]


def _opens(given: list[str], shown: Iterable[str]) -> bool:
    """Return whether the one header that was given is one that opens; every one is compared, in constant time."""
    if len(given) != 1:
        return False
    answer = given[0].encode("latin-1")
    return sum(hmac.compare_digest(answer, value.encode()) for value in shown) > 0


def _cut(client: socket.socket) -> None:
    with suppress(OSError):
        client.shutdown(socket.SHUT_RDWR)
