"""The Sandbox port by namespaces alone."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from bare_namespaces.launch import Running, Wanted, hosts, launch
from drp.clock import boot_id
from drp.domain.check import Target
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
from drp.sandboxes.driver import Resolve
from drp.sandboxes.errors import sandbox_errors
from drp.sandboxes.host import binds, cgroups, image, layout, reaper, residue
from drp.sandboxes.host.cgroups import ControlGroup
from drp.sandboxes.host.identity import Slot, identity_for
from drp.sandboxes.host.layout import LiveDirectory
from drp.sandboxes.host.standpoint import standpoint
from drp.sandboxes.host.volume import Volumes
from drp.sandboxes.network import endpoint, netns
from drp.sandboxes.network.gateway import GatewayClient
from drp.sandboxes.network.pods import Network, Networks
from drp.sandboxes.proof import isolation, tripwire
from drp.sandboxes.target import SandboxTarget

NAME = "bare-namespaces"
_BARE = SandboxOrder()


@dataclass(kw_only=True)
class Live:
    """A sandbox of ours; ``end`` takes it down, in reverse order of what was made."""

    handle: SandboxHandle
    wanted: Wanted
    running: Running
    end: ExitStack
    order: SandboxOrder = _BARE
    network: Network | None = None
    """Its own."""
    joined: Network | None = None
    """The one that it is in: of the sandbox that it calls, for a caller cell."""
    cells: list[SandboxHandle] = field(default_factory=list)
    erased: list[Erased] = field(default_factory=list)
    """What became of its volumes, once it is taken down."""


class BareSandbox:
    """The Sandbox port."""

    def __init__(self, run_directory: Path, *, resolve: Resolve, gateway: GatewayClient | None = None) -> None:
        tripwire.plant()
        self._run_directory, self._resolve, self._gateway = run_directory, resolve, gateway
        self._home = layout.home(run_directory)
        self._slots = layout.slots_directory(run_directory)
        self._live: dict[str, Live] = {}
        self._networks = Networks()

    def open(self, profile: SandboxProfile, label: str, order: SandboxOrder = _BARE) -> SandboxHandle:
        with sandbox_errors("cannot open a sandbox"), ExitStack() as end:
            slot = Slot(self._slots)
            end.callback(slot.release)
            identity = identity_for(profile.identity, slot)
            directory = self._directory(end, label)
            volumes, erased = Volumes(directory.path, self._run_directory), list[Erased]()
            end.callback(lambda: erased.extend(volumes.close()))
            volumes.make(profile, uid=identity.uid)
            network = self._networks.open(profile, order)
            end.callback(self._networks.close, network)
            hostname = order.hostname or "server"
            network.recorder.name(hostname)
            wanted = Wanted(
                id=directory.path.name,
                role="run",
                profile=profile,
                identity=identity,
                data=volumes.path,
                memory_volume_bytes=volumes.memory_bytes,
                read_only=binds.software(order.software, directory.path / "binds", identity, profile.run_as),
                hosts=hosts(order.everywhere, hostname),
                hostname=hostname,
                network=network.descriptor,
            )
            handle = self._begin(end, directory, wanted, label, order=order, network=network)
            live = self._live[handle.id]
            live.erased, live.handle = erased, replace(handle, volumes=volumes.made)
            return live.handle

    def open_cell(self, handle: SandboxHandle, order: RestoreOrder, secrets: Sequence[CellSecret]) -> SandboxHandle:
        owner, plan = self._get(handle), endpoint.plan(order)
        with sandbox_errors("cannot open a restore cell"), ExitStack() as end:
            directory = self._directory(end, "restore-cell")
            shown = binds.cell(order, directory.path / "binds", owner.wanted.identity)
            wanted = self._beside(owner, directory, "restore-cell", read_only=shown, hosts=plan.hosts)
            cell = self._begin(end, directory, wanted, "restore-cell", owner=owner)
            live = self._live[cell.id]
            try:
                if plan.listeners:
                    inside = netns.Wanted(addresses=plan.addresses, listeners=plan.listeners)
                    entered = netns.enter(live.running.first, inside)
                    live.end.callback(endpoint.relay(self._gateway, entered, order))
                for secret in secrets:
                    value = secret.rendered(self._resolve)
                    remember(value)
                    live.running.client.secret(secret.name, value)
            except BaseException:
                self.destroy(cell)
                raise
            return cell

    def open_reader(self, handle: SandboxHandle) -> SandboxHandle:
        return self._witness(self._get(handle), "reader-cell")

    def open_caller(self, handle: SandboxHandle) -> SandboxHandle:
        return self._witness(self._get(handle), "caller-cell")

    def _witness(self, owner: Live, role: SandboxRole) -> SandboxHandle:
        with sandbox_errors(f"cannot open a {role}"), ExitStack() as end:
            directory = self._directory(end, role)
            place = standpoint(owner.wanted.identity, owner.wanted.data, self._slots, directory.path)
            end.callback(place.release)
            wanted = self._beside(owner, directory, role, read_only={}, hosts=hosts((), owner.wanted.hostname))
            wanted = replace(wanted, identity=place.identity, data=place.data)
            if role == "caller-cell":
                assert owner.network is not None
                software = owner.order.software
                shown = binds.software(software, directory.path / "binds", place.identity, wanted.inside_uid)
                wanted = replace(wanted, read_only=shown, hosts=owner.wanted.hosts, network=owner.network.descriptor)
            return self._begin(end, directory, wanted, role, owner=owner)

    def prove(self, handle: SandboxHandle) -> IsolationProof:
        live = self._get(handle)
        with sandbox_errors("cannot prove the sandbox"):
            return isolation.prove(
                live.running.client,
                host_uid=live.wanted.identity.host_uid_of(live.wanted.inside_uid),
                parent=self._home,
                places=live.wanted.read_only.values(),
                recorder=live.joined.recorder if live.joined is not None else None,
                interfaces=live.joined.interfaces if live.joined is not None else ("lo",),
            )

    def rooms(self, handle: SandboxHandle) -> tuple[VolumeRoom, ...]:
        return self._get(handle).volumes.rooms()

    def settle(self, handle: SandboxHandle) -> None:
        self._get(handle).volumes.settle()

    def target(self, handle: SandboxHandle) -> Target:
        return SandboxTarget(self._get(handle).running.client)

    def egress(self, handle: SandboxHandle) -> tuple[EgressAttempt, ...]:
        live = self._live.get(handle.id)
        return live.network.egress() if live is not None and live.network is not None else ()

    def neighbours(self, handle: SandboxHandle) -> tuple[NeighbourContact, ...]:
        live = self._live.get(handle.id)
        return live.network.neighbours() if live is not None and live.network is not None else ()

    def destroy(self, handle: SandboxHandle) -> Residue:
        started, directory = time.monotonic(), self._home / handle.id
        live = self._live.pop(handle.id, None)
        namespace = live.running.pid_namespace if live is not None else ""
        network = live.network.name if live is not None and live.network is not None else ""
        images = image.noted(self._run_directory, handle.id)
        erased: tuple[Erased, ...] = ()
        if live is not None:
            for cell in live.cells:
                self.destroy(cell)
            live.end.close()
            erased = tuple(live.erased)
        elif (directory.exists() or images) and layout.is_abandoned(directory):
            namespace = str(layout.read_record(directory).get("pid_namespace", ""))
            reaped = reaper.reap_one(handle.id, self._run_directory)
            erased = reaped.erased if reaped is not None else ()
        elapsed = int((time.monotonic() - started) * 1000)
        seen = residue.look(handle.id, [directory, *images], namespace, network, duration_ms=elapsed)
        return replace(seen, erased=erased)

    def _get(self, handle: SandboxHandle) -> Live:
        if handle.id not in self._live:
            message = f"sandbox {handle.id} is not open here"
            raise SandboxError(message)
        return self._live[handle.id]

    def _directory(self, end: ExitStack, label: str) -> LiveDirectory:
        directory = LiveDirectory(self._home, layout.new_id())
        end.callback(directory.release)
        end.callback(reaper.clear, directory.path)
        directory.record(label=label, boot_id=boot_id(), driver=NAME)
        return directory

    def _beside(
        self, owner: Live, directory: LiveDirectory, role: SandboxRole, *, read_only: Mapping[str, str], hosts: str
    ) -> Wanted:
        own = replace(owner.wanted, id=directory.path.name, role=role, network=-1)
        return replace(own, read_only=read_only, hosts=hosts)

    def _begin(
        self,
        end: ExitStack,
        directory: LiveDirectory,
        wanted: Wanted,
        label: str,
        *,
        order: SandboxOrder = _BARE,
        network: Network | None = None,
        owner: Live | None = None,
    ) -> SandboxHandle:
        """Start it, and take over what takes it down again."""
        group = ControlGroup(wanted.id, wanted.profile, wanted.memory_bytes)
        end.callback(cgroups.destroy, group.directories)
        running = launch(wanted, directory.path, group)
        end.callback(running.kill)
        directory.record(label=label, boot_id=boot_id(), driver=NAME, pid_namespace=running.pid_namespace)
        joined = network or (owner.network if owner is not None and wanted.role == "caller-cell" else None)
        if joined is not None:
            joined.require(running.first)
        handle = SandboxHandle(
            id=wanted.id,
            role=wanted.role,
            driver=NAME,
            control_socket=str(directory.path / "control"),
            data_path=str(wanted.data),
            uid_offset=wanted.identity.uid_offset,
        )
        self._live[wanted.id] = Live(
            handle=handle,
            wanted=wanted,
            running=running,
            end=end.pop_all(),
            order=order,
            network=network,
            joined=joined,
        )
        if owner is not None:
            owner.cells.append(handle)
        return handle
