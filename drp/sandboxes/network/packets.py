"""Packets as an egress recorder captures them: who sends what to whom, whatever the protocol, or that nobody can tell.

IPv4 is RFC 791, IPv6 with its extension headers RFC 8200, the errors that quote a packet RFC 792 and RFC 4443.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

from drp.domain.phrase import say

IPV4, IPV6 = 0x0800, 0x86DD
TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58
SYN, ACK = 0x02, 0x10
_UDP_LITE = 136
_WITH_PORTS = {TCP, UDP, 33, 132, _UDP_LITE}
_NAMES = {
    1: "icmp", 2: "igmp", 4: "ipip", 6: "tcp", 17: "udp", 33: "dccp", 41: "ipv6", 46: "rsvp", 47: "gre", 50: "esp",
    51: "ah", 58: "icmpv6", 88: "eigrp", 89: "ospf", 103: "pim", 112: "vrrp", 115: "l2tp", 132: "sctp", 136: "udplite",
}  # fmt: skip
_EXTENSIONS = {0, 43, 44, 51, 60, 135, 139, 140}
"""Hop-by-hop, routing, fragment, authentication, destination options, mobility, HIP, Shim6."""
_FRAGMENT, _AUTHENTICATION = 44, 51
_MOST_EXTENSIONS = 16
_ERRORS = {ICMP: {3, 4, 5, 11, 12}, ICMP6: {1, 2, 3, 4}}
_TCP_FLAGS = 13
_ICMP_HEADER = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """One packet: of TCP and UDP the first of a conversation, of other protocols any."""

    protocol: int
    """As the Internet Assigned Numbers Authority counts them."""
    source: str
    source_port: int
    destination: str
    port: int
    flags: int
    payload: bytes
    fragment: int | None = None
    """The number by which later fragments belong to the first one; None: it is whole."""
    later: bool = False
    """It is a fragment without the beginning, which has the ports."""

    @property
    def name(self) -> str:
        """Return the protocol's name, or ``ip-`` and its number."""
        return _NAMES.get(self.protocol, f"ip-{self.protocol}")

    @property
    def sender(self) -> tuple[str, int]:
        """Return address and port that it comes from."""
        return self.source, self.source_port

    @property
    def receiver(self) -> tuple[str, int]:
        """Return address and port that it goes to."""
        return self.destination, self.port

    def quoted(self) -> Packet | None:
        """Return the packet that an error is about, None for what is no error."""
        if not self.payload or self.payload[0] not in _ERRORS.get(self.protocol, ()):
            return None
        return parse(self.payload[_ICMP_HEADER:], IPV4 if self.protocol == ICMP else IPV6)


def parse(raw: bytes, ethertype: int = 0) -> Packet | None:
    """Return what a packet is; None for what cannot be read. Without ``ethertype`` its version says what it is."""
    version = raw[0] >> 4 if raw else 0
    if ethertype not in {0, IPV4 if version == 4 else IPV6}:
        return None
    try:
        if version == 4:
            return _version_4(raw)
        return _version_6(raw) if version == 6 else None
    except (IndexError, ValueError, struct.error):
        return None


def _version_4(raw: bytes) -> Packet:
    size = (raw[0] & 15) * 4
    if not 20 <= size <= len(raw):
        raise ValueError(say("its header is cut off"))
    number, place = struct.unpack_from("!HH", raw, 4)
    split = bool(place & 0x3FFF)
    addresses = socket.inet_ntop(socket.AF_INET, raw[12:16]), socket.inet_ntop(socket.AF_INET, raw[16:20])
    return _packet(raw[9], addresses, raw[size:], number if split else None, later=bool(place & 0x1FFF))


def _version_6(raw: bytes) -> Packet:
    addresses = socket.inet_ntop(socket.AF_INET6, raw[8:24]), socket.inet_ntop(socket.AF_INET6, raw[24:40])
    kind, at, fragment, later = raw[6], 40, None, False
    for _ in range(_MOST_EXTENSIONS):
        if kind not in _EXTENSIONS or later:
            break
        following, length = raw[at], raw[at + 1]
        if kind == _FRAGMENT:
            place, fragment = struct.unpack_from("!HI", raw, at + 2)
            later, length = bool(place & 0xFFF8), 0
        at += (length + 2) * 4 if kind == _AUTHENTICATION else (length + 1) * 8
        kind = following
    return _packet(kind, addresses, raw[at:], fragment, later=later)


def _packet(protocol: int, addresses: tuple[str, str], rest: bytes, fragment: int | None, *, later: bool) -> Packet:
    ports = struct.unpack_from("!HH", rest) if protocol in _WITH_PORTS and not later and len(rest) >= 4 else (0, 0)
    # a header that ends before its flags begins a conversation as far as anybody can tell
    flags = rest[_TCP_FLAGS] if protocol == TCP and not later and len(rest) > _TCP_FLAGS else SYN
    return Packet(
        protocol=protocol,
        source=addresses[0],
        source_port=ports[0],
        destination=addresses[1],
        port=ports[1],
        flags=flags if protocol == TCP else 0,
        payload=b"" if protocol == TCP else rest[8:] if protocol in {UDP, _UDP_LITE} and not later else rest,
        fragment=fragment,
        later=later,
    )
