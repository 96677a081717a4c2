"""The network of each run sandbox: a namespace of its own, which drp made, and in a pod a link to the pod's hub.

Nothing runs to hold a namespace: descriptors of this process do, so it dies with us or with its sandbox. It belongs to
the user namespace of drp and not to that of the sandbox, so nothing inside has any right over it. Loopback is a
sandbox's own; neighbours are reached at the addresses that their applications declare, and by nothing else.
"""

from __future__ import annotations

import ipaddress
import itertools
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from drp.domain.phrase import say
from drp.domain.sandbox import EgressAttempt, NeighbourContact, SandboxOrder, SandboxProfile
from drp.errors import NotIsolated, SandboxError
from drp.sandboxes.host import processes
from drp.sandboxes.network import netns
from drp.sandboxes.network.contacts import Contacts
from drp.sandboxes.network.hub import Hub
from drp.sandboxes.network.netns import Inside, Link, Wanted
from drp.sandboxes.network.recorder import EgressRecorder
from drp.sandboxes.payload.netns import LENT, LINK

_A_NET = 250
_LENT = tuple(ipaddress.ip_network(f"{first}/{bits}") for first, bits in LENT.values())
"""Of IPv4, of IPv6."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where the applications of a pod are: by name, at least one address of each family."""

    declared: Mapping[str, tuple[str, ...]]

    @property
    def owners(self) -> dict[str, str]:
        """Return whose each address is, lent ones among them."""
        return {address: name for name in self.declared for address in self.of(name)}

    def of(self, name: str) -> tuple[str, ...]:
        """Return the addresses of an application: what it declares, and what is lent to it where that is none."""
        declared, index = self.declared[name], sorted(self.declared).index(name)
        lent = {False: f"169.254.{index // _A_NET + 1}.{index % _A_NET + 1}", True: f"fd00:a9fe::{index + 1:x}"}
        families = {":" in address for address in declared}
        return (*declared, *(address for family, address in lent.items() if family not in families))

    def require_distinct(self) -> None:
        """Raise SandboxError where two applications declare one address: a packet can go to one of them only."""
        seen: dict[str, str] = {}
        for name, addresses in self.declared.items():
            for address in addresses:
                if seen.setdefault(address, name) != name:
                    message = say(
                        "in one pod, {address} would lead to {seen} and to {name}",
                        address=address,
                        seen=seen[address],
                        name=name,
                    )
                    raise SandboxError(message, hint="drill them apart, or declare the address for one of them")
                if ipaddress.ip_address(address) in _LENT[":" in address]:
                    message = say(
                        "in a pod, {address} cannot be declared: drp lends addresses of {lent}",
                        address=address,
                        lent=_LENT[":" in address],
                    )
                    raise SandboxError(message, hint="declare an address that others reach the application at")


@dataclass(kw_only=True)
class Pod:
    """A hub, and who is linked to it."""

    label: str
    places: Places
    hub: Hub
    members: set[str] = field(default_factory=set)
    """Names of applications."""
    links: dict[str, list[str]] = field(default_factory=dict)
    """Names of the links that each application has had."""

    @classmethod
    def make(cls, label: str, places: Places) -> Pod:
        """Return a new pod without members."""
        declared = sorted({address for addresses in places.declared.values() for address in addresses})
        inside = netns.create(Wanted(hub=declared, namespace=True))
        try:
            return cls(label=label, places=places, hub=Hub(inside, Contacts(places.owners)))
        except BaseException:
            inside.close()
            raise

    def link(self, name: str, number: int) -> Link:
        """Return how an application is to be linked."""
        own = self.places.of(name)
        neighbours = [other for other in sorted(self.places.declared) if other != name]
        others = [address for other in neighbours for address in self.places.of(other)]
        former = self.links.setdefault(name, [])
        link = Link(hub=self.hub.descriptor, name=f"link{number}", own=own, neighbours=others, former=tuple(former))
        former.append(link.name)
        return link


