"""Packets as they are captured: every protocol of IP, extension headers, fragments, and what nobody can read."""

from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drp.sandboxes.network.netns import Inside
from drp.sandboxes.network.packets import IPV4, IPV6, SYN, Packet, parse
from drp.sandboxes.network.recorder import EgressRecorder

PORTS = struct.pack("!HH", 1000, 514)


def v4(
    protocol: int, rest: bytes, *, place: int = 0, number: int = 7, options: bytes = b"", to: str = "10.0.0.2"
) -> bytes:
    size = 5 + len(options) // 4
    head = struct.pack("!BBHHHBBH", 0x40 | size, 0, size * 4 + len(rest), number, place, 64, protocol, 0)
    return head + socket.inet_aton("10.0.0.1") + socket.inet_aton(to) + options + rest


def v6(kind: int, rest: bytes) -> bytes:
    ends = socket.inet_pton(socket.AF_INET6, "2001:db8::1") + socket.inet_pton(socket.AF_INET6, "2001:db8::2")
    return struct.pack("!IHBB", 6 << 28, len(rest), kind, 64) + ends + rest


def seen(raw: bytes, ethertype: int = 0) -> Packet:
    packet = parse(raw, ethertype)
    assert packet is not None
    return packet


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x45",
        b"\x60" + bytes(20),
        b"\x45" + bytes(18),
        b"\x4f" + bytes(30),
        b"\x41" + bytes(40),
        b"\x30" + bytes(60),
    ],
)
def test_what_cannot_be_read_is_nothing(raw: bytes) -> None:
    assert parse(raw) is None


def test_what_claims_another_version_than_its_frame_is_nothing() -> None:
    assert parse(v4(17, PORTS), IPV6) is None
    assert parse(v4(17, PORTS), 0x0806) is None
    assert seen(v4(17, PORTS), IPV4).port == 514


@pytest.mark.parametrize(
    ("raw", "name", "port", "payload"),
    [
        (v4(17, PORTS + b"\0\x0c\0\0data"), "udp", 514, b"data"),
        (v4(17, PORTS + b"\0\x0c\0\0data", options=b"\x07\x07\x04\0\0\0\0\0"), "udp", 514, b"data"),
        (v4(136, PORTS + b"\0\x0c\0\0data"), "udplite", 514, b"data"),
        (v4(132, PORTS + b"init"), "sctp", 514, PORTS + b"init"),
        (v4(33, PORTS), "dccp", 514, PORTS),
        (v4(1, b"\x08\0\0\0\0\1\0\1x"), "icmp", 0, b"\x08\0\0\0\0\1\0\1x"),
        (v4(2, b"\x22"), "igmp", 0, b"\x22"),
        (v4(47, b"gre"), "gre", 0, b"gre"),
        (v4(50, b"esp"), "esp", 0, b"esp"),
        (v4(4, v4(6, PORTS)), "ipip", 0, v4(6, PORTS)),
        (v4(253, b"?"), "ip-253", 0, b"?"),
        (v4(6, PORTS), "tcp", 514, b""),
        (v4(132, b"x"), "sctp", 0, b"x"),
        (v6(58, b"\x80\0\0\0"), "icmpv6", 0, b"\x80\0\0\0"),
        (v6(0, bytes([60, 0]) + bytes(6) + bytes([17, 1]) + bytes(14) + PORTS + b"\0\x0c\0\0data"), "udp", 514, b"data"),
        (v6(43, bytes([51, 0]) + bytes(6) + bytes([132, 1]) + bytes(10) + PORTS), "sctp", 514, PORTS),
        (v6(44, struct.pack("!BBHI", 17, 0, 1, 9) + PORTS + b"\0\x0c\0\0data"), "udp", 514, b"data"),
        (v6(59, b""), "ip-59", 0, b""),
        (v6(0, b"".join(bytes([0, 0]) + bytes(6) for _ in range(20))), "ip-0", 0, bytes(8 * 4)),
    ],
)  # fmt: skip
def test_every_protocol_is_named_behind_whatever_headers(raw: bytes, name: str, port: int, payload: bytes) -> None:
    packet = seen(raw)
    assert (packet.name, packet.port, packet.payload) == (name, port, payload)


def test_a_header_that_is_cut_off_begins_a_conversation() -> None:
    assert seen(v4(6, PORTS)).flags & SYN
    assert not seen(v4(6, PORTS + bytes(9) + b"\x10" + bytes(6))).flags & SYN


@given(st.binary(max_size=200), st.sampled_from([0, IPV4, IPV6]))
def test_any_bytes_are_a_packet_or_nothing(raw: bytes, ethertype: int) -> None:
    packet = parse(raw, ethertype)
    if packet is not None:
        packet.quoted()


def attempts(*packets: bytes) -> list[tuple[str, str, int]]:
    recorder = EgressRecorder(Inside())
    for raw in packets:
        recorder._see(seen(raw))
    found = [(each.protocol, each.destination, each.port) for each in recorder.attempts()]
    recorder.close()
    return found


FIRST = v4(17, PORTS + b"\0\x0c\0\0data", place=0x2000)


def test_later_fragments_belong_to_the_first() -> None:
    assert attempts(FIRST, v4(17, b"more", place=1), v4(17, b"end", place=2)) == [("udp", "10.0.0.2", 514)]
    assert attempts(v4(17, b"more", place=1)) == [("udp", "10.0.0.2", 0)], "without a first one nobody knows the port"
    assert len(attempts(FIRST, v4(17, b"more", place=1, number=8))) == 2


def test_the_kernels_own_errors_about_what_was_seen_are_no_attempts() -> None:
    asked = v4(17, PORTS + b"\0\x0c\0\0data", to="10.0.0.1")
    refused = v4(1, b"\x03\x03\0\0\0\0\0\0" + asked[:28], to="10.0.0.1")
    assert attempts(asked, refused) == [("udp", "10.0.0.1", 514)]
    assert ("icmp", "10.0.0.1", 0) in attempts(refused), "an error about nothing is something that was sent"
    hidden = v4(1, b"\x03\x03\0\0\0\0\0\0" + v4(17, struct.pack("!HH", 9, 9), to="10.0.0.9"), to="10.0.0.1")
    assert ("icmp", "10.0.0.1", 0) in attempts(asked, hidden)


def test_an_echo_is_one_attempt_and_its_answer_none() -> None:
    asked = [v4(1, b"\x08\0\0\0\0\1\0" + bytes([number]), to="10.0.0.1") for number in range(3)]
    answered = [v4(1, b"\0\0\0\0\0\1\0" + bytes([number]), to="10.0.0.1") for number in range(3)]
    assert attempts(*asked, *answered) == [("icmp", "10.0.0.1", 0)]
