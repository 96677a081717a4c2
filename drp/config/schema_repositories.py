"""What ``inventory/repositories.yml`` may say."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from drp.config.addresses import service_address
from drp.config.schema import Secret, Strict
from drp.config.values import Duration, Name, Text


class S3LocationFile(Strict):
    """A bucket, or a prefix in one, read with an identity that may only read."""

    endpoint: Text
    """https://host[:port] of the service; http only on this machine's loopback."""
    bucket: Text
    """Name of the bucket."""
    prefix: str = ""
    """Where the repository begins inside the bucket; empty: at its root."""
    region: Text = "us-east-1"
    """Region that requests are signed for."""
    ca_file: Text | None = None
    """Certificates (PEM) that sign the endpoint's; otherwise those that the system trusts."""
    access_key: Secret
    """Reference to the access key id."""
    secret_key: Secret
    """Reference to the secret access key."""
    session_token: Secret | None = None
    """Reference to a session token, for temporary keys."""

    @field_validator("endpoint")
    @classmethod
    def _an_address(cls, value: str) -> str:
        return service_address(
            value,
            secrets="a key: give `access_key` and `secret_key` as references",
            cargo="backups",
            hint="write it as https://host:port, the bucket apart",
            path=False,
        )


class MediumFile(Strict):
    """A directory on a medium that is attached only for backups and drills."""

    mount: Text
    """Where the medium appears when it is attached."""
    label: Text
    """Label of its file system, or what `.drp-medium` at its root says: another medium is refused."""
    path: Text = "."
    """The repository, below the mount."""


class LocationFile(Strict):
    """Where the repository is: exactly one of the three."""

    directory: Text | None = None
    """A directory of this machine, or one mounted here; relative to the site directory."""
    s3: S3LocationFile | None = None
    """A bucket."""
    medium: MediumFile | None = None
    """An air-gapped medium, which may be absent."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(place is not None for place in (self.directory, self.s3, self.medium)) != 1:
            raise ValueError("say exactly one of `directory`, `s3`, `medium`")
        return self


class LimitsFile(Strict):
    """How long drp waits before it calls a repository unreachable."""

    connect: Duration = timedelta(seconds=3)
    """For a connection to the endpoint."""
    answer: Duration = timedelta(seconds=5)
    """For each answer of the endpoint."""
    command: Duration = timedelta(minutes=5)
    """For one call of the backup tool, restores apart."""
    idle: Duration = timedelta(minutes=2)
    """Without output of the backup tool."""


class RepositoryFile(Strict):
    """One repository."""

    kind: Literal["restic"] = "restic"
    """The backup tool that wrote it."""
    location: LocationFile
    """Where it is."""
    password: Secret
    """Reference to the repository's password."""
    executable: Text = "restic"
    """Path of the tool, or a name looked up in the system's usual places."""
    limits: LimitsFile = LimitsFile()
    """Time limits."""
    audited_objects: int = Field(default=400, ge=1)
    """How many data objects are asked for their lock at most; above it, a reproducible sample is."""


class RepositoriesFile(Strict):
    """inventory/repositories.yml: where recovery points are kept."""

    version: Literal[1] = 1
    """Version of this file's format."""
    repositories: dict[Name, RepositoryFile]
    """Repositories by name."""
