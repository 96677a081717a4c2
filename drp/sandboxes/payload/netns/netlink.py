"""Links, addresses, routes and rules of the network namespace that this thread is in: rtnetlink(7), without iproute2."""

from __future__ import annotations

import fcntl
import os
import socket
import struct

RTM_NEWLINK, RTM_DELLINK, RTM_SETLINK, RTM_NEWADDR, RTM_NEWROUTE, RTM_NEWRULE, RTM_DELRULE = 16, 17, 19, 20, 24, 32, 33
NLM_F_REQUEST, NLM_F_ACK, NLM_F_EXCL, NLM_F_CREATE = 1, 4, 0x200, 0x400
NEW = NLM_F_EXCL | NLM_F_CREATE
RT_TABLE_LOCAL, RTPROT_STATIC, RT_SCOPE_HOST, RT_SCOPE_LINK = 255, 4, 254, 253
RTN_UNICAST, RTN_LOCAL = 1, 2
IFA_F_NODAD, IFA_F_NOPREFIXROUTE = 2, 0x200
IFF_UP, IFF_RUNNING, IFF_NOARP = 1, 0x40, 0x80
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_LINKINFO, IFLA_AF_SPEC, IFLA_NET_NS_FD = 1, 3, 4, 18, 26, 28
IFLA_INFO_KIND, IFLA_INFO_DATA, VETH_INFO_PEER, IFLA_INET6_ADDR_GEN_MODE = 1, 2, 1, 8
FRA_DST, FRA_SRC, FRA_IIFNAME, FRA_GOTO, FRA_PRIORITY, FRA_IP_PROTO, FRA_DPORT_RANGE = 1, 2, 3, 4, 6, 22, 24
TO_TABLE, GO_TO, NOTHING_YET, BLACKHOLE = 1, 2, 3, 6
LOOPBACK_INDEX = 1
SIOCSIFFLAGS = 0x8914
EEXIST, ENODEV = 17, 19
FAMILIES = (socket.AF_INET, socket.AF_INET6)
_NESTED = 0x8000


def netlink(kind: int, body: bytes, flags: int = NEW, *, may_exist: bool = True) -> None:
    request = struct.pack("IHHII", 16 + len(body), kind, NLM_F_REQUEST | NLM_F_ACK | flags, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as channel:
        channel.send(request + body)
        error = -struct.unpack("i", channel.recv(4096)[16:20])[0]
    if error and not (may_exist and error == EEXIST):
        raise OSError(error, os.strerror(error))


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def number(value: int) -> bytes:
    return struct.pack("I", value)


def packed(address: str) -> tuple[int, bytes]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return family, socket.inet_pton(family, address)


def of_family(family: int, addresses: list[str]) -> list[str]:
    return [address for address in addresses if (":" in address) == (family == socket.AF_INET6)]


def knows(family: int) -> bool:
    """Whether this kernel speaks the family: IPv6 may be switched off."""
    return family == socket.AF_INET or os.path.exists("/proc/thread-self/net/if_inet6")


def loopback_up() -> None:
    with socket.socket() as channel:
        fcntl.ioctl(channel, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP | IFF_RUNNING))


def add_address(address: str, interface: int = LOOPBACK_INDEX) -> None:
    """ip address add ADDRESS dev INTERFACE nodad noprefixroute"""
    family, raw = packed(address)
    body = struct.pack("BBBBI", family, len(raw) * 8, IFA_F_NODAD, 0, interface)
    flags = attribute(8, number(IFA_F_NODAD | IFA_F_NOPREFIXROUTE))
    netlink(RTM_NEWADDR, body + attribute(2, raw) + attribute(1, raw) + flags)


def every_address_is_local() -> None:
    """ip route add local default dev lo: every address of the world is here, and nowhere else."""
    for family, scope in ((socket.AF_INET, RT_SCOPE_HOST), (socket.AF_INET6, 0)):
        body = struct.pack("BBBBBBBBI", family, 0, 0, 0, RT_TABLE_LOCAL, RTPROT_STATIC, scope, RTN_LOCAL, 0)
        try:
            netlink(RTM_NEWROUTE, body + attribute(4, number(LOOPBACK_INDEX)))
        except OSError:
            if family == socket.AF_INET:
                raise


def _route(address: str, interface: int, kind: int, scope: int, bits: int = 0) -> bytes:
    family, raw = packed(address)
    scope = scope if family == socket.AF_INET else 0
    bits = bits or len(raw) * 8
    head = struct.pack("BBBBBBBBI", family, bits, 0, 0, RT_TABLE_LOCAL, RTPROT_STATIC, scope, kind, 0)
    return head + attribute(1, raw) + attribute(4, number(interface))


