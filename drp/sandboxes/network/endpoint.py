"""The one endpoint that a restore cell reaches: how it is found on loopback, and what relays it."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from drp.domain.phrase import say
from drp.domain.restore import RestoreOrder
from drp.errors import SandboxError
from drp.sandboxes.network.gateway import GatewayClient
from drp.sandboxes.network.netns import Inside

_SECONDS = 15.0
_LOCAL_NAME_ADDRESS = "127.77.0.1"
_BASE_HOSTS = "127.0.0.1 localhost\n::1 localhost\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPlan:
    """How an endpoint is found in a namespace that has only loopback."""

    hosts: str = _BASE_HOSTS
    addresses: tuple[str, ...] = ()
    """Addresses to add to loopback."""
    listeners: tuple[tuple[str, int], ...] = ()


def plan(order: RestoreOrder) -> NetworkPlan:
    """Return the network of the cell for an order."""
    return NetworkPlan() if order.endpoint is None else endpoint_plan(*order.endpoint, _LOCAL_NAME_ADDRESS)


def endpoint_plan(host: str, port: int, name_address: str) -> NetworkPlan:
    """Return how ``host:port`` is made to lead to a listener on loopback; names go to ``name_address``."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if host == "localhost":
            return NetworkPlan(listeners=(("127.0.0.1", port),))
        hosts = f"{_BASE_HOSTS}{name_address} {host}\n"
        return NetworkPlan(hosts=hosts, listeners=((name_address, port),))
    addresses = () if address.is_loopback else (str(address),)
    return NetworkPlan(addresses=addresses, listeners=((str(address), port),))


def relay(gateway: GatewayClient | None, inside: Inside, order: RestoreOrder) -> Callable[[], None]:
    """Hand the cell's listening sockets to the gateway, or to who serves the order; return what ends the relay."""
    if order.served_by:
        return _hand_over(inside, order.served_by)
    try:
        if gateway is None or order.endpoint is None:
            raise SandboxError(say("the restore cell needs the network gateway and there is none"), hint=_NO_GATEWAY)
        identities = [gateway.relay(listener, *order.endpoint) for listener in inside.listeners]
    finally:
        inside.close()

    def end() -> None:
        for identity in identities:
            with suppress(SandboxError):  # a gateway that has ended relays nothing any more
                gateway.end(identity)

    return end


def _hand_over(inside: Inside, name: str) -> Callable[[], None]:
    """Hand them to a process of this machine, which serves them as long as the lines to it are open."""
    lines = ExitStack()
    try:
        for listener in inside.listeners:
            line = lines.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
            line.settimeout(_SECONDS)
            line.connect(f"\0{name}")
            socket.send_fds(line, [b"listener"], [listener.fileno()])
            if not line.recv(64):
                raise OSError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))  # noqa: TRY301 - told like the others
    except OSError as error:
        lines.close()
        message = say("what serves the restore cell does not answer: {why}", why=error.strerror or error)
        raise SandboxError(message, hint="start the drill again") from error
    finally:
        inside.close()
    return lines.close


_NO_GATEWAY = say("start the drill through `drp drill run`: its supervisor starts the gateway")
