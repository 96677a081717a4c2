"""How a canary is written: the settings of each kind, as `drp/canaries` takes them. No secret, only references."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from drp.domain.restore import SecretReference
from drp.domain.service_address import is_loopback


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseCanary:
    """A table of drp's own beside the application's."""

    kind: Literal["postgres", "mariadb"]
    host: str
    """Address, or (beginning with a slash) the directory of PostgreSQL's socket or MariaDB's socket itself."""
    port: int
    database: str
    user: str
    password: SecretReference | None
    ca_file: Path | None
    """Who signs the server's certificate; beyond this machine the connection is always encrypted and verified, on
    this machine where this is given."""
    keep: int
    """How many heartbeats stay."""
    timeout_seconds: float
    """For the whole heartbeat: finding the server, connecting, writing, reading back."""

    @property
    def over_socket(self) -> bool:
        """Return whether nothing goes over a network."""
        return self.host.startswith("/")

    @property
    def encrypted(self) -> bool:
        """Return whether the connection is encrypted, and the server's certificate verified, before a word is said."""
        return not self.over_socket and (not is_loopback(self.host) or self.ca_file is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrthancCanary:
    """A metadatum of one declared study; nothing is uploaded, and the study stays as it is."""

    url: str
    user: str
    password: SecretReference
    ca_file: Path | None
    study: str
    """StudyInstanceUID."""
    metadata: int
    timeout_seconds: float
    kind: Literal["orthanc"] = "orthanc"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCanary:
    """One file that holds the instant."""

    path: Path
    timeout_seconds: float = 30.0
    """A file system of a server that is gone may keep whoever writes waiting."""
    kind: Literal["file"] = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandCanary:
    """A program that writes through the application; the instant is its standard input."""

    argv: tuple[str, ...]
    timeout_seconds: float
    kind: Literal["command"] = "command"


CanarySettings = DatabaseCanary | OrthancCanary | FileCanary | CommandCanary
