"""The egress recorder of a sandbox: every address of the world is its own loopback, and what is sent there is seen.

So restored software keeps its production addresses, finds what was restored beside it under them, and whatever else
it tries to reach or to look up is recorded and goes nowhere, by every protocol that goes over IP. Only destination,
size and digest are kept. A port of ``sink_ports`` cannot be listened on by restored software itself: leave out what the
application serves.
"""

from __future__ import annotations

import hashlib
import ipaddress
import socket
import threading
from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from contextlib import suppress

from drp.clock import utc_now
from drp.domain.application import ProductionAddress
from drp.domain.phrase import say
from drp.domain.sandbox import EgressAttempt
from drp.domain.service_address import is_loopback
from drp.sandboxes.network.hearing import Hearing, packets
from drp.sandboxes.network.netns import Inside
from drp.sandboxes.network.packets import ACK, SYN, TCP, UDP, Packet, parse
from drp.sandboxes.network.resolver import Resolver
from drp.sandboxes.network.sinks import Caught, Sink

_KEPT = 1000
_DNS_PORT = 53
NAME = "name:"
"""What stands before a name where an address is expected: it was looked up, so there was nothing to connect to."""

UNREADABLE = "unreadable"
"""The protocol of a packet that nobody can read."""
ANY = "any"
"""The protocol of what stands for all the attempts that were not kept."""

_Key = tuple[str, str, int, str]
"""Protocol, destination, port, digest of what was sent."""
_Flow = tuple[int, tuple[str, int], tuple[str, int]]
"""Protocol, from, to."""


