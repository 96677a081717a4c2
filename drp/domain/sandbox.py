"""What drp knows of a sandbox: how it is limited, that it is isolated, what tried to leave it, what it left behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from drp.domain.application import ProductionAddress, SoftwareImage
from drp.domain.phrase import NOTHING, Phrase, counted, fact, quoted
from drp.domain.volume import DataVolume, Erase, Erased, VolumeMade

SandboxRole = Literal["restore-cell", "run", "reader-cell", "caller-cell"]
"""restore-cell: repository and key, runs nothing restored · run: runs restored software · reader-cell: the restored
bytes and nothing else · caller-cell: the restored bytes and the network of the run sandbox."""
DEFAULT_DRIVER = "bubblewrap"
ProbeOutcome = Literal["denied", "allowed", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxProfile:
    """Limits and shape of the sandboxes of a plan."""

    name: str
    driver: str = DEFAULT_DRIVER
    """What isolates: a name that an installed package registers."""
    memory_bytes: int = 1 << 30
    processes: int = 512
    cpus: float | None = None
    data_bytes: int = 8 << 30
    """Quota for restored data."""
    data_backing: Literal["memory", "disk"] = "memory"
    """memory: tmpfs, gone with the sandbox · disk: a file that is mounted, and erased with the sandbox."""
    volumes: tuple[str, ...] = ()
    """Host folders where volumes on disk are made, the first that has room; empty: in the run directory."""
    erase: Erase = "auto"
    """How what was on a volume on disk is made unreadable."""
    data_volumes: tuple[DataVolume, ...] = ()
    """Parts of the restored tree that have volumes of their own, all on disk."""
    identity: Literal["single", "range"] = "single"
    """single: one user id, ownership is not judged · range: a sub-uid range, ownership is judged."""
    run_as: int = 999
    """User id that restored software sees itself as."""
    sink_ports: tuple[int, ...] = (25, 2575)
    """Ports on which the egress recorder answers as production would, to catch what is sent (SMTP, HL7 MLLP)."""
    options: Mapping[str, object] = field(default_factory=dict)
    """What only its driver understands."""
    cpu_weight: int | None = None
    """Share of processors that others want too, 1 to 10,000 where anybody else has 100; None: as anybody else."""
    io_weight: int | None = None
    """The same of the disk that volumes are on."""
    io_bytes_per_second: int | None = None
    """How fast that disk is read, and written, at most, by each sandbox and cell; None: as fast as it goes."""

    @property
    def caps(self) -> tuple[str, ...]:
        """Return the names of the caps that it asks for."""
        named = ("cpu_weight", "io_weight", "io_bytes_per_second")
        return tuple(name for name in named if getattr(self, name) is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxHandle:
    """Names a live sandbox; findable again after a crash by its id."""

    id: str
    role: SandboxRole
    driver: str
    control_socket: str
    """Host path of the agent's socket; invisible inside."""
    data_path: str
    """Host path of the volume that is ``/data`` inside."""
    uid_offset: int | None = None
    """identity range: host uid = uid inside + offset; None: a single uid is mapped."""
    not_capped: tuple[str, ...] = ()
    """Caps of the profile that could not be set on this host, by their names there."""
    volumes: tuple[VolumeMade, ...] = ()
    """What restored data lives on; empty in records of a drp that did not say, and of cells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOrder:
    """What a run sandbox is furnished with beyond its profile; nothing, unless the plan says so."""

    software: tuple[SoftwareImage, ...] = ()
    """Bound read-only; whoever orders has compared their digests."""
    application: str = ""
    """By its name: who it is to its neighbours' records."""
    addresses: tuple[ProductionAddress, ...] = ()
    """Where the application is in production: it keeps them."""
    hostname: str = ""
    """What the machine calls itself inside; empty: a name that says nothing."""
    serves: tuple[int, ...] = ()
    """Ports that the application serves: nothing of drp answers there."""
    pod: str = ""
    """Sandboxes with the same one reach one another at the addresses that they declare; empty: it reaches none."""
    neighbours: Mapping[str, tuple[ProductionAddress, ...]] = field(default_factory=dict)
    """The other applications of the pod: name → where they are in production."""

    @property
    def everywhere(self) -> tuple[ProductionAddress, ...]:
        """Return the addresses of every application that is restored around it: their names resolve."""
        return (*self.addresses, *(each for addresses in self.neighbours.values() for each in addresses))


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftwareFound:
    """A declared software image and what was found at its place."""

    image: str
    at: str
    digest: str
    expected: str

    @property
    def as_declared(self) -> bool:
        """Return whether it is the software that the application's file names."""
        return self.digest == self.expected


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeCheck:
    """One attempt to get out."""

    id: str
    kind: str
    outcome: ProbeOutcome
    detail: Phrase = NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class IsolationProof:
    """Three legs: outside the probe reaches its targets, inside it reaches none, and the tripwire saw nothing."""

    denied: int
    allowed: int
    errors: int
    control_reached: int
    """Positive control: how many targets the same probe reached from outside; zero proves nothing."""
    control_missed: tuple[str, ...]
    """Targets that the control should have reached and did not."""
    canary_hits: int
    """How often somebody reached the tripwire."""
    canary_intact: bool
    """The tripwire's files are unchanged and its process is alive."""
    checks: tuple[ProbeCheck, ...]
    facts: Mapping[str, object] = field(default_factory=dict)
    duration_ms: int = 0

    @property
    def leaks(self) -> bool:
        """Return whether something got out, or may have: what a failed control alone does not say."""
        return self.allowed > 0 or self.canary_hits > 0 or not self.canary_intact

    @property
    def control_failed(self) -> bool:
        """Return whether the probe did not reach outside what it should: then its denials inside prove nothing."""
        return self.control_reached == 0 or bool(self.control_missed)

    @property
    def holds(self) -> bool:
        """Return whether isolation is proven: every probe denied, and the probe itself shown able."""
        return (
            self.denied > 0
            and self.allowed == 0
            and self.errors == 0
            and not self.control_failed
            and self.canary_hits == 0
            and self.canary_intact
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressAttempt:
    """Something restored software tried to send; it went nowhere."""

    at: datetime
    protocol: str
    """Of IP, by name (``tcp``, ``icmp``, ``sctp`` …) or as ``ip-`` and its number; ``unreadable`` where nobody can
    tell, ``any`` for what stands for all the attempts that were not kept."""
    destination: str
    """An address, or ``name:`` and the name that was looked up, which nobody could give an address for; of ``any`` how
    many were not kept; empty of ``unreadable``. Records of before have sentences there."""
    port: int
    """0 where the protocol has none."""
    payload_bytes: int = 0
    payload_digest: str = ""
    """SHA-256 of what was caught; the bytes may hold patient data and are not kept in the record."""
    pod: str = ""
    """The pod that it was seen in, in records of a drp that could not tell which sandbox of a pod it came from."""

    @property
    def where(self) -> Phrase:
        """Return where it was meant to go, for people."""
        if self.protocol == "any" and self.destination.isdecimal():
            return counted(
                "attempts-not-kept",
                "one further attempt that was not kept",
                "{n} further attempts that were not kept",
                int(self.destination),
            )
        if self.protocol == "unreadable" and not self.destination:
            return fact("packet-unreadable", "a packet that cannot be read")
        return quoted(
            f"{self.destination}:{self.port}/{self.protocol}" if self.port else f"{self.destination}/{self.protocol}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighbourContact:
    """Calls of one application in a pod to another one there, at one port; the hub between them saw each arrive."""

    source: str
    """Name of the application, by the link that it called through; empty: nobody could look."""
    destination: str
    """Empty for all the calls of that source that were not kept."""
    address: str
    port: int
    """0 where the protocol has none."""
    protocol: str
    """Of IP, by name (``tcp``, ``udp``, ``icmp`` …); ``others`` for all the contacts that were not kept."""
    first_at: datetime
    count: int = 1
    """Connections, or conversations by datagrams."""

    @property
    def place(self) -> str:
        """Return what was called, such as ``tcp 10.20.0.12:5432``."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.protocol} {host}:{self.port}" if self.port else f"{self.protocol} {self.address}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Residue:
    """What was left after a sandbox was destroyed, measured by looking."""

    processes: int
    mounts: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    cgroups: tuple[str, ...] = ()
    duration_ms: int = 0
    erased: tuple[Erased, ...] = ()
    """What became of each volume's bytes; empty: there was none, or a drp that did not say."""

    @property
    def clean(self) -> bool:
        """Return whether nothing is left."""
        gone = all(each.done for each in self.erased)
        return gone and self.processes == 0 and not (self.mounts or self.paths or self.cgroups)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaped:
    """One orphan, and what was (or with ``dry_run`` would be) removed of it."""

    id: str
    processes: int = 0
    mounts: tuple[str, ...] = ()
    cgroups: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    left: Phrase = NOTHING
    """Why all of it is still there; empty: it is gone."""
    erased: tuple[Erased, ...] = ()
    """What became of its volumes on disk."""

    @property
    def shown(self) -> str:
        """Return what it was, in a line."""
        if self.left:
            return fact("sandbox-sandbox", "sandbox {id}: {left}", id=self.id, left=self.left)
        counted = fact(
            "processes-mounts-groups",
            "{processes} processes, {n} mounts, {n2} groups",
            processes=self.processes,
            n=len(self.mounts),
            n2=len(self.cgroups),
        )
        return fact("sandbox", "sandbox {id}: {counted}", id=self.id, counted=counted)
