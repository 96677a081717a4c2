"""What ``inventory/repositories.yml`` may say."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from drp.config.locations import LocationFile
from drp.config.schedule_values import WindowText, Zone
from drp.config.schema import Secret, Strict
from drp.config.values import Duration, Rate, Text
from drp.domain.phrase import say
from drp.domain.repository import DEFAULT_REGION, WaitLimits, bucket_name, key_prefix
from drp.domain.service_address import ServiceAddress, service_address

DEFAULT_KIND = "restic"
_LIMITS = WaitLimits()


def s3_endpoint(value: str) -> ServiceAddress:
    """Return the address of an S3 service. Raises ``ValueError``."""
    return service_address(
        value,
        secrets=say("a key: give `access_key` and `secret_key` as references"),
        cargo=say("backups"),
        hint=say("write it as https://host:port, the bucket apart"),
    )


class S3LocationFile(Strict):
    """A bucket, or a prefix in one, read with an identity that may only read."""

    endpoint: Text
    """https://host[:port] of the service; http only on this machine's loopback."""
    bucket: Text
    """Name of the bucket."""
    prefix: str = ""
    """Where the repository begins inside the bucket; empty: at its root."""
    region: Text = DEFAULT_REGION
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
        s3_endpoint(value)
        return value

    @field_validator("bucket")
    @classmethod
    def _a_bucket(cls, value: str) -> str:
        return bucket_name(value)

    @field_validator("prefix")
    @classmethod
    def _a_prefix(cls, value: str) -> str:
        return key_prefix(value)


class MediumFile(Strict):
    """A directory on a medium that is attached only for backups and drills."""

    mount: Text
    """Where the medium appears when it is attached."""
    label: Text
    """Label of its file system, or what `.drp-medium` at its root says: another medium is refused."""
    path: Text = "."
    """The repository, below the mount."""


class LimitsFile(Strict):
    """How long drp waits before it calls a repository unreachable, and how fast it reads."""

    connect: Duration = timedelta(seconds=_LIMITS.connect_seconds)
    """For a connection to the endpoint."""
    answer: Duration = timedelta(seconds=_LIMITS.answer_seconds)
    """For each answer of the endpoint."""
    command: Duration = timedelta(seconds=_LIMITS.command_seconds)
    """For one call of the backup tool, restores apart."""
    idle: Duration = timedelta(seconds=_LIMITS.idle_seconds)
    """Without output of the backup tool."""
    download: Rate | None = None
    """How fast all restores of a drill together may read from it, such as 50MB/s; left out: as fast as it goes."""


class BackupWindowFile(Strict):
    """When backups are written into a repository: they come first, and drills wait."""

    windows: list[WindowText] = Field(min_length=1)
    """Spans of local time, such as 22:00-06:00, or sat,sun 20:00-04:00."""
    zone: Zone = "UTC"
    """Their time zone, such as Europe/Paris."""


class WriteKeysFile(Strict):
    """Credentials that may write, of one purpose; never those that drp reads with."""

    access_key: Secret
    """Reference to the access key id."""
    secret_key: Secret
    """Reference to the secret access key."""
    session_token: Secret | None = None
    """Reference to a session token, for temporary keys."""


class WormFile(Strict):
    """What is demanded of the locks of a bucket, and what drp may try on it."""

    mode: Literal["compliance", "governance"] = "compliance"
    """compliance, or governance where that is enough."""
    probe: WriteKeysFile | None = None
    """Keys of the probe, which may write objects; left out: locks are observed, and not probed. Of a `rest` server: the
    backup job's user and password."""
    scratch_bucket: Text | None = None
    """A bucket of its own, under Object Lock, on which even what would do harm is tried; left out: not probed."""
    extend: WriteKeysFile | None = None
    """Keys that may lengthen retention, for `drp repo horizon --extend`; left out: it is not offered."""
    sacrifice: Text | None = None
    """Of a directory or medium: a file on its file system, protected as the backup is, that drp may destroy; it holds
    the line `drp: this file may be destroyed`. Left out: not probed."""

    @field_validator("scratch_bucket")
    @classmethod
    def _a_bucket(cls, value: str | None) -> str | None:
        return bucket_name(value) if value is not None else None


class RepositoryFile(Strict):
    """One repository: what is said of any, whichever kind."""

    kind: Text = DEFAULT_KIND
    """What wrote it."""
    location: LocationFile
    """Where it is."""
    limits: LimitsFile = Field(default_factory=LimitsFile)
    """Limits of time and speed."""
    backup_window: BackupWindowFile | None = None
    """When its backups run. A drill is not begun then, and a scheduled one not where it would meet them."""
    worm: WormFile = Field(default_factory=WormFile)
    """What is demanded of its locks, and what drp may try on them."""

    @model_validator(mode="after")
    def _nothing_unread(self) -> Self:
        said = self.worm.model_fields_set
        self.location.refuse_unread(said)
        if "scratch_bucket" in said and self.worm.probe is None:
            raise ValueError(say("`worm.scratch_bucket` is tried with the keys of `worm.probe`: give them too"))
        return self
