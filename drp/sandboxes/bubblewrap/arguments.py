"""The bubblewrap command line of a sandbox: pure, so that what a sandbox may see can be read and tested as data.

Every line here answers a way out that once worked: see the isolation proof, which tries them all.
"""

from __future__ import annotations

import resource
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from drp.domain.application import ProductionAddress
from drp.domain.sandbox import SandboxProfile, SandboxRole
from drp.sandboxes.host.binds import INSIDE
from drp.sandboxes.host.identity import Identity
from drp.sandboxes.packing import PYTHON
from drp.sandboxes.payload.hiding import AGENT_LOADER
from drp.sandboxes.payload.netns import RESOLVER

HOSTNAME = "server"
"""Of a sandbox for which nobody declared a name."""
USER = "daemon"
"""Of restored software: as any machine has it, and unlikely to be the name of an account in what was restored."""
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CELL_CAPABILITIES = ("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID")
_RUN_CAPABILITIES = ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP")
_WITNESS_CAPABILITIES = (*_RUN_CAPABILITIES, "CAP_DAC_READ_SEARCH")
_WITNESS_UID = 64_000
"""Of what looks at restored data in a range: no restored process can have become it, and it may read all of it."""
_FILES = 8192
"""Open files of one process inside."""
_ZONE = "/etc/localtime"
_UTC_BLOCK = struct.pack("!4sc15x6L", b"TZif", b"2", 0, 0, 0, 0, 1, 4) + struct.pack("!lBB4s", 0, 0, 0, b"UTC\0")
_UTC = _UTC_BLOCK + _UTC_BLOCK + b"\nUTC0\n"
"""The zone UTC as a compiled file (RFC 8536): of a sandbox's own, so that no zone of the drill host gets in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What one sandbox is to be."""

    id: str
    role: SandboxRole
    profile: SandboxProfile
    identity: Identity
    data: Path
    """Host path bound at /data."""
    read_only: Mapping[str, str]
    """Host path → path inside."""
    hostname: str = HOSTNAME
    hosts: str = "127.0.0.1 localhost\n::1 localhost\n"
    network: int = -1
    """Descriptor of the network namespace to run in; negative: one of its own."""
    limit_by_prlimit: bool = False

    @property
    def memory_bytes(self) -> int:
        """Limit for processes: a cell also keeps its tool's cache in memory."""
        return self.profile.memory_bytes * (1 if self.role == "run" else 2)

    @property
    def inside_uid(self) -> int:
        """Uid that commands run as, as they see it."""
        if not self.identity.range_size or self.role == "run":
            return self.profile.run_as
        return 0 if self.role == "restore-cell" else _WITNESS_UID

    @property
    def owners_may_change(self) -> bool:
        """Whether owners mean anything inside; a restore cell with a single user id refuses to change them."""
        return bool(self.identity.range_size) or self.role == "run"

    @property
    def looks_only(self) -> bool:
        """Whether it may read what was restored, and change nothing of it."""
        return self.role in {"reader-cell", "caller-cell"}


def hosts_file(addresses: Iterable[ProductionAddress], hostname: str = HOSTNAME) -> str:
    """Return /etc/hosts of a run sandbox: itself, and every name that leads to a restored application."""
    named = [f"{each.address} {' '.join(each.names)}\n" for each in addresses if each.names]
    return "".join(["127.0.0.1 localhost\n::1 localhost\n", f"127.0.1.1 {hostname}\n", *named])


def files(spec: Spec) -> dict[str, bytes]:
    """Return the small files that a sandbox finds in /etc, by path."""
    uid = spec.profile.run_as
    group = f"{USER}:x:{uid}:\n" if uid else ""
    account = f"{USER}:x:{uid}:{uid}::/tmp:/bin/sh\n" if uid else ""
    names = "hosts: files\n"
    resolver = {}
    if spec.role in {"run", "caller-cell"}:
        names = "hosts: files dns\n"
        resolver["/etc/resolv.conf"] = f"nameserver {RESOLVER[0]}\noptions timeout:1 attempts:1\n".encode()
    return {
        "/etc/passwd": f"root:x:0:0::/tmp:/bin/sh\n{account}nobody:x:65534:65534::/:/bin/false\n".encode(),
        "/etc/group": f"root:x:0:\n{group}nogroup:x:65534:\n".encode(),
        "/etc/hosts": spec.hosts.encode(),
        "/etc/hostname": f"{spec.hostname}\n".encode(),
        "/etc/nsswitch.conf": f"passwd: files\ngroup: files\n{names}services: files\n".encode(),
        _ZONE: _UTC,
        "/etc/timezone": b"Etc/UTC\n",
        **resolver,
    }


