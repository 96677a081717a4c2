"""A heartbeat is given up in time, and told in drp's words, whatever answers in place of production."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import pytest

from drp import canaries
from drp.config.canaries import DatabaseCanary, OrthancCanary
from drp.domain.restore import SecretReference
from drp.errors import NotFound, Unreachable
from tests.support.dripping import dripping

pytestmark = pytest.mark.real

HEARTBEAT = canaries.Heartbeat(at=datetime(2026, 11, 20, tzinfo=UTC), nonce="0" * 16)
SECRET = SecretReference(kind="credential", value=("x",))
SECONDS = 0.5
HTTP = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
STRANGE = '[{"ID":"aébc/../","Type":"Study"}]'.encode()


@contextmanager
def saying(answer: bytes) -> Iterator[int]:
    """Answer everybody with the same."""

    def accept() -> None:
        with suppress(OSError):
            while True:
                peer = listener.accept()[0]
                with peer, suppress(OSError):
                    peer.recv(65536)
                    peer.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def beat(kind: str, port: int) -> None:
    settings: OrthancCanary | DatabaseCanary = OrthancCanary(
        url=f"http://127.0.0.1:{port}", user="u", password=SECRET, ca_file=None, study="1.2.3", metadata=1024,
        timeout_seconds=SECONDS,
    )  # fmt: skip
    if kind == "postgres":
        settings = DatabaseCanary(
            kind="postgres", host="127.0.0.1", port=port, database="d", user="u", password=SECRET, ca_file=None,
            keep=10, timeout_seconds=SECONDS,
        )  # fmt: skip
    canaries.write(settings, HEARTBEAT, lambda _: "secret")


@pytest.mark.parametrize(
    ("kind", "head"),
    [
        ("orthanc", b""),
        ("orthanc", HTTP % 10**6),
        ("orthanc", b"HTTP/1.1 200 OK\r\nX: "),
        ("postgres", b"NS\0\0\xff\xff"),
    ],
)
@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # pg8000 leaves its socket to the collector
def test_an_answer_that_never_ends_is_given_up(kind: str, head: bytes) -> None:
    started = time.monotonic()
    with dripping(head) as port, pytest.raises(Unreachable, match=r"no whole answer within 0\.5 s"):
        beat(kind, port)
    assert time.monotonic() - started < 60, "dripping never ends"


@pytest.mark.parametrize(
    ("kind", "answer", "error"),
    [
        ("orthanc", HTTP % 900_000 + b"[" * 900_000, Unreachable),
        ("orthanc", HTTP % 2 + b"17", Unreachable),
        ("orthanc", HTTP % len(STRANGE) + STRANGE, NotFound),
        ("orthanc", b"\xff\xff\r\n\r\n", Unreachable),
        ("postgres", b"R\0\0\0\x08\0\0\0\x63", Unreachable),
        ("postgres", b"E\0\0\0\x08abcd", Unreachable),
        ("postgres", b"\xff" * 64, Unreachable),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # as above
def test_nonsense_is_told_and_no_fault_of_drp(kind: str, answer: bytes, error: type[Exception]) -> None:
    with saying(answer) as port, pytest.raises(error):
        beat(kind, port)
