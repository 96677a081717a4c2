"""Ways out of a sandbox over sockets: IP, ICMP, names, Unix sockets, other families."""

from __future__ import annotations

import os
import socket
import struct
from typing import Any

from .core import TARGETS, Check, Denied, must_be_tripwire, nonce, patience

DNS_QUERY = (
    struct.pack("!HHHHHH", 0x1234, 0x0100, 1, 0, 0, 0) + b"\x09drp-probe\x07invalid\x00" + struct.pack("!HH", 1, 1)
)


def tcp(host: str, port: int) -> Check:
    def attempt() -> str:
        with socket.create_connection((host, port), timeout=patience()) as peer:
            peer.sendall(nonce() + b"\n")
            return must_be_tripwire(peer.recv(64))

    return attempt


def production(host: str, port: int) -> Check:
    """Whether anything answers at an address of production; whoever runs us knows whether it was its own recorder."""

    def attempt() -> str:
        with socket.create_connection((host, port), timeout=patience()):
            return "connected"

    return attempt


UDP_LITE = 136


def udp(host: str, port: int, payload: bytes | None = None, protocol: int = 0) -> Check:
    def attempt() -> str:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM, protocol) as peer:
            peer.settimeout(patience())
            peer.connect((host, port))
            peer.send((payload or b"") + nonce())
            return must_be_tripwire(peer.recv(512))

    return attempt


def either(*attempts: Check) -> Check:
    """Try several ways to the same place; one that works is enough."""

    def attempt() -> Any:
        for one in attempts[:-1]:
            try:
                return one()
            except (OSError, Denied):
                continue
        return attempts[-1]()

    return attempt


def icmp(host: str, kind: int) -> Check:
    def attempt() -> str:
        with socket.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP) as peer:
            peer.settimeout(patience())
            message = struct.pack("!BBHHH", 8, 0, 0, 1, 1) + b"drp!"
            total = sum(struct.unpack("!6H", message))
            total = (total >> 16) + (total & 0xFFFF)
            peer.sendto(message[:2] + struct.pack("!H", ~total & 0xFFFF) + message[4:], (host, 0))
            peer.recv(512)
            return "echo-reply"

    return attempt


def unix_socket(address: str) -> Check:
    def attempt() -> str:
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(patience())
            peer.connect(address)
            peer.sendall(b"GET / HTTP/1.0\r\n\r\n")
            try:
                peer.recv(32)
            except socket.timeout:
                pass
            return "connected"

    return attempt


def interfaces() -> str:
    """Whether there is another interface than those that drp made: a way that nobody watches."""
    known = TARGETS.get("interfaces", ["lo"])
    names = [name for _, name in socket.if_nameindex() if name not in known]
    if not names:
        raise Denied("only=" + ", ".join(known))
    return ",".join(names)


def routes() -> str:
    with open("/proc/net/route") as source:
        names = [line.split()[0] for line in source.read().splitlines()[1:]]
    names = [name for name in names if name != "lo"]
    if not names:
        raise Denied("no-route")
    return ",".join(names)


def vsock() -> str:
    with socket.socket(40, socket.SOCK_STREAM) as peer:
        peer.bind((0xFFFFFFFF, TARGETS["vsock_port"]))
    return "bound"


def family(number: int, kind: int, protocol: int = 0) -> Check:
    return lambda: socket.socket(number, kind, protocol).close()
