"""The ``hl7`` verifier against odd but legal interfaces, which pass or are undetermined, and broken ones, which fail."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from drp.domain.check import CheckResult, Expectation
from drp_verifiers.hl7 import Hl7Options, Hl7Verifier
from tests.simulators.target import LocalTarget

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
EXPECTATION = Expectation(disaster_at=NOW, consistent_at=NOW, timeout_seconds=30)
HEAD = b"MSH|^~\\&|I|H|HIS|HOSPITAL|20261121||ACK|1|P|2.5.1"
SOUND: dict[str, tuple[bytes, ...]] = {
    "one byte at a time": tuple(bytes([byte]) for byte in b"\x0b" + HEAD + b"\rMSA|AA|{c}|\r\x1c\r"),
    "lines end with CR LF": (b"\x0b" + HEAD + b"\r\nMSA|AA|{c}|\r\n\x1c\r\n",),
    "lines end with LF": (b"\x0b" + HEAD + b"\nMSA|AA|{c}|\n\x1c\r",),
    "no CR behind the frame": (b"\x0b" + HEAD + b"\rMSA|AA|{c}\x1c",),
    "commit, then application": (b"\x0b" + HEAD + b"\rMSA|CA|{c}\r\x1c\r", b"\x0b" + HEAD + b"\rMSA|AA|{c}\r\x1c\r"),
    "of another message first": (b"\x0b" + HEAD + b"\rMSA|AA|OLD\r\x1c\r\x0b" + HEAD + b"\rMSA|AA|{c}\r\x1c\r",),
    "two messages in a frame": (b"\x0b" + HEAD + b"\rMSA|AA|OLD\r" + HEAD + b"\rMSA|AA|{c}\r\x1c\r",),
    "spaces around the control id": (b"\x0b" + HEAD + b"\rMSA|AA | {c} |\r\x1c\r",),
    "an ERR with a warning": (b"\x0b" + HEAD + b"\rMSA|AA|{c}\rERR||PID^1|0^Message accepted^HL70357|W\r\x1c\r",),
    "segments before MSA": (b"\x0b" + HEAD + b"\rSFT|X|1\rUAC|JWT\rMSA|AA|{c}\r\x1c\r",),
    "other separators": (b"\x0bMSH#*~\\&#I#H#D#D#20261121##ACK#1#P#2.5.1\rMSA#AA#{c}#fine\r\x1c\r",),
    "Latin 1": (b"\x0b" + HEAD + b"||||||8859/1\rMSA|AA|{c}|re\xe7u\r\x1c\r",),
    "line ends before the frame": (b"\r\n\x0b" + HEAD + b"\rMSA|AA|{c}\r\x1c\r",),
    "a frame without message first": (b"\x0b" + HEAD + b"\rEVN|\r\x1c\r\x0b" + HEAD + b"\rMSA|AA|{c}\r\x1c\r",),
}
BROKEN: dict[str, tuple[tuple[bytes, ...], str]] = {
    "an error": ((b"\x0b" + HEAD + b"\rMSA|AE|{c}|queue is full\rERR||||E\r\x1c\r",), "AE queue is full"),
    "a rejection": ((b"\x0b" + HEAD + b"\rMSA|CR|{c}\r\x1c\r",), "CR"),
    "a frame that breaks off": ((b"\x0b" + HEAD + b"\rMSA|AA|{c}",), "not framed"),
    "no frame": ((b"HTTP/1.1 400 Bad Request\r\n\r\n",), "not framed"),
    "no message": ((b"\x0b\x1c\r",), "no message header"),
    "no MSA": ((b"\x0b" + HEAD + b"\rMSAX|AA|{c}\r\x1c\r",), "no MSA"),
}


@contextmanager
def answering(parts: tuple[bytes, ...], *, stays: bool = False) -> Iterator[int]:
    """Take one message, answer it with these parts, and close unless it stays until the test is over."""
    done = threading.Event()

    def serve(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        with peer:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            message = b""
            while not message.endswith(b"\x1c\r"):
                message += peer.recv(4096)
            control = message.split(b"\r")[0].split(b"|")[9]
            whole = b"".join(parts).replace(b"{c}", control)
            size = 1 if len(parts) > 9 else max(len(whole), 1)
            for first in range(0, len(whole), size):
                peer.sendall(whole[first : first + size])
            if stays:
                done.wait(30)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            done.set()
            thread.join()


def send(port: int, seconds: float = 10) -> dict[str, CheckResult]:
    results = Hl7Verifier().verify(LocalTarget(), Hl7Options(port=port, seconds=seconds), EXPECTATION)
    return {result.check: result for result in results}


@pytest.mark.parametrize("name", SOUND)
def test_an_odd_but_legal_acknowledgement_passes(name: str) -> None:
    with answering(SOUND[name], stays=True) as port:
        results = send(port)
    assert {each.outcome for each in results.values()} == {"passed"}, results
    if name == "Latin 1":
        assert results["acknowledged"].observed == "AA reçu"


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_acknowledgement_fails(name: str) -> None:
    parts, said = BROKEN[name]
    with answering(parts) as port:
        result = send(port)["acknowledged"]
    assert (result.outcome, said in result.observed) == ("failed", True), result.observed


def test_an_interface_that_does_not_answer_in_time_is_not_called_broken() -> None:
    with answering((), stays=True) as port:
        results = send(port, 0.3)
    assert {each.outcome for each in results.values()} == {"undetermined"}
    assert results["control-id"].because == "acknowledged"
