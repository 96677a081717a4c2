"""The hub of a pod while it is open: what the members send to it is told apart, in the order of its arrival."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

from drp.domain.phrase import say
from drp.domain.sandbox import NeighbourContact
from drp.errors import SandboxError
from drp.sandboxes.network.contacts import Contacts
from drp.sandboxes.network.hearing import Hearing, packets
from drp.sandboxes.network.netns import Inside
from drp.sandboxes.network.packets import ICMP6, Packet, parse

_IGMP = 2
_HOUSEKEEPING = frozenset({130, 131, 132, 133, 134, 135, 136, 137, 143})
"""ICMPv6 that kernels send by themselves (multicast listeners, routers, neighbours): programs have no raw sockets."""

OnLeaving = Callable[[bytes, int], None]
"""Hears a packet that a member sent past its own loopback, and to nobody in the pod."""


class Hub:
    """Tells contacts between members from what members try to send out through their links."""

    def __init__(self, inside: Inside, contacts: Contacts) -> None:
        """Start listening on a socket that hears every link."""
        self._inside, self._contacts = inside, contacts
        self._lock = threading.Lock()
        self._members: dict[str, tuple[str, OnLeaving]] = {}
        self._hearing = Hearing(inside.recorder, packets(self._hear), who=say("the hub of a pod"))

    @property
    def descriptor(self) -> int:
        """What the hub's namespace is entered by."""
        return self._inside.namespace[0]

    def catch_up(self) -> None:
        """Tell all that has arrived. Raises SandboxError when nobody listens any more: then it is not known."""
        self._hearing.catch_up()

    def contacts_of(self, application: str) -> tuple[NeighbourContact, ...]:
        """Return who called an application so far, and whom it called. Raises SandboxError as ``catch_up`` does."""
        self.catch_up()
        self._contacts.overlooked(self._hearing.overlooked())
        return self._contacts.of(application)

    def add(self, link: str, application: str, on_leaving: OnLeaving) -> None:
        """Know who is behind a link."""
        with self._lock:
            self._members[link] = application, on_leaving

    def remove(self, link: str) -> None:
        """Forget a link, once what came by it is told; safe to call again."""
        with suppress(SandboxError):  # told to whoever asks for contacts
            self.catch_up()
        with self._lock:
            self._members.pop(link, None)

    def close(self) -> None:
        """Stop; safe to call again."""
        self._hearing.close()
        self._inside.close()

    def _hear(self, raw: bytes, link: str, ethertype: int) -> None:
        with self._lock:
            member = self._members.get(link)
        packet = parse(raw, ethertype)
        if member is None or (packet is not None and _is_housekeeping(packet)):
            return
        application, on_leaving = member
        if packet is None or not self._contacts.see(application, packet):
            on_leaving(raw, ethertype)


def _is_housekeeping(packet: Packet) -> bool:
    if packet.protocol == ICMP6:
        return bool(packet.payload) and packet.payload[0] in _HOUSEKEEPING
    return packet.protocol == _IGMP
