"""Starts one sandbox: composes the order for ``begin.py``, and waits for the agent."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from drp.command import Process, start
from drp.domain.application import ProductionAddress
from drp.domain.sandbox import SandboxProfile, SandboxRole
from drp.errors import NotIsolated, SandboxError
from drp.sandboxes.client import AgentClient
from drp.sandboxes.host import seccomp
from drp.sandboxes.host.cgroups import ControlGroup
from drp.sandboxes.host.identity import Identity, standing
from drp.sandboxes.host.memory import memory_file, unreadable_interpreter
from drp.sandboxes.host.processes import finish, in_pid_namespace, kill_all, pid_namespace
from drp.sandboxes.packing import PYTHON, packed_agent
from drp.sandboxes.payload.hiding import AGENT_LOADER
from drp.sandboxes.payload.netns import RESOLVER

BEGIN = Path(__file__).parent / "begin.py"
WITNESS_UID = 64_000
_SECONDS = 20.0
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CHOWN, _DAC_OVERRIDE, _DAC_READ_SEARCH, _FOWNER, _FSETID, _SETGID, _SETUID, _SETPCAP = 0, 1, 2, 3, 4, 6, 7, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What one sandbox is to be."""

    id: str
    role: SandboxRole
    profile: SandboxProfile
    identity: Identity
    data: Path
    memory_volume_bytes: int = 0
    """Quotas of its volumes that are in memory."""
    read_only: Mapping[str, str]
    """Host path → path inside."""
    hosts: str
    hostname: str = "server"
    network: int = -1

    @property
    def looks_only(self) -> bool:
        return self.role in {"reader-cell", "caller-cell"}

    @property
    def inside_uid(self) -> int:
        """Uid of commands, as they see it."""
        if not self.identity.range_size or self.role == "run":
            return self.profile.run_as
        return 0 if self.role == "restore-cell" else WITNESS_UID

    @property
    def memory_bytes(self) -> int:
        whole = self.profile.memory_bytes * (1 if self.role == "run" else 2)
        return whole + (0 if self.looks_only else self.memory_volume_bytes)