@dataclass(kw_only=True)
class Network:
    """The network of one run sandbox."""

    inside: Inside
    recorder: EgressRecorder
    application: str
    pod: Pod | None = None
    link: str = ""
    """Its name at the pod's hub."""

    @property
    def descriptor(self) -> int:
        """What the namespace is entered by."""
        return self.inside.namespace[0]

    @property
    def name(self) -> str:
        """Return the namespace's name, such as ``net:[4026532000]``; empty once it is closed."""
        return str(Path(f"/proc/self/fd/{self.descriptor}").readlink()) if self.inside.namespace else ""

    @property
    def interfaces(self) -> tuple[str, ...]:
        """Return every interface that it has."""
        return ("lo",) if self.pod is None else ("lo", LINK)

    def require(self, process: int) -> None:
        """Raise NotIsolated unless the process is in this network, and that is not our own."""
        found = processes.namespace(process, "net")
        if found != self.name or found in {processes.namespace("self", "net"), ""}:
            raise NotIsolated(say("a sandbox is not in the network that was made for it"))

    def egress(self) -> tuple[EgressAttempt, ...]:
        """Return what tried to leave this sandbox. Raises SandboxError when nobody can know."""
        if self.pod is not None:
            self.pod.hub.catch_up()
        return self.recorder.attempts()

    def neighbours(self) -> tuple[NeighbourContact, ...]:
        """Return who called its application in the pod, and whom it called. Raises SandboxError as ``egress`` does."""
        if self.pod is None:
            return ()
        return self.pod.hub.contacts_of(self.application)


class Networks:
    """The networks of this process, and its pods by label."""

    def __init__(self) -> None:
        """Begin without any."""
        self._lock = threading.Lock()
        self._pods: dict[str, Pod] = {}
        self._numbers = itertools.count(1)

    def open(self, profile: SandboxProfile, order: SandboxOrder) -> Network:
        """Return a new network, linked to the others of its pod. Raises SandboxError."""
        with ExitStack() as undo:
            pod = self._join(order) if order.pod else None
            undo.callback(self._leave, pod, order.application)
            link = pod.link(order.application, next(self._numbers)) if pod is not None else None
            sinks = [port for port in profile.sink_ports if port not in order.serves]
            inside = netns.create(replace(netns.SANDBOX, sinks=sinks, link=link))
            undo.callback(inside.close)
            recorder = EgressRecorder(inside)
            undo.callback(recorder.close)
            recorder.declare(order.everywhere)
            network = Network(inside=inside, recorder=recorder, application=order.application)
            if pod is not None and link is not None:
                network.pod, network.link = pod, link.name
                pod.hub.add(link.name, order.application, recorder.saw_leaving)
            undo.pop_all()
        return network

    def close(self, network: Network) -> None:
        """End a network; with the last of a pod the pod ends. Safe to call again."""
        if network.pod is not None:
            network.pod.hub.remove(network.link)
        network.recorder.close()
        self._leave(network.pod, network.application)

    def _join(self, order: SandboxOrder) -> Pod:
        places = Places(declared=_declared(order))
        with self._lock:
            pod = self._pods.get(order.pod)
            if pod is None:
                places.require_distinct()
                pod = self._pods[order.pod] = Pod.make(order.pod, places)
            elif pod.places != places or order.application in pod.members:
                message = say(
                    "{application} has no place in the pod {pod}",
                    application=order.application or "an application without a name",
                    pod=order.pod,
                )
                raise SandboxError(message, hint="a pod is made for certain applications, each of which joins it once")
            pod.members.add(order.application)
            return pod

    def _leave(self, pod: Pod | None, name: str) -> None:
        if pod is None:
            return
        with self._lock:
            pod.members.discard(name)
            if pod.members:
                return
            if self._pods.get(pod.label) is pod:
                del self._pods[pod.label]
        pod.hub.close()


def _declared(order: SandboxOrder) -> dict[str, tuple[str, ...]]:
    members: dict[str, Sequence[str]] = {
        name: [each.address for each in addresses] for name, addresses in order.neighbours.items()
    }
    members[order.application] = [each.address for each in order.addresses]
    return {name: tuple(dict.fromkeys(addresses)) for name, addresses in sorted(members.items())}
