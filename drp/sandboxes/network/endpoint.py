"""The one endpoint that a restore cell reaches: how it is found on loopback, and what relays it."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from drp.domain.phrase import say
from drp.domain.restore import RestoreOrder
from drp.errors import SandboxError
from drp.sandboxes.network.gateway import GatewayClient
from drp.sandboxes.network.netns import Inside

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
    """Hand the cell's listening sockets to the gateway; return what ends the relay."""
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


_NO_GATEWAY = say("start the drill through `drp drill run`: its supervisor starts the gateway")
