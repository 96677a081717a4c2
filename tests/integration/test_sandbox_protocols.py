"""Whatever goes over IP and leaves is recorded, by whatever protocol; what a sandbox may not send, it cannot."""

from __future__ import annotations

import subprocess
import sys

import pytest

from drp.domain.sandbox import SandboxHandle
from drp.sandboxes.network import netns
from drp.sandboxes.network.recorder import EgressRecorder
from tests.support.fixtures_sandboxes import Rig

pytestmark = pytest.mark.real

SEND = r"""
import ctypes, os, socket, struct, sys
os.setns = getattr(os, "setns", None) or ctypes.CDLL(None, use_errno=True).setns
os.setns(int(sys.argv[1]), 0x40000000)
I4, I6, RAW = socket.AF_INET, socket.AF_INET6, socket.SOCK_RAW
def raw(family, protocol, to, data):
    with socket.socket(family, RAW, protocol) as peer:
        peer.sendto(data, (to, 0))
def whole(to, protocol, data, number=1, place=0):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(data), number, place, 64, protocol, 0, socket.inet_aton(to), socket.inet_aton(to))
    with socket.socket(I4, RAW, 255) as peer:
        peer.sendto(head + data, (to, 0))
def whole6(to, kind, data):
    address = socket.inet_pton(I6, to)
    with socket.socket(I6, RAW, 255) as peer:
        peer.setsockopt(41, 36, 1)  # IPV6_HDRINCL
        peer.sendto(struct.pack("!IHBB", 6 << 28, len(data), kind, 64) + address + address + data, (to, 0))
ports = struct.pack("!HH", 1234, 443)
for number in range(3):
    raw(I4, 1, "10.1.0.1", b"\x08\0" + struct.pack("!HHH", 0xf7fd - number, 1, 1 + number))
raw(I6, 58, "2001:db8::1", b"\x80\0\0\0\0\1\0\1")
for protocol in (4, 47, 50, 89, 253):
    raw(I4, protocol, "10.1.0.2", b"tunnelled")
raw(I4, 132, "10.1.0.3", ports + bytes(8))
raw(I6, 50, "2001:db8::2", b"tunnelled")
whole("10.1.0.4", 17, struct.pack("!HHHH", 1, 514, 24, 0) + b"12345678", place=0x2000)
whole("10.1.0.4", 17, b"12345678", place=2)
whole("10.1.0.5", 17, b"12345678", number=9, place=2)
whole6("2001:db8::3", 0, bytes([60, 0, 1, 4, 0, 0, 0, 0]) + bytes([6, 0, 1, 4, 0, 0, 0, 0]) + ports + bytes(8) + b"\x50\x02" + bytes(6))
whole6("2001:db8::4", 60, bytes([6, 0, 1, 4, 0, 0, 0, 0]) + ports + bytes(8) + b"\x50\x10" + bytes(6))
whole6("2001:db8::5", 0, bytes([60, 200]))
def udp(family, to, port, proto=0, **options):
    with socket.socket(family, socket.SOCK_DGRAM, proto) as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        peer.sendto(b"data", (to, port))
udp(I4, "10.1.0.6", 514); udp(I4, "10.1.0.7", 514, 136); udp(I6, "2001:db8::6", 514, 136)
udp(I4, "239.1.2.3", 5353); udp(I4, "255.255.255.255", 67); udp(I6, "ff02::fb", 5353)
udp(I4, "127.0.0.1", 9); udp(I6, "::1", 9); raw(I4, 1, "127.0.0.9", b"\x08\0\xf7\xfd\0\1\0\1"); raw(I6, 50, "::1", b"x")
with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as peer:
    peer.sendto(b"neither", ("lo", 0x88B5)); peer.sendto(b"\x45", ("lo", 0x0800))
udp(I4, "10.1.0.99", 99)
"""
RECORDED = {
    ("icmp", "10.1.0.1", 0), ("icmpv6", "2001:db8::1", 0),
    ("ipip", "10.1.0.2", 0), ("gre", "10.1.0.2", 0), ("esp", "10.1.0.2", 0), ("ospf", "10.1.0.2", 0), ("ip-253", "10.1.0.2", 0),
    ("sctp", "10.1.0.3", 443), ("esp", "2001:db8::2", 0), ("udp", "10.1.0.4", 514), ("udp", "10.1.0.5", 0),
    ("tcp", "2001:db8::3", 443), ("unreadable", "", 0),
    ("udp", "10.1.0.6", 514), ("udplite", "10.1.0.7", 514), ("udplite", "2001:db8::6", 514),
    ("udp", "239.1.2.3", 5353), ("udp", "255.255.255.255", 67), ("udp", "ff02::fb", 5353), ("udp", "10.1.0.99", 99),
}  # fmt: skip


def test_every_protocol_that_leaves_is_recorded() -> None:
    """Sent by somebody with every right, into a network as a sandbox has it; its kernel's own noise is left out."""
    inside = netns.create(netns.SANDBOX)
    recorder = EgressRecorder(inside)
    try:
        (namespace,) = inside.namespace
        done = subprocess.run(
            [sys.executable, "-c", SEND, str(namespace)], pass_fds=[namespace], capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found = recorder.attempts()
    finally:
        recorder.close()
    assert {(each.protocol, each.destination, each.port) for each in found} == RECORDED
    assert len(found) == len(RECORDED) + 2, "three packets that cannot be read, told apart by their digests"
    assert all(each.payload_digest for each in found if each.protocol not in {"tcp"})


UNPRIVILEGED = r"""
import socket
for family, kind, protocol in ((2, 3, 1), (2, 3, 255), (2, 3, 47), (10, 3, 58), (17, 3, 3), (2, 2, 1), (10, 2, 58)):
    try:
        socket.socket(family, kind, protocol)
        print("open", family, kind, protocol)
    except OSError as error:
        pass
for family, to in ((2, "10.1.0.7"), (10, "2001:db8::6")):
    socket.socket(family, socket.SOCK_DGRAM, 136).sendto(b"data", (to, 514))
for family, to, port in ((2, "239.1.2.3", 5353), (10, "ff02::fb", 5353), (2, "10.1.0.99", 99)):
    socket.socket(family, socket.SOCK_DGRAM).sendto(b"data", (to, port))
"""


@pytest.mark.parametrize("identity", ["single", "range"])
def test_what_restored_software_can_send_is_recorded_and_raw_sockets_it_has_none(identity: str, rig: Rig) -> None:
    handle: SandboxHandle = rig.open(identity=identity)
    assert rig.driver.egress(handle) == ()
    ended = rig.driver.target(handle).run(["/usr/bin/python3", "-c", UNPRIVILEGED])
    assert (ended.exit_code, ended.stdout) == (0, b""), ended.stderr
    assert {(each.protocol, each.destination, each.port) for each in rig.driver.egress(handle)} == {
        ("udplite", "10.1.0.7", 514), ("udplite", "2001:db8::6", 514), ("udp", "10.1.0.99", 99),
        ("udp", "239.1.2.3", 5353), ("udp", "ff02::fb", 5353),
    }  # fmt: skip
