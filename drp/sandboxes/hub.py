"""The hub of a pod while it is open: one thread that hears what the members send to it, in the order of its arrival."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable

from drp.errors import SandboxError
from drp.sandboxes.contacts import Contacts
from drp.sandboxes.netns import Inside
from drp.sandboxes.packets import ICMP6, Packet, parse

_WAKE_SECONDS = 0.1
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_IGMP = 2
_HOUSEKEEPING = frozenset({130, 131, 132, 133, 134, 135, 136, 137, 143})
"""ICMPv6 that kernels send by themselves (multicast listeners, routers, neighbours): programs have no raw sockets."""

OnLeaving = Callable[[bytes, int], None]
"""Hears a packet that a member sent past its own loopback, and to nobody in the pod."""


class Hub:
    """Tells contacts between members from what members try to send out through their links."""

    def __init__(self, inside: Inside, contacts: Contacts) -> None:
        """Start listening on a socket that hears every link."""
        self._inside, self.contacts = inside, contacts
        self._lock = threading.Lock()
        self._members: dict[str, tuple[str, OnLeaving]] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._hear, name="drp-hub", daemon=True)
        self._thread.start()

    @property
    def descriptor(self) -> int:
        """What the hub's namespace is entered by."""
        return self._inside.namespace[0]

    def require(self) -> None:
        """Raise SandboxError when nobody listens any more: then what the members sent since is not known."""
        if not self._thread.is_alive() and not self._closing.is_set():
            raise SandboxError("the hub of a pod has ended by itself: what its members sent since is not known")

    def add(self, link: str, application: str, on_leaving: OnLeaving) -> None:
        """Know who is behind a link."""
        with self._lock:
            self._members[link] = application, on_leaving

    def remove(self, link: str) -> None:
        """Forget a link; safe to call again."""
        with self._lock:
            self._members.pop(link, None)

    def close(self) -> None:
        """Stop; safe to call again."""
        self._closing.set()
        self._thread.join(1.0)
        self._inside.close()

    def _hear(self) -> None:
        channel = self._inside.recorder
        assert channel is not None
        channel.settimeout(_WAKE_SECONDS)
        while not self._closing.is_set():
            try:
                raw, place = channel.recvfrom(65535)
                self.contacts.overlooked(_overlooked(channel))
            except TimeoutError:
                continue
            except OSError:
                return
            with self._lock:
                member = self._members.get(str(place[0]))
            packet = parse(raw, int(place[1]))
            if member is None or (packet is not None and _is_housekeeping(packet)):
                continue
            application, on_leaving = member
            if packet is None or not self.contacts.see(application, packet):
                on_leaving(raw, int(place[1]))


def _is_housekeeping(packet: Packet) -> bool:
    if packet.protocol == ICMP6:
        return bool(packet.payload) and packet.payload[0] in _HOUSEKEEPING
    return packet.protocol == _IGMP


def _overlooked(channel: socket.socket) -> int:
    """Return how many packets came faster than they could be looked at, since this was last asked."""
    return int(struct.unpack("II", channel.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))[1])
