"""Answers what restored software sends as production would, just enough to catch the message: HL7 over MLLP, SMTP.

Every byte is hostile: no message is parsed beyond its framing, everything is bounded, and only a digest is kept.
"""

from __future__ import annotations

import hashlib
import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from drp.clock import utc_now

_CONNECTIONS = 32
_CONNECTION_SECONDS = 30.0
_SILENCE_SECONDS = 5.0
_PAYLOAD_LIMIT = 4 << 20
_LINE_LIMIT = 4096
_START, _END = b"\x0b", b"\x1c\x0d"
_PLAIN = re.compile(rb"[A-Za-z0-9 ._^-]{0,64}")
_CONTROL_ID = re.compile(rb"^MSH(.)(?:[^\r]*?\1){8}([A-Za-z0-9._-]{1,64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caught:
    """What one connection sent."""

    destination: str
    port: int
    payload_bytes: int
    payload_digest: str
    """SHA-256, hex; empty when nothing was sent."""


OnCaught = Callable[[Caught], None]


class Sink:
    """Listens on one port for as long as its socket is open."""

    def __init__(
        self,
        listener: socket.socket,
        port: int,
        on_caught: OnCaught,
        is_inside: Callable[[str], bool] = lambda _address: False,
    ) -> None:
        """Take over a listening socket that belongs to the sandbox's network namespace.

        At an address that ``is_inside`` nobody answers: the message is for restored software, and a check that asks
        there must not take us for it.
        """
        self._listener, self._port, self._on_caught, self._is_inside = listener, port, on_caught, is_inside
        self._free = threading.BoundedSemaphore(_CONNECTIONS)
        threading.Thread(target=self._accept, name=f"drp-sink-{port}", daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            if self._free.acquire(blocking=False):
                threading.Thread(target=self._serve, args=(peer,), daemon=True).start()
            else:
                peer.close()

    def _serve(self, peer: socket.socket) -> None:
        conversation = Conversation(peer)
        destination = ""
        try:
            with peer:
                address = peer.getsockname()[0].removeprefix("::ffff:")
                if self._is_inside(address):
                    return
                destination = address
                peer.settimeout(_SILENCE_SECONDS)
                if self._port in {25, 465, 587}:
                    conversation.smtp()
                else:
                    conversation.mllp()
        except OSError:
            pass
        finally:
            self._free.release()
            if destination:
                self._on_caught(conversation.caught(destination, self._port))


class Conversation:
    """One connection: what it sent so far, and the rest of the line that is being read."""

    def __init__(self, peer: socket.socket) -> None:
        """Speak with ``peer``, which has a time limit of its own for each read."""
        self._peer = peer
        self._digest = hashlib.sha256()
        self._size = 0
        self._rest = b""
        self._deadline = time.monotonic() + _CONNECTION_SECONDS

    def caught(self, destination: str, port: int) -> Caught:
        """Return what this connection sent."""
        return Caught(
            destination=destination,
            port=port,
            payload_bytes=self._size,
            payload_digest=self._digest.hexdigest() if self._size else "",
        )

    def _read(self, pending: int = 0) -> bytes:
        if time.monotonic() > self._deadline or self._size + pending > _PAYLOAD_LIMIT:
            return b""
        try:
            return self._peer.recv(65536)
        except TimeoutError:
            return b""

    def _keep(self, payload: bytes) -> None:
        self._digest.update(payload)
        self._size += len(payload)

    def mllp(self) -> None:
        """Acknowledge each framed message (HL7 v2 enhanced: AA); keep whatever else comes as it is."""
        pending = bytearray()
        while data := self._read(len(pending)):
            pending += data
            while (end := pending.find(_END)) >= 0:
                message = bytes(pending[:end]).removeprefix(_START)
                del pending[: end + len(_END)]
                self._keep(message)
                self._peer.sendall(_START + acknowledgement(message[:_LINE_LIMIT]) + _END)
        self._keep(bytes(pending).removeprefix(_START))

    def smtp(self) -> None:
        """Take a mail: the data of each message is the payload (RFC 5321, no extensions)."""
        self._peer.sendall(b"220 mail ESMTP\r\n")
        while (line := self._line()) is not None:
            verb = line[:4].upper()
            if verb == b"DATA":
                self._peer.sendall(b"354 go ahead\r\n")
                while (part := self._line()) is not None and part != b".":
                    self._keep(part + b"\r\n")
                self._peer.sendall(b"250 taken\r\n")
            elif verb == b"QUIT":
                self._peer.sendall(b"221 bye\r\n")
                return
            else:
                self._peer.sendall(b"250 mail\r\n")

    def _line(self) -> bytes | None:
        while b"\n" not in self._rest and len(self._rest) < _LINE_LIMIT:
            data = self._read()
            if not data:
                return None
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line.rstrip(b"\r")


def acknowledgement(head: bytes) -> bytes:
    """Return an AA for the message that begins with ``head``, as the one that it was meant for would make it.

    Control id (MSH-10), sender and receiver (MSH-3 to 6) are echoed as far as they are plain; HL7 v2.5.1 §2.14.9.
    """
    found = _CONTROL_ID.match(head)
    control = found.group(2) if found else b"0"
    fields = head.partition(b"\r")[0].split(found.group(1))[2:6] if found else []
    names = [field if _PLAIN.fullmatch(field) else b"" for field in fields] or [b""] * 4
    header = b"|".join(
        [*names[2:], *names[:2], f"{utc_now():%Y%m%d%H%M%S}".encode(), b"", b"ACK", control, b"P", b"2.5"]
    )
    return b"MSH|^~\\&|" + header + b"\rMSA|AA|" + control + b"\r"
