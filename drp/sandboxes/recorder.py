"""The egress recorder of a sandbox: every address of the world is its own loopback, and what is sent there is seen.

So restored software keeps its production addresses, finds what was restored beside it under them, and whatever else
it tries to reach is recorded and goes nowhere. Only destination, size and digest are kept. A port of ``sink_ports``
cannot be listened on by restored software itself: leave out what the application serves.
"""

from __future__ import annotations

import hashlib
import socket
import struct
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from drp.clock import utc_now
from drp.domain.sandbox import EgressAttempt
from drp.sandboxes.netns import Inside
from drp.sandboxes.sinks import Caught, Sink

_KEPT = 1000
_WAKE_SECONDS = 0.1
_SYN, _ACK = 0x02, 0x10
_TCP, _UDP = 6, 17


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """The first packet of a conversation, as captured."""

    protocol: int
    source: str
    source_port: int
    destination: str
    port: int
    flags: int
    payload: bytes


def parse(raw: bytes) -> Packet | None:
    """Return what an IP packet is; None for what is truncated or of another protocol."""
    try:
        if raw[0] >> 4 == 4:
            protocol, source, destination = raw[9], raw[12:16], raw[16:20]
            family, rest = socket.AF_INET, raw[(raw[0] & 15) * 4 :]
        else:
            protocol, source, destination = raw[6], raw[8:24], raw[24:40]
            family, rest = socket.AF_INET6, raw[40:]
        source_port, port = struct.unpack_from("!HH", rest)
        return Packet(
            protocol=protocol,
            source=socket.inet_ntop(family, source),
            source_port=source_port,
            destination=socket.inet_ntop(family, destination),
            port=port,
            flags=rest[13] if protocol == _TCP else 0,
            payload=rest[8:] if protocol == _UDP else b"",
        )
    except (IndexError, ValueError, struct.error):
        return None


class Recorder:
    """Keeps the attempts of one sandbox, at most a thousand different ones."""

    def __init__(self, inside: Inside) -> None:
        """Start listening on sockets made in the sandbox's network namespace."""
        self._inside = inside
        self._lock = threading.Lock()
        self._attempts: dict[tuple[str, str, int, str], EgressAttempt] = {}
        self._unkept = 0
        self._lately: deque[tuple[str, int]] = deque(maxlen=_KEPT)
        self._sinks = [Sink(listener, port, self._caught) for port, listener in inside.sinks.items()]
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._record, name="drp-egress", daemon=True)
        self._thread.start()

    def attempts(self) -> tuple[EgressAttempt, ...]:
        """Return the attempts so far, oldest first; last, when there were too many, one that stands for the others."""
        with self._lock:
            kept = tuple(sorted(self._attempts.values(), key=lambda each: each.at))
            if not self._unkept:
                return kept
            others = f"{self._unkept} further attempts that were not kept"
            return (*kept, EgressAttempt(at=utc_now(), protocol="tcp", destination=others, port=0))

    def saw(self, destination: str, port: int) -> bool:
        """Return whether an attempt to reach this destination was seen here lately."""
        with self._lock:
            return (destination, port) in self._lately

    @contextmanager
    def unrecorded(self) -> Iterator[None]:
        """See, but do not keep, what is attempted in the block: the isolation probe's attempts are no finding."""
        with self._lock:
            before, unkept = dict(self._attempts), self._unkept
        try:
            yield
        finally:
            with self._lock:
                self._attempts, self._unkept = before, unkept

    def close(self) -> None:
        """Stop; safe to call again."""
        self._closing.set()
        for each in self._inside.sinks.values():
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits on it; closing alone would not
        self._thread.join(1.0)
        self._inside.close()

    def _record(self) -> None:
        channel = self._inside.recorder
        if channel is None:
            return
        channel.settimeout(_WAKE_SECONDS)
        while not self._closing.is_set():
            try:
                packet = parse(channel.recv(65535))
            except TimeoutError:
                continue
            except OSError:
                return
            if packet is not None:
                self._see(packet)

    def _see(self, packet: Packet) -> None:
        if packet.protocol == _UDP:
            self._keep("udp", packet.destination, packet.port, len(packet.payload), _digest(packet.payload))
        elif packet.flags & (_SYN | _ACK) == _SYN:
            self._keep("tcp", packet.destination, packet.port, 0, "")
        elif packet.source_port not in self._inside.sinks:
            # answered by restored software under a production address: it found its neighbour, nothing left
            with self._lock:
                self._attempts.pop(("tcp", packet.source, packet.source_port, ""), None)

    def _caught(self, caught: Caught) -> None:
        if caught.payload_bytes and not _is_loopback(caught.destination):
            with self._lock:
                self._attempts.pop(("tcp", caught.destination, caught.port, ""), None)
            self._keep("tcp", caught.destination, caught.port, caught.payload_bytes, caught.payload_digest)

    def _keep(self, protocol: str, destination: str, port: int, size: int, digest: str) -> None:
        key = (protocol, destination, port, digest)
        with self._lock:
            self._lately.append((destination, port))
            if key in self._attempts:
                return
            if len(self._attempts) >= _KEPT:
                self._unkept += 1
            else:
                self._attempts[key] = EgressAttempt(
                    at=utc_now(),
                    protocol="udp" if protocol == "udp" else "tcp",
                    destination=destination,
                    port=port,
                    payload_bytes=size,
                    payload_digest=digest,
                )


def _digest(payload: bytes) -> str:
    return hashlib.sha256(payload).hexdigest() if payload else ""


def _is_loopback(address: str) -> bool:
    return address.startswith("127.") or address == "::1"
