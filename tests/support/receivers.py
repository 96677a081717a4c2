"""Servers on loopback that take, refuse, hang, drip, lead elsewhere or break off: whom drp tells, and how they answer."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True)
class Taken:
    """One request."""

    method: str
    path: str
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """A web server: what it does is in the path."""

    port: int
    taken: list[Taken] = field(default_factory=list)
    came: threading.Condition = field(default_factory=threading.Condition)
    over: threading.Event = field(default_factory=threading.Event)
    refuses: bool = False
    """Answer 500 to everything."""

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def paths(self) -> list[str]:
        return [each.path for each in self.taken]


@contextmanager
def receiver(context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Serve on loopback."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 60

        def do_GET(self) -> None:
            found.taken.append(
                Taken(
                    self.command,
                    self.path,
                    self.rfile.read(int(self.headers.get("Content-Length", 0))),
                    {name.lower(): value for name, value in self.headers.items()},
                )
            )
            with found.came:
                found.came.notify_all()
            if "hang" in self.path:
                found.over.wait(120)
            elif "reset" in self.path:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                self.connection.close()
            elif "drip" in self.path:
                while not found.over.wait(0.05):
                    self.wfile.write(b"x")
            elif "endless" in self.path:
                self.send_response(200)
                self.end_headers()
                while not found.over.is_set():
                    self.wfile.write(b"x" * 65_536)
            else:
                self.send_response(
                    500 if "bad" in self.path or found.refuses else 302 if "elsewhere" in self.path else 200
                )
                self.send_header("Location", f"http://127.0.0.1:{found.port}/followed")
                self.end_headers()
                self.wfile.write(b'{"secret": "' + self.path.encode() + b'"}')

        do_POST = do_HEAD = do_PUT = do_GET

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Clients that are cut off are what is tried."""

    server = Server(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    found = Receiver(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def mail_server() -> Iterator[tuple[int, list[str]]]:
    """Take mail by SMTP (RFC 5321, as much as a client needs); yield the port and what came."""
    listener = socket.create_server(("127.0.0.1", 0))
    mails: list[str] = []

    def attend(client: socket.socket) -> None:
        with client, client.makefile("rwb") as line:

            def say(text: str) -> None:
                line.write(text.encode() + b"\r\n")
                line.flush()

            say("220 test ESMTP")
            for raw in line:
                word = raw.split(b" ")[0].strip().upper()
                if word == b"DATA":
                    say("354 go on")
                    body = b""
                    for part in line:
                        if part == b".\r\n":
                            break
                        body += part
                    mails.append(body.decode())
                    say("250 taken")
                elif word == b"QUIT":
                    say("221 bye")
                    return
                else:
                    say("250 test")

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=attend, args=(client,), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], mails
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(found: Samples, name: str, **labels: str) -> float | None:
    return found.get((name, frozenset(labels.items())))
