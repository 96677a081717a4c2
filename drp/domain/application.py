"""What is drilled: applications, their objectives and the checks that prove them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from drp.domain.history import HistoryPolicy
from drp.domain.recovery_point import RecoveryPoint
from drp.domain.sign_off import Checklist


@dataclass(frozen=True, slots=True, kw_only=True)
class Objectives:
    """What the business asked for (ISO 22301 §8.2.2; French DMIA and PDMA)."""

    rto: timedelta
    """Recovery time objective: longest acceptable time to a usable application."""
    rpo: timedelta
    """Recovery point objective: most data, in time, that may be lost."""
    mtpd: timedelta | None = None
    """Maximum tolerable period of disruption."""
    wrt: timedelta | None = None
    """Work recovery time: longest acceptable time from technical checks to the sign-off of the business."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSpec:
    """One verifier run as the application declares it; options are checked by the verifier before the drill."""

    name: str
    verifier: str
    options: Mapping[str, object] = field(default_factory=dict)
    timeout: timedelta = timedelta(minutes=5)
    store: str = ""
    """What it looks at, where several checks look at the same: a canary that one reads then speaks for all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PointFilter:
    """Which recovery points of a repository belong to the application. Empty means: no restriction."""

    tags: tuple[str, ...] = ()
    host: str | None = None
    path: str | None = None

    def admits(self, point: RecoveryPoint) -> bool:
        """Return whether a point is one of the application's: it has all tags, the host, and the path."""
        return (
            set(self.tags) <= set(point.tags)
            and self.host in {None, point.host}
            and (self.path is None or self.path in point.paths)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupJob:
    """What a site declares of the job that makes an application's backups."""

    duration: timedelta = timedelta(0)
    """How long it takes to copy what is in use, where the backup tool does not say: nothing it holds can be younger."""
    clock_skew: timedelta = timedelta(0)
    """How far the clocks of application and backup may be apart."""
    moved_roots: Mapping[str, str] = field(default_factory=dict)
    """Root in a manifest → path in the recovery point, where the job backs up a tree elsewhere (an LVM snapshot)."""
    manifest_hosts: tuple[str, ...] = ()
    """Hosts on which its manifests are made, as patterns; empty: the point's own, and the one that holds the drill."""
    sub_path: str = ""
    """Folder that is the application's own, where points hold more: absolute, as it was backed up. Empty: all is."""
    manifest_of: str = ""
    """Name that its manifests are made for, where one serves several applications; empty: its own."""
    immutable_for: timedelta | None = None
    """For how long after a point's instant nobody may be able to delete anything of it; None: no such policy."""
    kept_for: timedelta | None = None
    """For how long after its instant every point is there; an older one may go by retention. None: not declared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runbook:
    """Ordered recovery steps, as Ansible: folder ``runbooks/<kind>`` with restore.yml, start.yml and stop.yml."""

    kind: str
    inputs: Mapping[str, object] = field(default_factory=dict)
    """Given to every step as ``drp_inputs``."""
    timeout: timedelta = timedelta(hours=8)
    """Of each step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftwareImage:
    """Software that the backup does not hold: a directory of the drill host, read-only inside, known by its digest."""

    image: str
    """Absolute path on the host."""
    at: str
    """Absolute path inside the run sandbox."""
    digest: str
    """``blake3:<hex>`` of the directory's content, as `drp app image` prints it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductionAddress:
    """An address that an application has in production, and the host names that lead to it."""

    address: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """A clinical system that is recovered as a unit."""

    name: str
    title: str
    tier: int
    """0 is recovered first: the hospital cannot work without it."""
    objectives: Objectives
    repositories: tuple[str, ...]
    """Where its recovery points are kept; the first is used unless the plan names another. Empty: not drilled."""
    points: PointFilter = PointFilter()
    backup_job: BackupJob = BackupJob()
    runbook: Runbook | None
    checks: tuple[CheckSpec, ...] = ()
    depends_on: tuple[str, ...] = ()
    owner: str = ""
    release: str = ""
    """Of the application in production, as the site says; empty: it does not."""
    sign_off: Checklist | None = None
    """What its business referent goes through where a plan asks for it."""
    drill_every: timedelta | None = None
    """A drill of it must pass at least so often; None: nobody says how often."""
    ground_truth: str = ""
    """File of acknowledged writes, kept outside of the application: what was really lost is counted against it."""
    software: tuple[SoftwareImage, ...] = ()
    """Empty: the application's software comes from the backup, or from what the drill host has in /usr."""
    addresses: tuple[ProductionAddress, ...] = ()
    """Where it is found in production, and so in the sandbox."""
    hostname: str = ""
    """What its machine calls itself in production, and so in the sandbox; empty: as the application is named."""
    history: HistoryPolicy = field(default_factory=HistoryPolicy)
    """What may become less from one backup to the next."""
    point_in_time: bool = False
    """Its backups and its runbook can bring back any instant between a base backup and the last archived log."""

    @property
    def drilled(self) -> bool:
        """Whether drp can drill it at all: it has a repository and a runbook."""
        return bool(self.repositories) and self.runbook is not None
