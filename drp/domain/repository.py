"""Where recovery points are kept: the one model, for the site's files and for whatever reads a repository. Pure.

No value here is a secret: secrets are references that are resolved at the moment of use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

from drp.domain.phrase import NOTHING, Phrase, say
from drp.domain.restore import SecretReference
from drp.domain.schedule.policy import Window
from drp.domain.service_address import ServiceAddress

DEFAULT_REGION = "us-east-1"
_BUCKET = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,253}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitLimits:
    """How long drp waits, in seconds. restic by itself retries a dead endpoint for a quarter of an hour."""

    connect_seconds: float = 3.0
    """For a connection to the endpoint."""
    answer_seconds: float = 5.0
    """For each answer of the endpoint."""
    command_seconds: float = 300.0
    """For one call of the backup tool, restores apart."""
    idle_seconds: float = 120.0
    """Without output of the backup tool."""

    def within(self, most_seconds: float) -> WaitLimits:
        """Return limits none of which is longer than the given one."""
        return WaitLimits(
            connect_seconds=min(self.connect_seconds, most_seconds),
            answer_seconds=min(self.answer_seconds, most_seconds),
            command_seconds=min(self.command_seconds, most_seconds),
            idle_seconds=min(self.idle_seconds, most_seconds),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where recovery points lie: what is asked of any place. Each is of an entry of `drp.config.locations`."""

    kind: ClassVar[str] = ""
    """Its name in the registry, which is also its key in a site's file."""

    @property
    def folder(self) -> Path | None:
        """Return the folder of this machine that it is, or that it is while its medium is attached; None: none."""
        return None

    @property
    def reached(self) -> tuple[str, int] | None:
        """Return host and port of what has to be reachable; None: nothing over the network."""
        return None

    @property
    def declared(self) -> Phrase:
        """Return what the site says of it that keeps points from being deleted; nothing: nothing."""
        return NOTHING

    @property
    def files(self) -> tuple[Path, ...]:
        """Return files that say whom to believe, such as certificates: a drill's plan keeps their digests."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryLocation(Location):
    """A directory of this machine, or one that is mounted here."""

    kind: ClassVar[str] = "directory"
    path: Path

    @property
    def folder(self) -> Path:
        """Return where it is found on this machine."""
        return self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class MediumLocation(Location):
    """A directory on an air-gapped medium, which is attached only for backups and drills."""

    kind: ClassVar[str] = "medium"
    mount: Path
    """Where the medium appears when it is attached."""
    label: str
    """Written in ``.drp-medium`` at its root, or the label of its file system."""
    path: str = "."
    """The repository, below ``mount``."""

    @property
    def folder(self) -> Path:
        """Return where it is found on this machine while the medium is attached."""
        return self.mount / self.path

    @property
    def declared(self) -> Phrase:
        """Return that it is away."""
        return say("away but for backups and drills")


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Location(Location):
    """A bucket, or a prefix in one, that is read with an identity which may only read."""

    kind: ClassVar[str] = "s3"
    endpoint: ServiceAddress
    bucket: str
    prefix: str = ""
    """Without slashes at the ends; empty: the bucket's root."""
    access_key: SecretReference
    secret_key: SecretReference
    session_token: SecretReference | None = None
    region: str = DEFAULT_REGION
    ca_file: Path | None = None
    """Certificates that sign the endpoint's, PEM; None: those that the system trusts."""

    @property
    def reached(self) -> tuple[str, int] | None:
        """Return host and port of the service."""
        return self.endpoint.host, self.endpoint.port

    @property
    def files(self) -> tuple[Path, ...]:
        """Return the certificates."""
        return (self.ca_file,) if self.ca_file is not None else ()

    @property
    def shown(self) -> str:
        """Return the address in one line."""
        return "/".join(part for part in (self.endpoint.url, self.bucket, self.prefix) if part)

    def key(self, name: str) -> str:
        """Return the object key of a file of the repository."""
        return f"{self.prefix}/{name}" if self.prefix else name


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteKeys:
    """Credentials that may write, of one purpose; never those that drp reads with."""

    access_key: SecretReference
    secret_key: SecretReference
    session_token: SecretReference | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WormSettings:
    """What a site says of the locks of a repository, and what drp may try on it."""

    mode: Literal["compliance", "governance"] = "compliance"
    """What is demanded of locks; governance is enough only where the site says so."""
    probe: WriteKeys | None = None
    """With them the probe makes its sacrificial object and tries what must be refused; None: it is not probed."""
    scratch_bucket: str | None = None
    """A bucket of its own, under Object Lock, on which even what would harm is tried; None: that is not probed."""
    extend: WriteKeys | None = None
    """With them ``drp repo horizon --extend`` may lengthen retention; None: it is not offered."""
    sacrifice: Path | None = None
    """A file, protected as a repository in a directory is, that the probe may destroy; None: it is not probed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositorySettings:
    """What every repository has, whichever kind; a kind's own settings extend it."""

    name: str
    kind: str
    location: Location
    limits: WaitLimits = WaitLimits()
    bytes_per_second: int | None = None
    """How fast all restores together read from it at most; None: as fast as it goes."""
    backup_windows: tuple[Window, ...] = ()
    """When its backups run; then drills wait."""
    backup_zone: str = "UTC"
    """IANA name of the time zone of these windows."""
    worm: WormSettings = WormSettings()

    def waiting(self, most_seconds: float) -> RepositorySettings:
        """Return settings by which nothing is waited for longer than that."""
        return replace(self, limits=self.limits.within(most_seconds))

    @property
    def endpoint(self) -> tuple[str, int] | None:
        """Return host and port of what has to be reachable; None: nothing over the network."""
        return self.location.reached


def bucket_name(value: str) -> str:
    """Return a bucket's name. Raises ``ValueError`` for what no S3 service takes as one, such as a path."""
    if not _BUCKET.fullmatch(value) or ".." in value:
        raise ValueError("is no bucket's name: letters, digits, `.`, `_` and `-`; what lies below is its `prefix`")
    return value


def key_prefix(value: str) -> str:
    """Return a prefix without slashes at its ends.

    Raises ``ValueError`` for what tools take in different ways: parts that are empty or dots, and marks of an address.
    """
    prefix = value.strip("/")
    if prefix and any(part in {"", ".", ".."} for part in prefix.split("/")):
        raise ValueError("has a part that is empty, `.` or `..`: tools take that for different places")
    if any(mark in prefix for mark in "?#%\\") or not prefix.isprintable():
        raise ValueError("holds a mark that tools take in different ways: none of ? # % \\, and nothing unprintable")
    return prefix
