"""Repositories as the site describes them: plain frozen values, which the composition root turns into adapters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from drp.domain.restore import SecretReference


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryLocation:
    """A directory of this machine, or one that is mounted here."""

    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class MediumLocation:
    """A directory on an air-gapped medium."""

    mount: Path
    label: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Location:
    """A bucket, or a prefix in one."""

    endpoint: str
    """``https://host[:port]``, without a slash at the end."""
    bucket: str
    prefix: str
    region: str
    ca_file: Path | None
    access_key: SecretReference
    secret_key: SecretReference
    session_token: SecretReference | None

    @property
    def url(self) -> str:
        """Return ``s3:https://host[:port]/bucket[/prefix]``, as restic writes it."""
        prefix = self.prefix.strip("/")
        return f"s3:{self.endpoint}/{self.bucket}" + (f"/{prefix}" if prefix else "")

    @property
    def host_and_port(self) -> tuple[str, int]:
        """Return what has to be reachable."""
        parts = urlsplit(self.endpoint)
        return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


Location = DirectoryLocation | MediumLocation | S3Location


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryLimits:
    """How long drp waits, in seconds."""

    connect_seconds: float
    answer_seconds: float
    command_seconds: float
    idle_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositorySettings:
    """One repository."""

    name: str
    kind: Literal["restic"]
    location: Location
    password: SecretReference
    executable: str
    limits: RepositoryLimits
    audited_objects: int