@dataclass(kw_only=True)
class Running:
    """A sandbox that answers."""

    process: Process
    first: int
    pid_namespace: str
    client: AgentClient
    groups: tuple[Path, ...]
    descriptors: list[int] = field(default_factory=list)

    def kill(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            if self.process.poll() is None:
                os.kill(self.first, signal.SIGKILL)
        while self.descriptors:
            os.close(self.descriptors.pop())
        finish(self.process, 5)
        kill_all(in_pid_namespace(self.pid_namespace))


def hosts(addresses: tuple[ProductionAddress, ...], hostname: str) -> str:
    named = [f"{each.address} {' '.join(each.names)}\n" for each in addresses if each.names]
    return "".join(["127.0.0.1 localhost\n::1 localhost\n", f"127.0.1.1 {hostname}\n", *named])


def launch(wanted: Wanted, directory: Path, group: ControlGroup) -> Running:
    """Start the sandbox and wait for its agent. Raises SandboxError with the launcher's own words."""
    if standing() == "root" and (wanted.identity.uid == 0 or not (wanted.identity.range_size or wanted.identity.drop)):
        raise NotIsolated("a sandbox must not have uid 0 of the host")
    root = directory / "root"
    root.mkdir()
    with ExitStack() as ours, ExitStack() as closing, socket.socket(socket.AF_UNIX) as listener:
        control = directory / "control"
        listener.bind(str(control))
        control.chmod(0o600)
        listener.listen(64)
        lifeline, status, errors = (_pipe(ours, closing, inward=each == "lifeline") for each in _PIPES)
        held = [memory_file(each) for each in (_filter(wanted), packed_agent().encode("ascii"))]
        for each in held:
            closing.callback(os.close, each)
        agent = (listener.fileno(), lifeline[0], held[1], unreadable_interpreter())
        order = _order(wanted, root, limited=not group.missing)
        order |= {"status": status[0], "filter": held[0], "argv": _agent(wanted, agent)}
        said = memory_file(json.dumps(order).encode())
        closing.callback(os.close, said)
        passed = [each for each in (said, status[0], *held, *agent, wanted.network) if each >= 0]
        argv = [*group.launch_prefix(), PYTHON, "-I", "-S", str(BEGIN), str(said)]
        process = start(argv, pass_fds=sorted(set(passed)), stderr=errors[0])
        ours.callback(finish, process, 5)
        ours.callback(process.kill)
        closing.close()
        listener.close()
        try:
            first = int(_line(status[1]))
            namespace, client = pid_namespace(first), AgentClient(control)
            client.ping(_SECONDS)
        except (SandboxError, OSError, ValueError) as error:
            process.kill()
            message = f"the sandbox did not start: {_line(errors[1], last=True) or error}"
            raise SandboxError(message) from error
        ours.pop_all()
    kept = [lifeline[1], status[1], errors[1]]
    return Running(
        process=process,
        first=first,
        pid_namespace=namespace,
        client=client,
        groups=group.directories,
        descriptors=kept,
    )


_PIPES = ("lifeline", "status", "errors")


def _pipe(ours: ExitStack, closing: ExitStack, *, inward: bool) -> tuple[int, int]:
    """Return the sandbox's end and ours of a pipe, which close with their stacks."""
    read, write = os.pipe()
    theirs, own = (read, write) if inward else (write, read)
    closing.callback(os.close, theirs)
    ours.callback(os.close, own)
    return theirs, own


def _line(descriptor: int, *, last: bool = False) -> str:
    """Return what comes by a pipe up to a line's end, or the last line that is there."""
    text, deadline = b"", time.monotonic() + (1.0 if last else _SECONDS)
    while (last or b"\n" not in text) and select.select([descriptor], [], [], max(0, deadline - time.monotonic()))[0]:
        if not (part := os.read(descriptor, 4096)):
            break
        text += part
    lines = text.decode("utf-8", "replace").split("\n")
    return [each for each in ["", *lines] if each or not last][-1 if last else 1]


def _filter(wanted: Wanted) -> bytes:
    return seccomp.program(owners_may_change=bool(wanted.identity.range_size) or wanted.role == "run")


def _agent(wanted: Wanted, descriptors: tuple[int, ...]) -> list[str]:
    drop: list[str] = []
    if wanted.identity.range_size and wanted.role != "restore-cell":
        user, kept = str(wanted.inside_uid), ",+dac_read_search" if wanted.looks_only else ""
        drop = ["/usr/bin/setpriv", "--reuid", user, "--regid", user, "--clear-groups", f"--inh-caps=-all{kept}"]
        drop += [f"--ambient-caps=-all{kept}", f"--bounding-set=-all{kept}", "--no-new-privs", "--"]
    return [PYTHON, "-I", "-S", "-c", AGENT_LOADER, *map(str, descriptors), *drop]


def _capabilities(wanted: Wanted) -> list[int]:
    if not wanted.identity.range_size:
        return []
    if wanted.role == "restore-cell":
        return [_CHOWN, _DAC_OVERRIDE, _FOWNER, _FSETID]
    return [_SETGID, _SETUID, _SETPCAP, *([_DAC_READ_SEARCH] if wanted.looks_only else [])]


def _order(wanted: Wanted, root: Path, *, limited: bool) -> dict[str, object]:
    identity, profile, cell = wanted.identity, wanted.profile, wanted.role == "restore-cell"
    ids = (0, identity.uid, identity.range_size) if identity.range_size else (profile.run_as, identity.uid, 1)
    whole = profile.memory_bytes
    limits = {"RLIMIT_CORE": 0, "RLIMIT_NOFILE": profile.options.get("open_files", 8192)}
    if not limited:
        limits |= {"RLIMIT_NPROC": profile.processes, "RLIMIT_DATA": wanted.memory_bytes}
    return {
        "network": wanted.network,
        "hostname": wanted.hostname,
        "root": str(root),
        "data": str(wanted.data),
        "looks_only": wanted.looks_only,
        "read_only": [[source, target] for source, target in {**_system(), **wanted.read_only}.items()],
        "files": _files(wanted),
        "memory": {"/tmp": whole // (4 if wanted.role == "run" else 1), "/run": whole // 16, "/dev/shm": whole // 4},
        "ids": " ".join(map(str, ids)),
        "uid": 0 if identity.range_size else profile.run_as,
        "capabilities": _capabilities(wanted),
        "limits": limits,
        "environment": {
            "PATH": f"/run/base/tool:{_PATH}" if cell else _PATH,
            "HOME": "/tmp",
            "LANG": "C.UTF-8",
            "TZ": "UTC0",
        },
    }


def _system() -> dict[str, str]:
    return {path: path for path in ("/etc/ld.so.cache", "/etc/alternatives") if Path(path).exists()}


def _files(wanted: Wanted) -> dict[str, str]:
    uid = wanted.profile.run_as
    files = {
        "/etc/passwd": f"root:x:0:0::/tmp:/bin/sh\ndaemon:x:{uid}:{uid}::/tmp:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n",
        "/etc/group": f"root:x:0:\ndaemon:x:{uid}:\nnogroup:x:65534:\n",
        "/etc/hosts": wanted.hosts,
        "/etc/hostname": f"{wanted.hostname}\n",
        "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\nservices: files\n",
    }
    if wanted.role in {"run", "caller-cell"}:
        files["/etc/nsswitch.conf"] = files["/etc/nsswitch.conf"].replace("hosts: files", "hosts: files dns")
        files["/etc/resolv.conf"] = f"nameserver {RESOLVER[0]}\noptions timeout:1 attempts:1\n"
    return files
