"""Whoever listens where production should: each rogue says what it is told to, and keeps all that it was sent."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Serve = Callable[[socket.socket, "Heard"], None]


@dataclass
class Heard:
    """What a rogue was sent, whole."""

    port: int = 0
    said: bytearray = field(default_factory=bytearray)
    over: threading.Event = field(default_factory=threading.Event)

    def take(self, peer: socket.socket, most: int = 65536) -> bytes:
        """Return what the peer says next, and keep it."""
        said = peer.recv(most)
        self.said += said
        return said


@contextmanager
def rogue(serve: Serve, host: str = "127.0.0.1") -> Iterator[Heard]:
    """Let everybody who connects be served."""
    heard = Heard()

    def one(peer: socket.socket) -> None:
        with peer, suppress(OSError, EOFError):
            serve(peer, heard)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server((host, 0)) as listener:
        heard.port = listener.getsockname()[1]
        threading.Thread(target=accept, daemon=True).start()
        try:
            yield heard
        finally:
            heard.over.set()
            listener.shutdown(socket.SHUT_RDWR)


def http(answer: bytes, *, again: bytes = b"") -> Serve:
    """Answer each request with the same; then ``again``, as fast as it is taken."""

    def serve(peer: socket.socket, heard: Heard) -> None:
        heard.take(peer)
        peer.sendall(answer)
        while again and not heard.over.is_set():
            peer.sendall(again)
        heard.over.wait(0 if not again else 30)

    return serve


def message(kind: bytes, body: bytes) -> bytes:
    """Return a message of PostgreSQL's protocol."""
    return kind + struct.pack("!I", 4 + len(body)) + body


def postgres(*answers: bytes, again: bytes = b"") -> Serve:
    """Refuse TLS, take the startup, and say one answer for each message; then ``again``, without an end."""

    def serve(peer: socket.socket, heard: Heard) -> None:
        heard.take(peer)
        peer.sendall(b"N")
        for answer in answers:
            heard.take(peer)
            peer.sendall(answer)
        while again and not heard.over.is_set():
            peer.sendall(again)
        heard.over.wait(30)

    return serve


def packet(number: int, body: bytes) -> bytes:
    """Return a packet of MariaDB's protocol."""
    return struct.pack("<I", len(body))[:3] + bytes([number]) + body


_GREETING = (
    b"\x0a10.11.0-MariaDB\0" + struct.pack("<I", 7) + b"AAAAAAAA\0" + struct.pack("<HBHH", 0xF7FF & ~0x800, 0x21, 2, 0x81BF)
    + bytes([21]) + bytes(10) + b"B" * 12 + b"\0mysql_native_password\0"
)  # fmt: skip
OK = b"\0\0\0\x02\0\0\0"


def mariadb(login: bytes = OK, answer: bytes = OK, *, more: bytes = b"") -> Serve:
    """Greet without TLS, answer the login with one thing and each query with another; ``more`` after what it asked for."""

    def serve(peer: socket.socket, heard: Heard) -> None:
        peer.sendall(packet(0, _GREETING))
        heard.take(peer)
        peer.sendall(packet(2, login))
        if login != OK:
            heard.take(peer)
            peer.sendall(packet(4, more or OK))
        while heard.take(peer):
            peer.sendall(packet(1, answer))

    return serve
