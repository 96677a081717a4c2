"""How the helper is asked: ``PID CONTROL_FD`` on its command line, one request (JSON) on the control socket.

It enters the namespaces of the process (PID ``new``: makes a network namespace), and passes what it opened there back
(SCM_RIGHTS): sockets, and files of /proc, stay bound to that namespace.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import fcntl
import json
import os
import socket
import sys
from typing import Any

from . import RESOLVER, TABLES, netlink, switchboard
from .watch import watch

NS_GET_USERNS = 0xB701
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
LOWEST_PORT = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
REQUEST_BYTES = 1 << 17


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
    netlink.loopback_up()


def fulfil(request: dict[str, Any]) -> list[int]:
    for address in request.get("addresses", []):
        netlink.add_address(address)
    if request.get("every_address"):
        netlink.every_address_is_local()
        allow_production_ports()
    made = [watch("lo")] if request.get("recorder") else []
    made += [sink(port) for port in request.get("sinks", [])]
    made += [resolver()] if request.get("resolver") else []
    made += [listener(address, port) for address, port in request.get("listeners", [])]
    opened = [each.detach() for each in made]
    if request.get("tables"):
        opened += [os.open("/proc/thread-self/net/" + name, os.O_RDONLY) for name in TABLES]
    if request.get("namespace"):
        opened.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY))
    return opened


def answer(request: dict[str, Any]) -> list[int]:
    if request.get("hub") is not None:
        switchboard.make_hub(request["hub"])
        return [watch().detach(), *fulfil(request)]
    made = fulfil(request)
    if request.get("link"):
        switchboard.join(request["link"])
    return made


def main() -> None:
    process, control = sys.argv[1], socket.socket(fileno=int(sys.argv[2]))
    request = json.loads(control.recv(REQUEST_BYTES))
    try:
        make() if process == "new" else enter(int(process))
        made = answer(request)
    except OSError as error:
        control.send(json.dumps({"error": str(error)}).encode())
        return
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", made))] if made else []
    control.sendmsg([json.dumps({"made": len(made)}).encode()], ancillary)
