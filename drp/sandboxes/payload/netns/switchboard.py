"""A pod's network: a hub that hands packets from one member to another, and the link of each member to it.

Nothing but the kernel forwards. The hub has no address and no listening socket; it takes from a link only what comes
from an address of that member (``ip rule``, which holds for IPv6 too, and strict reverse path), and knows no way but to
members. Where an address's application is not up, the hub itself refuses, at once, as that application's host would.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from typing import Any

from . import LENT, LINK, netlink

CLONE_NEWNET = 0x40000000
MTU = 65535
HARDWARE = b"\x02\0\0\0\0\1"
"""Of both ends: without address resolution each sends to its own."""
MEMBER_METRIC, ABSENT_METRIC = 100, 2000
EPHEMERAL = (32768, 60999)
OWN, TO_LENT, NOT_TO_LENT, FROM_MEMBER, NOTHING = 100, 200, 290, 300, 400
"""Priorities of rules: what the hub itself answers, answers to lent addresses, other packets to them, what comes from a
member's own address, all else."""
_HUB = {
    "ipv4/ip_forward": "1", "ipv4/conf/all/rp_filter": "1", "ipv4/conf/default/rp_filter": "1",
    "ipv4/conf/all/send_redirects": "0", "ipv4/conf/default/send_redirects": "0", "ipv6/conf/all/forwarding": "1",
}  # fmt: skip
_BOTH = {
    "ipv4/conf/all/route_localnet": "0", "ipv4/conf/default/route_localnet": "0",
    "ipv4/conf/all/accept_local": "0", "ipv4/conf/default/accept_local": "0",
    "ipv4/conf/all/accept_source_route": "0", "ipv6/conf/all/accept_source_route": "0",
    "ipv6/conf/all/accept_ra": "0", "ipv6/conf/default/accept_ra": "0",
}  # fmt: skip


def enter(network: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(network, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "entering a network namespace")


def _set(values: dict[str, str]) -> None:
    """Set what new namespaces may have taken over from the host, such as a router's settings."""
    for name, value in values.items():
        path = "/proc/sys/net/" + name
        if not os.path.exists(path):  # no IPv6
            continue
        with open(path, "w") as setting:
            setting.write(value)


def make_hub(addresses: list[str]) -> None:
    """Furnish the namespace that this thread is in, for a pod in which these addresses are declared."""
    _set({**_HUB, **_BOTH})
    for family in filter(netlink.knows, netlink.FAMILIES):
        netlink.add_rule(family, OWN, netlink.TO_TABLE, link=b"lo\0")
        lent, bits = LENT[family]
        to_lent = {"destination": socket.inet_pton(family, lent), "bits": bytes([bits])}
        errors = socket.IPPROTO_ICMP if family == socket.AF_INET else socket.IPPROTO_ICMPV6
        target = netlink.number(FROM_MEMBER)
        netlink.add_rule(family, FROM_MEMBER, netlink.NOTHING_YET)
        for priority, protocol in enumerate((socket.IPPROTO_TCP, socket.IPPROTO_UDP, errors), start=TO_LENT):
            more = {"ports": struct.pack("HH", *EPHEMERAL)} if protocol != errors else {}
            netlink.add_rule(
                family, priority, netlink.GO_TO, protocol=bytes([protocol]), target=target, **to_lent, **more
            )
        netlink.add_rule(family, NOT_TO_LENT, netlink.BLACKHOLE, **to_lent)
        netlink.add_rule(family, NOTHING, netlink.BLACKHOLE)
        for priority in (0, 32766, *([32767] if family == socket.AF_INET else [])):
            netlink.drop_rule(family, priority)
        for address in netlink.of_family(family, addresses):
            netlink.add_local(address, ABSENT_METRIC)


def join(request: dict[str, Any]) -> None:
    """Link the namespace that this thread is in with the hub.

    ``hub`` is a descriptor, ``name`` the link's there, ``own`` the member's addresses, at least one of each family, and
    ``neighbours`` those of the others. ``former`` are links that the member had before: the kernel ends a network some
    time after its last descriptor is closed, and until then the way to an address would go on leading there.
    """
    own = [each for each in request["own"] if netlink.knows(netlink.packed(each)[0])]
    neighbours = [each for each in request["neighbours"] if netlink.knows(netlink.packed(each)[0])]
    member = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    _set({"ipv4/ip_forward": "0", "ipv6/conf/all/forwarding": "0", **_BOTH})
    link, inside = _pair(request["hub"], request["name"], member)
    enter(request["hub"])
    for former in request["former"]:
        netlink.drop_link(former)
    for address in own:
        family, raw = netlink.packed(address)
        name = request["name"].encode() + b"\0"
        netlink.add_rule(family, FROM_MEMBER, netlink.TO_TABLE, link=name, source=raw)
        netlink.add_route(address, link, MEMBER_METRIC)
    enter(member)
    os.close(member)
    if netlink.knows(socket.AF_INET6):
        netlink.add_local("ff00::", 1, 8)  # the kernel's own way, out by the link, comes after it
    for address in own:
        netlink.add_address(address, inside)
    for address in neighbours:
        family, _ = netlink.packed(address)
        netlink.add_route(address, inside, MEMBER_METRIC, netlink.of_family(family, own)[0])


def _pair(hub: int, name: str, member: int) -> tuple[int, int]:
    """Make the two ends, both ready; return their numbers."""
    enter(hub)
    netlink.add_pair(name, LINK, member, HARDWARE, MTU)
    link = socket.if_nametoindex(name)
    netlink.link_up(link)
    enter(member)
    inside = socket.if_nametoindex(LINK)
    netlink.link_up(inside)
    enter(hub)
    # the end that came up first, without a carrier, would be made ready by the kernel some time later
    netlink.link_down(link)
    netlink.link_up(link)
    return link, inside
