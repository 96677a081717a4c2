"""Pods: one network namespace without a way out for all run sandboxes of a drill, and one egress recorder in it.

Nothing runs to hold the namespace: descriptors of this process do, so it dies with us or with the pod's last sandbox.
It belongs to the user namespace of drp and not to that of a sandbox, so no sandbox has any right over it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from drp.domain.application import ProductionAddress
from drp.domain.sandbox import EgressAttempt, SandboxProfile
from drp.errors import NotIsolated
from drp.sandboxes import netns, processes
from drp.sandboxes.netns import Inside
from drp.sandboxes.recorder import ANY, Recorder


@dataclass(kw_only=True)
class Pod:
    """A network namespace that sandboxes share."""

    label: str
    inside: Inside
    recorder: Recorder
    network: str
    """Name of the namespace, such as ``net:[4026532000]``."""
    members: set[str] = field(default_factory=set)
    _told: dict[tuple[str, str, int, str], tuple[str, EgressAttempt]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def descriptor(self) -> int:
        """What the namespace is entered by."""
        return self.inside.namespace[0]

    def require(self, process: int) -> None:
        """Raise NotIsolated unless the process is in the pod's network, and that is not our own."""
        found = processes.namespace(process, "net")
        if found != self.network or found in {processes.namespace("self", "net"), ""}:
            raise NotIsolated("a sandbox is not in the network of its pod")

    def egress(self, sandbox: str) -> tuple[EgressAttempt, ...]:
        """Return the attempts that fall to this sandbox: each falls to whoever asks first after it was made.

        Nothing tells reliably which sandbox sent a packet: its socket may be gone before anybody can look.
        """
        with self._lock:
            for attempt in self.recorder.attempts():
                # what stands for all that were not kept has a count that changes, and falls to one
                key = (
                    attempt.protocol,
                    attempt.destination if attempt.protocol != ANY else "",
                    attempt.port,
                    attempt.payload_digest,
                )
                whose, _ = self._told.get(key, (sandbox, attempt))
                self._told[key] = whose, replace(attempt, pod=self.label)
            return tuple(attempt for whose, attempt in self._told.values() if whose == sandbox)


class Pods:
    """The pods of this process, by label."""

    def __init__(self) -> None:
        """Begin without any."""
        self._lock = threading.Lock()
        self._pods: dict[str, Pod] = {}

    def join(self, label: str, sandbox: str, profile: SandboxProfile, addresses: Sequence[ProductionAddress]) -> Pod:
        """Return the pod with one more member, made when there is none; ports that its profile leaves out are freed."""
        with self._lock:
            pod = self._pods.get(label)
            if pod is None:
                pod = self._pods[label] = self._make(label, profile)
            pod.members.add(sandbox)
        pod.recorder.leave(set(pod.inside.sinks) - set(profile.sink_ports))
        pod.recorder.declare(addresses)
        return pod

    def leave(self, pod: Pod, sandbox: str) -> None:
        """Take a member out; with the last one the pod ends."""
        with self._lock:
            pod.members.discard(sandbox)
            if pod.members:
                return
            self._pods.pop(pod.label, None)
        pod.recorder.close()

    @staticmethod
    def _make(label: str, profile: SandboxProfile) -> Pod:
        inside = netns.create(replace(netns.SANDBOX, sinks=profile.sink_ports, namespace=True))
        network = str(Path(f"/proc/self/fd/{inside.namespace[0]}").readlink())
        return Pod(label=label, inside=inside, recorder=Recorder(inside), network=network)
