"""Who called whom in a pod: every new conversation between two applications, as the pod's hub saw it arrive.

The link says who sent a packet, whatever it claims; only what comes from the member's own address goes anywhere, but a
call under another's is told too. Bounded, for each application by itself: who calls a lot hides nobody else's calls.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace

from drp.clock import utc_now
from drp.domain.sandbox import NeighbourContact
from drp.sandboxes.network.packets import ACK, SYN, TCP, Packet

_KEPT = 1000
_CONVERSATIONS = 4096
_Flow = tuple[int, tuple[str, int], tuple[str, int]]
"""Protocol, from, to."""
_Kind = tuple[str, str, str, int, str]
"""Source and destination by name, address, port, protocol."""
OTHERS = "others"
"""The protocol of what stands for all the contacts that were not kept."""


class Contacts:
    """Keeps the contacts of one pod, at most a thousand kinds."""

    def __init__(self, owners: Mapping[str, str]) -> None:
        """Know whose address is whose: by application's name."""
        self._owners = owners
        self._opened = utc_now()
        self._lock = threading.Lock()
        self._kinds: dict[_Kind, NeighbourContact] = {}
        self._conversations: defaultdict[str, OrderedDict[_Flow, None]] = defaultdict(OrderedDict)
        """Of each application, those that it began."""
        self._share = max(1, _KEPT // max(1, len(set(owners.values()))))
        self._kept: Counter[str] = Counter()
        self._unkept: Counter[str] = Counter()

    def see(self, source: str, packet: Packet) -> bool:
        """Hear of a packet that a member sent to the hub; return whether it is for a neighbour: all else is egress."""
        destination = self._owners.get(packet.destination)
        if destination is None:
            return False
        if destination == source or packet.later or packet.quoted() is not None:
            return True
        if packet.protocol == TCP and packet.flags & (SYN | ACK) != SYN:
            return True
        flow = (packet.protocol, packet.sender, packet.receiver)
        genuine = self._owners.get(packet.source) == source
        with self._lock:
            own, theirs = self._conversations[source], self._conversations[destination]
            answers = genuine and packet.protocol != TCP and (packet.protocol, packet.receiver, packet.sender) in theirs
            if flow in own or answers:
                return True
            if genuine:  # a forged one must not make a neighbour's call look like an answer
                own[flow] = None
                while len(own) > _CONVERSATIONS:
                    own.popitem(last=False)
            self._count(source, destination, packet)
        return True

    def overlooked(self, packets: int) -> None:
        """Hear that so many packets came faster than they could be looked at."""
        with self._lock:
            self._unkept[""] += packets

    def of(self, application: str) -> tuple[NeighbourContact, ...]:
        """Return the contacts of an application, oldest first.

        What was not kept follows, one for each application that called too often: it may have called this one.
        """
        with self._lock:
            kept = [each for each in self._kinds.values() if application in {each.source, each.destination}]
            return (*sorted(kept, key=lambda each: each.first_at), *self._others())

    def _others(self) -> Iterator[NeighbourContact]:
        nobody = NeighbourContact(
            source="", destination="", address="", port=0, protocol=OTHERS, first_at=self._opened, count=0
        )
        for source, calls in sorted(self._unkept.items()):
            if calls:
                yield replace(nobody, source=source, count=calls)

    def _count(self, source: str, destination: str, packet: Packet) -> None:
        kind = (source, destination, packet.destination, packet.port, packet.name)
        known = self._kinds.get(kind)
        if known is not None:
            self._kinds[kind] = replace(known, count=known.count + 1)
        elif self._kept[source] >= self._share:
            self._unkept[source] += 1
        else:
            self._kept[source] += 1
            self._kinds[kind] = NeighbourContact(
                source=source,
                destination=destination,
                address=packet.destination,
                port=packet.port,
                protocol=packet.name,
                first_at=utc_now(),
            )
