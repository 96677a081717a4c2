"""The default sandbox driver: bubblewrap, an agent inside, our system call filter; no daemon, no image, no root.

A sandbox never outlives this process: its first process dies with us, its agent ends with the lifeline pipe, its
volume with the worker's mount namespace. What a crash can still leave (directories, groups) the reaper removes.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from drp.clock import boot_id
from drp.domain.check import Target
from drp.domain.phrase import say
from drp.domain.restore import CellSecret, RestoreOrder
from drp.domain.sandbox import (
    EgressAttempt,
    IsolationProof,
    NeighbourContact,
    Residue,
    SandboxHandle,
    SandboxOrder,
    SandboxProfile,
    SandboxRole,
)
from drp.domain.volume import Erased, VolumeRoom
from drp.errors import SandboxError
from drp.redact import remember
from drp.sandboxes.bubblewrap.arguments import HOSTNAME, Spec, arguments, hosts_file
from drp.sandboxes.bubblewrap.launch import Options, Running, launch
from drp.sandboxes.bubblewrap.live import Live
from drp.sandboxes.driver import Resolve
from drp.sandboxes.errors import sandbox_errors
from drp.sandboxes.host import binds, cgroups, image, layout, reaper, residue
from drp.sandboxes.host.cgroups import ControlGroup
from drp.sandboxes.host.identity import Identity, Slot, identity_for
from drp.sandboxes.host.layout import LiveDirectory
from drp.sandboxes.host.standpoint import standpoint
from drp.sandboxes.host.volume import Volumes
from drp.sandboxes.network import endpoint, netns
from drp.sandboxes.network.gateway import GatewayClient
from drp.sandboxes.network.netns import Wanted
from drp.sandboxes.network.pods import Network, Networks
from drp.sandboxes.proof import isolation, tripwire
from drp.sandboxes.target import SandboxTarget

_BARE = SandboxOrder()


class BubblewrapSandbox:
    """The Sandbox port."""

    driver = "bubblewrap"
    options: ClassVar[Options] = staticmethod(arguments)
    """How bubblewrap's options are composed."""

    def __init__(self, run_directory: Path, *, resolve: Resolve, gateway: GatewayClient | None = None) -> None:
        """Keep live sandboxes under ``run_directory``; ``resolve`` reads a secret; ``gateway`` reaches repositories."""
        tripwire.plant()
        self._run_directory = run_directory
        self._home = layout.home(run_directory)
        self._resolve = resolve
        self._gateway = gateway
        self._live: dict[str, Live] = {}
        self._networks = Networks()

    def open(self, profile: SandboxProfile, label: str, order: SandboxOrder = _BARE) -> SandboxHandle:
        """Return a new run sandbox: a network of its own, no repository, no key, an empty data volume under quota."""
        with sandbox_errors(say("cannot open a sandbox")), ExitStack() as undo:
            slot = Slot(layout.slots_directory(self._run_directory))
            undo.callback(slot.release)
            identity = identity_for(profile.identity, slot)
            directory = self._make_directory(undo)
            directory.record(**self._about(label))
            volumes = Volumes(directory.path, self._run_directory)
            undo.callback(volumes.close)
            volumes.make(profile, uid=identity.uid)
            spec = self._spec(directory, profile, identity, volumes.path, order)
            network = self._networks.open(profile, order)
            undo.callback(self._networks.close, network)
            network.recorder.name(spec.hostname)
            live = self._launch(undo, directory, replace(spec, network=network.descriptor), label, volumes)
            self._require_network(live.running, network)
            live.network, live.slot, live.order = network, slot, order
            undo.pop_all()
        return live.handle

    def prove(self, handle: SandboxHandle) -> IsolationProof:
        """Return the proof for this sandbox; what the probe tried is not kept as egress."""
        live = self._get(handle)
        with sandbox_errors(say("cannot prove the sandbox")):
            return isolation.prove(
                live.running.client,
                host_uid=live.spec.identity.host_uid_of(live.spec.inside_uid),
                parent=self._home,
                places=live.spec.read_only.values(),
                recorder=live.network.recorder if live.network is not None else None,
                interfaces=live.network.interfaces if live.network is not None else ("lo",),
            )

    def open_cell(self, handle: SandboxHandle, order: RestoreOrder, secrets: Sequence[CellSecret]) -> SandboxHandle:
        """Return a restore cell on the same data volume: it reaches the order's endpoint and nothing else."""
        owner = self._get(handle)
        plan = endpoint.plan(order)
        with sandbox_errors(say("cannot open a restore cell")), ExitStack() as undo:
            directory = self._make_directory(undo)
            directory.record(**self._about("restore-cell"))
            read_only = binds.cell(order, directory.path / "binds", owner.spec.identity)
            spec = Spec(
                id=directory.path.name,
                role="restore-cell",
                profile=owner.spec.profile,
                identity=owner.spec.identity,
                data=owner.spec.data,
                read_only=read_only,
                hosts=plan.hosts,
            )
            live = self._launch(undo, directory, spec, "restore-cell", owner.volumes)
            if plan.listeners:
                inside = netns.enter(live.running.child, Wanted(addresses=plan.addresses, listeners=plan.listeners))
                live.on_end.callback(endpoint.relay(self._gateway, inside, order))
            for secret in secrets:
                value = secret.rendered(self._resolve)
                remember(value)
                live.running.client.secret(secret.name, value)
            undo.pop_all()
        owner.cells.append(live.handle.id)
        return live.handle

    def open_reader(self, handle: SandboxHandle) -> SandboxHandle:
        """Return a cell that reads the restored bytes, and shares nothing with what was restored."""
        return self._open_witness(handle, "reader-cell")

    def open_caller(self, handle: SandboxHandle) -> SandboxHandle:
        """Return a cell that reads the restored bytes and calls the application as a client on its machine would."""
        return self._open_witness(handle, "caller-cell")

    def _open_witness(self, handle: SandboxHandle, role: SandboxRole) -> SandboxHandle:
        owner = self._get(handle)
        with sandbox_errors(say("cannot open a {role}", role=role)), ExitStack() as undo:
            directory = self._make_directory(undo)
            directory.record(**self._about(role))
            place = standpoint(
                owner.spec.identity, owner.spec.data, layout.slots_directory(self._run_directory), directory.path
            )
            undo.callback(place.release)
            spec = replace(owner.spec, id=directory.path.name, role=role, identity=place.identity, data=place.data)
            if role == "reader-cell":
                spec = replace(spec, read_only={}, hosts=hosts_file((), owner.spec.hostname), network=-1)
            else:  # in the owner's network, which drp made
                staging, images = directory.path / "binds", owner.order.software
                spec = replace(spec, read_only=binds.software(images, staging, place.identity, spec.inside_uid))
            live = self._launch(undo, directory, spec, role, owner.volumes)
            if role == "caller-cell":
                assert owner.network is not None
                owner.network.require(live.running.child)
            live.slot = place.slot
            undo.pop_all()
        owner.cells.append(live.handle.id)
        return live.handle

    def settle(self, handle: SandboxHandle) -> None:
        """Write what was restored to its medium. Raises ``MediumFailed``."""
        self._get(handle).volumes.settle()

    def rooms(self, handle: SandboxHandle) -> tuple[VolumeRoom, ...]:
        """Return how full each of its volumes is now."""
        return self._get(handle).volumes.rooms()

    def target(self, handle: SandboxHandle) -> Target:
        """Return the way to run commands inside."""
        return SandboxTarget(self._get(handle).running.client)

    def egress(self, handle: SandboxHandle) -> tuple[EgressAttempt, ...]:
        """Return what tried to leave the sandbox so far; nothing once it is destroyed."""
        network = self._network(handle)
        return network.egress() if network is not None else ()

    def neighbours(self, handle: SandboxHandle) -> tuple[NeighbourContact, ...]:
        """Return who called its application in the pod so far, and whom it called; nothing once it is destroyed."""
        network = self._network(handle)
        return network.neighbours() if network is not None else ()

    def destroy(self, handle: SandboxHandle) -> Residue:
        """Destroy a sandbox (and its cells) or a cell; safe to call again, also from another process."""
        started = time.monotonic()
        live = self._live.pop(handle.id, None)
        namespace = live.running.pid_namespace if live is not None else ""
        network = live.network.name if live is not None and live.network is not None else ""
        if live is not None:
            for name in live.cells:
                if name in self._live:
                    self.destroy(self._live[name].handle)
        images, directory = image.noted(self._run_directory, handle.id), self._home / handle.id
        erased: tuple[Erased, ...] = ()
        if live is not None:
            erased = self._end(live)
        elif (directory.exists() or images) and layout.is_abandoned(directory):
            namespace = str(layout.read_record(directory).get("pid_namespace", ""))
            if (reaped := reaper.reap_one(handle.id, self._run_directory)) is not None:
                erased = reaped.erased
        elapsed = int((time.monotonic() - started) * 1000)
        seen = residue.look(handle.id, [directory, *images], namespace, network, duration_ms=elapsed)
        return replace(seen, erased=erased)

    def _get(self, handle: SandboxHandle) -> Live:
        if handle.id not in self._live:
            raise SandboxError(
                say("sandbox {id} is not open here", id=handle.id), hint="it was destroyed, or is another process's"
            )
        return self._live[handle.id]

    def _network(self, handle: SandboxHandle) -> Network | None:
        live = self._live.get(handle.id)
        return live.network if live is not None else None

    def _about(self, label: str) -> dict[str, object]:
        return {"label": label, "boot_id": boot_id(), "driver": self.driver}

    def _make_directory(self, undo: ExitStack) -> LiveDirectory:
        directory = LiveDirectory(self._home, layout.new_id())
        undo.callback(directory.release)
        undo.callback(reaper.clear, directory.path)
        return directory

    def _spec(
        self, directory: LiveDirectory, profile: SandboxProfile, identity: Identity, data: Path, order: SandboxOrder
    ) -> Spec:
        return Spec(
            id=directory.path.name,
            role="run",
            profile=profile,
            identity=identity,
            data=data,
            hostname=order.hostname or HOSTNAME,
            hosts=hosts_file(order.everywhere, order.hostname or HOSTNAME),
            read_only=binds.software(order.software, directory.path / "binds", identity, profile.run_as),
        )

    def _launch(self, undo: ExitStack, directory: LiveDirectory, spec: Spec, label: str, volumes: Volumes) -> Live:
        memory = spec.memory_bytes
        if not spec.looks_only:
            memory += volumes.memory_bytes  # their pages count against whoever writes them first
        disk = cgroups.disk_of(volumes.folder) if spec.profile.caps else None
        group = ControlGroup(spec.id, spec.profile, memory, disk=disk)
        undo.callback(cgroups.destroy, group.directories)
        spec = replace(spec, limit_by_prlimit=bool(group.missing))
        control = directory.path / "control"
        running = launch(spec, control, group, type(self).options)
        undo.callback(running.kill)
        directory.record(**self._about(label), pid_namespace=running.pid_namespace)
        handle = SandboxHandle(
            id=spec.id,
            role=spec.role,
            driver=self.driver,
            control_socket=str(control),
            data_path=str(spec.data),
            uid_offset=spec.identity.uid_offset,
            not_capped=group.not_capped,
            volumes=volumes.made if spec.role == "run" else (),
        )
        self._live[handle.id] = Live(handle=handle, spec=spec, directory=directory, running=running, volumes=volumes)
        undo.callback(self._live.pop, handle.id, None)
        return self._live[handle.id]

    def _require_network(self, running: Running, network: Network) -> None:
        network.require(running.child)

    def _end(self, live: Live) -> tuple[Erased, ...]:
        """Take a sandbox down; a step that fails does not keep the others from being done."""
        erased: list[Erased] = []
        with ExitStack() as steps:  # in reverse order
            if live.slot is not None:
                steps.callback(live.slot.release)
            steps.callback(live.directory.release)
            steps.callback(reaper.clear, live.directory.path)
            if live.handle.role == "run":
                steps.callback(lambda: erased.extend(live.volumes.close()))
            if live.network is not None:
                steps.callback(self._networks.close, live.network)
            steps.callback(cgroups.destroy, live.running.groups)
            steps.callback(live.running.kill)
            steps.callback(live.on_end.close)
        return tuple(erased)
