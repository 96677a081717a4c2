"""Works inside a sandbox's network namespace without running anything in the sandbox: ``netns.py PID CONTROL_FD``.

A short-lived helper of the host. It reads one request (JSON) from the control socket, enters the namespaces of the
process (PID ``new``: makes a network namespace), and passes what it opened there back (SCM_RIGHTS): sockets, and files
of /proc, stay bound to that namespace. The netlink functions are also used by the drill worker in its own namespace.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import fcntl
import json
import os
import socket
import struct
import sys
from typing import Any

NS_GET_USERNS = 0xB701
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
RTM_NEWADDR, RTM_NEWROUTE = 20, 24
NLM_F_REQUEST, NLM_F_ACK, NLM_F_EXCL, NLM_F_CREATE = 1, 4, 0x200, 0x400
RT_TABLE_LOCAL, RTPROT_STATIC, RT_SCOPE_HOST, RTN_LOCAL = 255, 4, 254, 2
IFA_F_NODAD = 2
SIOCSIFFLAGS, IFF_UP, IFF_RUNNING = 0x8914, 1, 0x40
PACKET_IGNORE_OUTGOING, SOL_PACKET, SO_ATTACH_FILTER = 23, 263, 26
SO_RCVBUFFORCE, RECORDER_BYTES = 33, 8 << 20
ETH_P_ALL = 3
LOOPBACK_INDEX = 1
EEXIST = 17
RESOLVER = ("127.0.0.53", 53)
TABLES = ("tcp", "tcp6", "udp", "udp6")
LOWEST_PORT = "/proc/sys/net/ipv4/ip_unprivileged_port_start"


def netlink(kind: int, body: bytes) -> None:
    request = struct.pack("IHHII", 16 + len(body), kind, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as channel:
        channel.send(request + body)
        error = -struct.unpack("i", channel.recv(4096)[16:20])[0]
    if error and error != EEXIST:
        raise OSError(error, os.strerror(error))


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def packed(address: str) -> tuple[int, bytes]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return family, socket.inet_pton(family, address)


def loopback_up() -> None:
    with socket.socket() as channel:
        fcntl.ioctl(channel, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP | IFF_RUNNING))


def add_address(address: str) -> None:
    """ip address add ADDRESS dev lo"""
    family, raw = packed(address)
    body = struct.pack("BBBBI", family, len(raw) * 8, IFA_F_NODAD, 0, LOOPBACK_INDEX)
    netlink(RTM_NEWADDR, body + attribute(2, raw) + attribute(1, raw))


def every_address_is_local() -> None:
    """ip route add local default dev lo: every address of the world is here, and nowhere else."""
    for family, scope in ((socket.AF_INET, RT_SCOPE_HOST), (socket.AF_INET6, 0)):
        body = struct.pack("BBBBBBBBI", family, 0, 0, 0, RT_TABLE_LOCAL, RTPROT_STATIC, scope, RTN_LOCAL, 0)
        try:
            netlink(RTM_NEWROUTE, body + attribute(4, struct.pack("I", LOOPBACK_INDEX)))
        except OSError:
            if family == socket.AF_INET:
                raise


def assemble(rules: list[tuple[str, int, int, str, str]]) -> bytes:
    """Assemble classic BPF from (label, code, operand, label if true, label if false); an empty label is the next."""
    places = {label: index for index, (label, *_) in enumerate(rules) if label}

    def jump(here: int, label: str) -> int:
        return places[label] - here - 1 if label else 0

    return b"".join(
        struct.pack("HBBI", code, jump(index, true), jump(index, false), operand)
        for index, (_, code, operand, true, false) in enumerate(rules)
    )


def egress_filter() -> bytes:
    """Everything that goes to another address than the sandbox's own loopback; of TCP, what has SYN.

    Answers to a SYN (source, not destination, is foreign) pass too: they tell that something inside answered. What is
    too short to be judged here passes, and is judged by the recorder.
    """
    word, half, byte, length, equal, least, bits, end = 0x20, 0x28, 0x30, 0x80, 0x15, 0x35, 0x45, 0x06
    index_header, indexed_byte, less_index = 0xB1, 0x50, 0x1C
    rules = [
        ("", word, 0xFFFFF000, "", ""),
        ("", equal, 0x0800, "v4", ""),
        ("", equal, 0x86DD, "v6", "yes"),
        ("v4", length, 0, "", ""),
        ("", least, 20, "", "yes"),
        ("", half, 6, "", ""),
        ("", bits, 0x1FFF, "d4", ""),  # a later fragment: neither ports nor flags
        ("", byte, 9, "", ""),
        ("", equal, 6, "", "d4"),
        ("", index_header, 0, "", ""),
        ("", length, 0, "", ""),
        ("", less_index, 0, "", ""),
        ("", least, 14, "", "d4"),
        ("", indexed_byte, 13, "", ""),
        ("", bits, 0x02, "", "no"),
        ("", byte, 12, "", ""),
        ("", equal, 127, "", "yes"),
        ("d4", byte, 16, "", ""),
        ("", equal, 127, "no", "yes"),
        ("v6", length, 0, "", ""),
        ("", least, 40, "", "yes"),
        ("", byte, 6, "", ""),
        ("", equal, 6, "", "d6"),
        ("", length, 0, "", ""),
        ("", least, 54, "", "d6"),
        ("", byte, 53, "", ""),
        ("", bits, 0x02, "", "no"),
        ("", word, 8, "", ""),
        ("", equal, 0, "", "yes"),
        ("", word, 12, "", ""),
        ("", equal, 0, "", "yes"),
        ("", word, 16, "", ""),
        ("", equal, 0, "", "yes"),
        ("", word, 20, "", ""),
        ("", equal, 1, "", "yes"),
        ("d6", word, 24, "", ""),
        ("", equal, 0, "", "yes"),
        ("", word, 28, "", ""),
        ("", equal, 0, "", "yes"),
        ("", word, 32, "", ""),
        ("", equal, 0, "", "yes"),
        ("", word, 36, "", ""),
        ("", equal, 1, "no", "yes"),
        ("yes", end, 0xFFFF, "", ""),
        ("no", end, 0, "", ""),
    ]
    return assemble(rules)


def recorder() -> socket.socket:
    channel = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    code = egress_filter()
    buffer = ctypes.create_string_buffer(code, len(code))
    channel.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(code) // 8, ctypes.addressof(buffer)))
    channel.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    for option in (socket.SO_RCVBUF, SO_RCVBUFFORCE):  # beyond the system's limit only with rights over the host
        with contextlib.suppress(OSError):
            channel.setsockopt(socket.SOL_SOCKET, option, RECORDER_BYTES)
    channel.bind(("lo", ETH_P_ALL))
    return channel


def listener(address: str, port: int, backlog: int = 64) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    channel = socket.socket(family, socket.SOCK_STREAM)
    if family == socket.AF_INET6:
        channel.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if address == "::" else 1)
    channel.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    channel.bind((address, port))
    channel.listen(backlog)
    return channel


def sink(port: int) -> socket.socket:
    try:
        return listener("::", port)
    except OSError:
        return listener("0.0.0.0", port)


def resolver() -> socket.socket:
    channel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    channel.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    channel.bind(RESOLVER)
    return channel


def allow_production_ports() -> None:
    """Let restored software, which has no capability, listen on its ports below 1024; where /proc is closed, it cannot."""
    with contextlib.suppress(OSError), open(LOWEST_PORT, "w") as setting:
        setting.write("0")


def enter(process: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    network = os.open("/proc/%d/ns/net" % process, os.O_RDONLY)
    owner = fcntl.ioctl(network, NS_GET_USERNS)
    if libc.setns(owner, CLONE_NEWUSER) and os.geteuid() != 0:
        raise OSError(ctypes.get_errno(), "entering the user namespace")
    if libc.setns(network, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "entering the network namespace")


def make() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "making a network namespace")
    loopback_up()


def fulfil(request: dict[str, Any]) -> list[int]:
    for address in request.get("addresses", []):
        add_address(address)
    if request.get("every_address"):
        every_address_is_local()
        allow_production_ports()
    made = [recorder()] if request.get("recorder") else []
    made += [sink(port) for port in request.get("sinks", [])]
    made += [resolver()] if request.get("resolver") else []
    made += [listener(address, port) for address, port in request.get("listeners", [])]
    opened = [each.detach() for each in made]
    if request.get("tables"):
        opened += [os.open("/proc/thread-self/net/" + name, os.O_RDONLY) for name in TABLES]
    if request.get("namespace"):
        opened.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY))
    return opened


def main() -> None:
    process, control = sys.argv[1], socket.socket(fileno=int(sys.argv[2]))
    request = json.loads(control.recv(1 << 16))
    try:
        make() if process == "new" else enter(int(process))
        made = fulfil(request)
    except OSError as error:
        control.send(json.dumps({"error": str(error)}).encode())
        return
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", made))] if made else []
    control.sendmsg([json.dumps({"made": len(made)}).encode()], ancillary)


if __name__ == "__main__":
    main()
