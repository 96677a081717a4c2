"""The loopback network of tests: free ports, a server that never answers, a certificate authority of a day."""

from __future__ import annotations

import random
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def make_certificate(folder: Path) -> None:
    """Make a certificate authority of a day and a certificate for 127.0.0.1 that it signs."""
    new = "req -newkey rsa:2048 -nodes"
    for command in (
        f"{new} -x509 -days 2 -subj /CN=authority -addext basicConstraints=critical,CA:TRUE -keyout ca.key -out ca.pem",
        f"{new} -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -keyout tls.key -out tls.csr",
        "x509 -req -in tls.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -copy_extensions copy -out tls.pem",
    ):
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)


_FIRST_PORT, _PORTS = 20_000, 12_000
"""Below those that the kernel gives to connections, so that none of them takes a port before its server does."""
_held: list[socket.socket] = []


def free_ports(count: int) -> list[int]:
    """Return loopback ports that are free now, and that no other process of the tests will be given while this one lives."""
    found: list[int] = []
    for port in random.Random().sample(range(_FIRST_PORT, _FIRST_PORT + _PORTS), _PORTS):
        claim = socket.socket(socket.AF_UNIX)
        with socket.socket() as probe, suppress(OSError):
            claim.bind(f"\0drp-test-port-{port}")  # gone with this process
            probe.bind(("127.0.0.1", port))
            _held.append(claim)
            found.append(port)
        if claim not in _held[-1:]:
            claim.close()
        if len(found) == count:
            return found
    raise AssertionError("no port is free on loopback")


@contextmanager
def black_hole() -> Iterator[int]:
    """Yield the port of a server that accepts connections and never answers."""
    listener = socket.create_server(("127.0.0.1", 0))
    accepted: list[socket.socket] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                accepted.append(listener.accept()[0])

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(timeout=5)
        for one in accepted:
            one.close()


@contextmanager
def served_by(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve HTTP on a port of its own, and give the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