def command(spec: Spec, agent_descriptors: tuple[int, int, int, int]) -> list[str]:
    """Return the argv that runs inside: limits, then the agent, which begins (with a range) by the drop to ``run_as``.

    The descriptors are its socket, its lifeline, its text, which lies in no file, and what runs programs of Python, or
    -1. It blanks these words at once.
    """
    limits = ["--core=0", f"--nofile={_allowed(resource.RLIMIT_NOFILE, _FILES)}"]
    if spec.limit_by_prlimit:
        # applied inside: there the count of processes begins at zero instead of at all those of the same user
        limits += [f"--nproc={_allowed(resource.RLIMIT_NPROC, spec.profile.processes)}"]
        limits += [f"--data={_allowed(resource.RLIMIT_DATA, spec.memory_bytes)}"]
    drop: list[str] = []
    if spec.identity.range_size and spec.role != "restore-cell":
        user, kept = str(spec.inside_uid), ",+dac_read_search" if spec.looks_only else ""
        drop = ["/usr/bin/setpriv", "--reuid", user, "--regid", user, "--clear-groups", f"--inh-caps=-all{kept}"]
        drop += [f"--ambient-caps=-all{kept}", f"--bounding-set=-all{kept}", "--no-new-privs", "--"]
    agent = [PYTHON, "-I", "-S", "-c", AGENT_LOADER, *map(str, agent_descriptors), *drop]
    return ["/usr/bin/prlimit", *limits, "--", *agent]


def _allowed(kind: int, wanted: int) -> int:
    """Return a limit, or the one that drp itself is under where that is lower: nobody inside could raise it."""
    ours = resource.getrlimit(kind)[1]
    return wanted if ours == resource.RLIM_INFINITY else min(wanted, ours)


def arguments(spec: Spec, *, contents: Mapping[str, int], seccomp: int, status: int) -> list[str]:
    """Return bubblewrap's options; ``contents`` maps paths inside to descriptors that hold what is there."""
    return [
        *_namespaces(spec),
        *_environment(spec),
        *_system(),
        *_temporary(spec),
        *_contents(contents),
        *_read_only(spec),
        *("--ro-bind" if spec.looks_only else "--bind", str(spec.data), "/data"),
        *_shared_memory(spec),
        *("--seccomp", str(seccomp)),
        # otherwise / and /dev are writable memory of half the machine
        *("--remount-ro", "/dev", "--remount-ro", "/"),
        *("--json-status-fd", str(status), "--chdir", "/"),
    ]


def _contents(contents: Mapping[str, int]) -> list[str]:
    argv: list[str] = []
    for path, descriptor in contents.items():
        # not bound: the source of such a bind would name bubblewrap in /proc/self/mountinfo
        argv += ["--perms", "0444", "--file", str(descriptor), path]
    return argv


def _read_only(spec: Spec) -> list[str]:
    argv: list[str] = []
    for source, target in spec.read_only.items():
        if spec.role in {"run", "caller-cell"}:  # otherwise bubblewrap makes the way there for its own uid alone
            for parent in reversed(Path(target).parents[:-1]):
                argv += ["--perms", "0755", "--dir", str(parent)]
        argv += ["--ro-bind", source, target]
    return argv


def _namespaces(spec: Spec) -> list[str]:
    # never --unshare-all: there user and cgroup namespaces are only tried
    argv = ["--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup"]
    argv += ["--unshare-net"] if spec.network < 0 else []
    argv += ["--die-with-parent", "--new-session", "--as-pid-1", "--hostname", spec.hostname, "--cap-drop", "ALL"]
    if spec.identity.range_size:
        wanted = _CELL_CAPABILITIES if spec.role == "restore-cell" else _RUN_CAPABILITIES
        wanted = _WITNESS_CAPABILITIES if spec.looks_only else wanted
        return argv + [part for each in wanted for part in ("--cap-add", each)]
    uid = str(spec.profile.run_as)
    return ["--unshare-user", "--disable-userns", "--uid", uid, "--gid", uid, *argv]


def _environment(spec: Spec) -> list[str]:
    argv = ["--clearenv"]
    path = f"{INSIDE}/tool:{_PATH}" if spec.role == "restore-cell" else _PATH
    # the zone by its file: what the host calls UTC below /usr/share need not be it
    variables = {"PATH": path, "HOME": "/tmp", "LANG": "C.UTF-8", "USER": USER, "TZ": f":{_ZONE}"}  # noqa: S108 - the sandbox's own /tmp
    for name, value in variables.items():
        argv += ["--setenv", name, value]
    return argv


def _system() -> list[str]:
    argv = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib64", "lib32"):
        path = Path("/") / name
        if path.is_symlink():
            argv += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            argv += ["--ro-bind", str(path), str(path)]
    argv += ["--dir", "/etc"]
    for name in ("ld.so.cache", "alternatives"):
        argv += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    return [*argv, "--proc", "/proc", "--dev", "/dev"]


def _temporary(spec: Spec) -> list[str]:
    """Return the options for the temporary file systems; they come before what is bound below /run."""
    # memory files count against the memory limit: their sum stays well below it, or a full /tmp kills the agent
    whole = spec.profile.memory_bytes
    tmp = whole // 4 if spec.role == "run" else whole
    argv: list[str] = []
    for path, size in (("/tmp", tmp), ("/run", whole // 16)):  # noqa: S108 - as above
        argv += ["--perms", "1777", "--size", str(size), "--tmpfs", path]
    return [*argv, "--dir", INSIDE] if spec.role == "restore-cell" else argv


def _shared_memory(spec: Spec) -> list[str]:
    return ["--perms", "1777", "--size", str(spec.profile.memory_bytes // 4), "--tmpfs", "/dev/shm"]  # noqa: S108 - as above
