"""A store that drips, cuts off, or says too much: an answer has one deadline, and half of it is none."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from drp.domain.repository import WaitLimits
from drp.domain.service_address import ServiceAddress
from drp.repositories.locations.s3_wire import BadAnswerError, HeadConnection

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nx-amz-object-lock-mode: COMPLIANCE\r\n\r\n"


@contextmanager
def store(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """Answer every connection by that; one at a time, until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection, suppress(OSError):
                        answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def head(port: int, seconds: float = 20) -> tuple[int, dict[str, str]]:
    address = ServiceAddress(secure=False, host="127.0.0.1", port=port)
    connection = HeadConnection(address, WaitLimits(answer_seconds=seconds), None)
    try:
        return connection.head("/bucket/key?versionId=v", {"host": "here"})
    finally:
        connection.close()


def test_a_whole_answer_is_read_with_what_announces_it() -> None:
    def answer(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" + WHOLE)
        connection.recv(1000)

    with store(answer) as port:
        status, headers = head(port)
    assert (status, headers["x-amz-object-lock-mode"]) == (200, "COMPLIANCE")


def test_an_answer_that_drips_has_one_deadline() -> None:
    stopped = threading.Event()

    def answer(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 200 OK\r\nx: ")
        while not stopped.wait(0.05):
            connection.sendall(b"x")

    with store(answer) as port:
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            head(port, seconds=0.4)
        stopped.set()
    assert time.monotonic() - begun < 30, "not for as long as it drips"


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"", ConnectionResetError),
        (WHOLE[:-10], ConnectionResetError),
        (WHOLE + b"body!", BadAnswerError),
        (b"SSH-2.0-OpenSSH\r\n\r\n", BadAnswerError),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 20_000, BadAnswerError),
    ],
)
def test_what_is_no_answer_is_an_error(said: bytes, error: type[Exception]) -> None:
    def answer(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(said)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1000)

    with store(answer) as port, pytest.raises(error):
        head(port)
