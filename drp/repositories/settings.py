"""What a repository is, as plain frozen values: the configuration builds them, `registry.create` reads them.

No value here is a secret: secrets are references that are resolved at the moment of use.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from drp.domain.restore import SecretReference
from drp.errors import ConfigError

DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long drp waits, in seconds. restic by itself retries a dead endpoint for a quarter of an hour."""

    connect_seconds: float = 3.0
    """For a connection to the endpoint."""
    answer_seconds: float = 5.0
    """For each answer of the endpoint."""
    command_seconds: float = 300.0
    """For one call of the backup tool."""
    idle_seconds: float = 120.0
    """Without output of the backup tool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalLocation:
    """A directory of this machine, or one that is mounted here."""

    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class MediumLocation:
    """A directory on a medium that is attached only for backups and drills."""

    mount: Path
    """Where the medium appears when it is attached."""
    label: str
    """Written in ``.drp-medium`` at its root, or the label of its file system."""
    directory: str = "."
    """The repository, below ``mount``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Address:
    """An address of an S3 repository, taken apart."""

    host: str
    port: int
    secure: bool
    bucket: str
    prefix: str
    """Without slashes at the ends; empty: the bucket's root."""

    @property
    def endpoint(self) -> str:
        """Return the address of the service."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        standard = self.port == (443 if self.secure else 80)
        return f"{'https' if self.secure else 'http'}://{host}" + ("" if standard else f":{self.port}")

    @property
    def tool_url(self) -> str:
        """Return the address as restic takes it."""
        return f"s3:{self.endpoint}/{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")

    def key(self, name: str) -> str:
        """Return the object key of a file of the repository."""
        return f"{self.prefix}/{name}" if self.prefix else name


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Location:
    """A bucket, or a prefix in one, that is read with an identity which may only read."""

    url: str
    """``s3:https://host[:port]/bucket[/prefix]``; ``s3:http://…`` on loopback only."""
    access_key: SecretReference
    secret_key: SecretReference
    session_token: SecretReference | None = None
    region: str = DEFAULT_REGION
    ca_file: Path | None = None
    """Certificates that sign the endpoint's, PEM; None: those that the system trusts."""


Location = LocalLocation | MediumLocation | S3Location


@dataclass(frozen=True, slots=True, kw_only=True)
class ResticSettings:
    """One restic repository."""

    name: str
    location: Location
    password: SecretReference
    executable: str = "restic"
    """A path, or a name that is looked up in the system's usual places."""
    limits: Limits = Limits()
    audited_objects: int = 400
    """How many data objects are asked for their lock at most; above it a reproducible sample is."""


def parse_s3_url(url: str) -> S3Address:
    """Take an ``s3:`` address apart the way restic does. Raises ``ConfigError``."""
    rest = url.removeprefix("s3:")
    if rest == url:
        raise ConfigError(f"{url!r} is not an S3 address", hint="write it as s3:https://host/bucket/prefix")
    if not rest.startswith(("http://", "https://")):
        rest = "https://" + rest.removeprefix("//")
    try:
        parts = urlsplit(rest)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise ConfigError(f"{url!r} is not an S3 address: {error}") from error
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise ConfigError(
            f"the S3 address of {host!r} carries more than host and path", hint="keys are given by reference"
        )
    bucket, _, prefix = parts.path.strip("/").partition("/")
    if not host or not bucket:
        raise ConfigError(f"{url!r} names no host or no bucket", hint="write it as s3:https://host/bucket/prefix")
    secure = parts.scheme == "https"
    if not secure and not _is_loopback(host):
        raise ConfigError(f"{url!r} would send backups in the clear", hint="use https, with `ca_file` for your own CA")
    return S3Address(
        host=host, port=port or (443 if secure else 80), secure=secure, bucket=bucket, prefix=prefix.strip("/")
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