def add_route(address: str, interface: int, metric: int, source: str = "") -> None:
    """ip route add ADDRESS dev INTERFACE table local metric METRIC [src SOURCE]"""
    body = _route(address, interface, RTN_UNICAST, RT_SCOPE_LINK) + attribute(6, number(metric))
    body += attribute(7, packed(source)[1]) if source else b""
    netlink(RTM_NEWROUTE, body, may_exist=False)  # one that is there already would lead elsewhere


def add_local(address: str, metric: int, bits: int = 0) -> None:
    """ip route add local ADDRESS[/BITS] dev lo table local metric METRIC"""
    route = _route(address, LOOPBACK_INDEX, RTN_LOCAL, RT_SCOPE_HOST, bits)
    netlink(RTM_NEWROUTE, route + attribute(6, number(metric)))


def add_pair(name: str, peer: str, peer_network: int, hardware: bytes, mtu: int) -> None:
    """ip link add NAME type veth peer name PEER netns PEER_NETWORK, both with one hardware address"""
    head = struct.pack("BxHiII", 0, 0, 0, 0, 0)
    common = attribute(IFLA_ADDRESS, hardware) + attribute(IFLA_MTU, number(mtu))
    there = head + attribute(IFLA_IFNAME, peer.encode() + b"\0") + common
    there += attribute(IFLA_NET_NS_FD, number(peer_network))
    kind = attribute(IFLA_INFO_KIND, b"veth")
    kind += attribute(IFLA_INFO_DATA | _NESTED, attribute(VETH_INFO_PEER | _NESTED, there))
    here = head + attribute(IFLA_IFNAME, name.encode() + b"\0") + common
    netlink(RTM_NEWLINK, here + attribute(IFLA_LINKINFO | _NESTED, kind))


def link_up(interface: int) -> None:
    """ip link set INTERFACE up arp off addrgenmode none"""
    head = struct.pack("BxHiII", 0, 0, interface, 0, 0)
    if knows(socket.AF_INET6):
        mode = attribute(socket.AF_INET6 | _NESTED, attribute(IFLA_INET6_ADDR_GEN_MODE, b"\x01"))
        netlink(RTM_SETLINK, head + attribute(IFLA_AF_SPEC | _NESTED, mode), 0)
    netlink(RTM_SETLINK, struct.pack("BxHiII", 0, 0, interface, IFF_UP | IFF_NOARP, IFF_UP | IFF_NOARP), 0)


def link_down(interface: int) -> None:
    """ip link set INTERFACE down"""
    netlink(RTM_SETLINK, struct.pack("BxHiII", 0, 0, interface, 0, IFF_UP), 0)


def drop_link(name: str) -> None:
    """ip link delete NAME, unless it is gone; nothing leads there any more when this returns"""
    try:
        netlink(RTM_DELLINK, struct.pack("BxHiII", 0, 0, 0, 0, 0) + attribute(IFLA_IFNAME, name.encode() + b"\0"), 0)
    except OSError as error:
        if error.errno != ENODEV:
            raise


def drop_rule(family: int, priority: int) -> None:
    """ip rule del priority PRIORITY"""
    netlink(
        RTM_DELRULE,
        struct.pack("BBBBBBBBI", family, 0, 0, 0, 0, 0, 0, 0, 0) + attribute(FRA_PRIORITY, number(priority)),
        0,
    )


def add_rule(family: int, priority: int, action: int, **match: bytes) -> None:
    """ip rule add priority PRIORITY [from SOURCE] [to DESTINATION/BITS] [iif LINK] … lookup local, goto or blackhole"""
    source, destination = match.get("source", b""), match.get("destination", b"")
    bits = match.get("bits", bytes([len(destination) * 8]))[0]
    table = RT_TABLE_LOCAL if action == TO_TABLE else 0
    body = struct.pack("BBBBBBBBI", family, bits, len(source) * 8, 0, table, 0, 0, action, 0)
    body += attribute(FRA_PRIORITY, number(priority))
    for name, which in (
        ("source", FRA_SRC), ("destination", FRA_DST), ("link", FRA_IIFNAME), ("protocol", FRA_IP_PROTO),
        ("ports", FRA_DPORT_RANGE), ("target", FRA_GOTO),
    ):  # fmt: skip
        if name in match:
            body += attribute(which, match[name])
    netlink(RTM_NEWRULE, body)