class EgressRecorder:
    """Keeps the attempts of one sandbox, at most a thousand different ones."""

    def __init__(self, inside: Inside) -> None:
        """Start listening on sockets made in the sandbox's network namespace."""
        self._inside = inside
        self._lock = threading.Lock()
        self._attempts: dict[_Key, EgressAttempt] = {}
        self._unkept = 0
        self._lately: deque[tuple[str, int]] = deque(maxlen=_KEPT)
        self._probed: set[tuple[str, int]] = set()
        self._declared: set[str] = set()
        self._delivered: set[_Key] = set()
        """Connections by which something came that was kept: none is a further attempt, whoever is heard first."""
        self._conversations: OrderedDict[_Flow, _Key] = OrderedDict()
        self._beginnings: OrderedDict[tuple[str, str, int], None] = OrderedDict()
        """Fragments whose first one was seen: from, to, number."""
        self._sinks = {
            port: Sink(listener, port, self._caught, self._is_inside) for port, listener in inside.sinks.items()
        }
        self._resolver = Resolver(inside.resolver, self._asked) if inside.resolver is not None else None
        self._hearing = Hearing(inside.recorder, packets(self._hear), who=say("the egress recorder of a sandbox"))

    def attempts(self) -> tuple[EgressAttempt, ...]:
        """Return the attempts so far, oldest first; last, when there were too many, one that stands for the others.

        Raises SandboxError when nobody listens any more: then what was sent since is not known.
        """
        self._hearing.catch_up()
        if self._resolver is not None:
            self._resolver.catch_up()
        with self._lock:
            self._unkept += self._hearing.overlooked()
            kept = tuple(sorted(self._attempts.values(), key=lambda each: each.at))
            if not self._unkept:
                return kept
            return (*kept, EgressAttempt(at=utc_now(), protocol=ANY, destination=str(self._unkept), port=0))

    def saw(self, destination: str, port: int) -> bool:
        """Return whether an attempt to reach this destination was seen here lately. Raises as ``attempts`` does."""
        self._hearing.catch_up()
        with self._lock:
            return (destination, port) in self._lately

    def busy_ports(self) -> frozenset[int]:
        """Return the ports that restored software listens on."""
        return self._inside.tables.listening() - frozenset(self._sinks)

    def disregard(self, destinations: Iterable[tuple[str, int]]) -> None:
        """Never keep attempts to reach these: the isolation probe's own, which draws them at random for each proof.

        What others attempt meanwhile is kept.
        """
        with self._lock:
            self._probed.update(destinations)

    def declare(self, addresses: Sequence[ProductionAddress]) -> None:
        """Hear where restored applications are in production: what goes there stays inside, and names lead there.

        Where none is declared, whatever is answered inside counts as a neighbour found.
        """
        names: dict[str, list[bytes]] = {}
        for each in addresses:
            for name in each.names:
                names.setdefault(name.lower(), []).append(ipaddress.ip_address(each.address).packed)
        with self._lock:
            self._declared.update(each.address for each in addresses)
        if self._resolver is not None:
            self._resolver.know(names)

    def name(self, hostname: str) -> None:
        """Take it as no attempt that a sandbox asks for its own name."""
        if self._resolver is not None:
            self._resolver.name(hostname)

    def leave(self, ports: Iterable[int]) -> None:
        """Stop answering on these ports: restored software serves them itself."""
        for port in ports:
            if self._sinks.pop(port, None) is not None:
                _shut(self._inside.sinks.pop(port))

    def close(self) -> None:
        """Stop; safe to call again."""
        self.leave(tuple(self._sinks))
        if self._inside.resolver is not None:
            _shut(self._inside.resolver)
        if self._resolver is not None:
            self._resolver.close()
        self._hearing.close()
        self._inside.close()

    def _hear(self, raw: bytes, _interface: str, ethertype: int) -> None:
        packet = parse(raw, ethertype)
        if packet is not None:
            self._see(packet)
        else:
            self._keep_unreadable(raw)

    def saw_leaving(self, raw: bytes, ethertype: int) -> None:
        """Hear of a packet that went past loopback, out by the sandbox's link, and to nobody in its pod."""
        packet = parse(raw, ethertype)
        if packet is None:
            self._keep_unreadable(raw)
            return
        digest = _digest(packet.payload)
        self._keep((packet.name, packet.destination, packet.port, ""), len(packet.payload), digest)

    def _see(self, packet: Packet) -> None:
        if packet.fragment is not None and self._goes_on(packet) and packet.later:
            return
        if packet.protocol == TCP and not packet.later:
            self._see_segment(packet)
        elif packet.protocol == UDP and not packet.later:
            self._see_datagram(packet)
        elif not self._answers(packet):
            # one attempt a destination, however often: not each of a thousand echo requests
            key = (packet.name, packet.destination, packet.port, "")
            self._remember(packet, key)
            self._keep(key, len(packet.payload), _digest(packet.payload))

    def _see_segment(self, packet: Packet) -> None:
        if packet.flags & (SYN | ACK) == SYN:
            self._keep(("tcp", packet.destination, packet.port, ""), 0)
        elif packet.source_port not in self._sinks:
            # answered by restored software under a production address: it found its neighbour, nothing left
            with self._lock:
                if not self._declared:
                    self._attempts.pop(("tcp", packet.source, packet.source_port, ""), None)

    def _see_datagram(self, packet: Packet) -> None:
        with self._lock:
            question = self._conversations.get((UDP, packet.receiver, packet.sender))
            if question is not None:  # an answer: to somebody who stands inside, from somebody who does
                if not self._declared:
                    self._attempts.pop(question, None)
                return
        key = ("udp", packet.destination, packet.port, _digest(packet.payload))
        self._remember(packet, key)
        if self._declared or not self._takes(packet):
            self._keep(key, len(packet.payload))

    def _remember(self, packet: Packet, key: _Key) -> None:
        with self._lock:
            self._conversations[packet.protocol, packet.sender, packet.receiver] = key
            while len(self._conversations) > _KEPT:
                self._conversations.popitem(last=False)

    def _answers(self, packet: Packet) -> bool:
        """Return whether the packet is the kernel's answer to one that was seen: an error about it, or an echo.

        Every address is local, so the kernel refuses or echoes under each: that says of nobody that he is there.
        """
        quoted = packet.quoted()
        with self._lock:
            if quoted is not None:
                return (quoted.protocol, quoted.sender, quoted.receiver) in self._conversations
            return (packet.protocol, packet.receiver, packet.sender) in self._conversations

    def _goes_on(self, packet: Packet) -> bool:
        """Return whether a fragment belongs to one whose beginning was seen, and told where it goes."""
        name = (packet.source, packet.destination, packet.fragment or 0)
        with self._lock:
            known = name in self._beginnings
            self._beginnings[name] = None
            while len(self._beginnings) > _KEPT:
                self._beginnings.popitem(last=False)
        return known

    def _takes(self, packet: Packet) -> bool:
        """Return whether restored software waits for the datagram."""
        family = socket.AF_INET6 if ":" in packet.destination else socket.AF_INET
        return self._inside.tables.takes_datagrams(socket.inet_pton(family, packet.destination), packet.port)

    def _is_inside(self, address: str) -> bool:
        """Return whether only restored software may answer there."""
        with self._lock:
            return address in self._declared or is_loopback(address)

    def _caught(self, caught: Caught) -> None:
        if caught.payload_bytes:
            connection = ("tcp", caught.destination, caught.port, "")
            with self._lock:
                self._attempts.pop(connection, None)
                if len(self._attempts) < _KEPT:
                    self._delivered.add(connection)
            self._keep(("tcp", caught.destination, caught.port, caught.payload_digest), caught.payload_bytes)

    def _asked(self, name: str) -> None:
        self._keep(("udp", f"{NAME}{name}", _DNS_PORT, ""), 0)

    def _keep_unreadable(self, raw: bytes) -> None:
        self._keep((UNREADABLE, "", 0, _digest(raw)), len(raw))

    def _keep(self, key: _Key, size: int, payload_digest: str = "") -> None:
        protocol, destination, port, digest = key
        with self._lock:
            self._lately.append((destination, port))
            told = key in self._attempts or key in self._delivered
            if told or destination in self._declared or (destination, port) in self._probed:
                return
            if len(self._attempts) >= _KEPT:
                self._unkept += 1
            else:
                self._attempts[key] = EgressAttempt(
                    at=utc_now(),
                    protocol=protocol,
                    destination=destination,
                    port=port,
                    payload_bytes=size,
                    payload_digest=digest or payload_digest,
                )


def _shut(channel: socket.socket) -> None:
    with suppress(OSError):
        channel.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits on it; closing alone would not
    channel.close()


def _digest(payload: bytes) -> str:
    return hashlib.sha256(payload).hexdigest() if payload else ""
