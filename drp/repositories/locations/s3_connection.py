"""How S3 is spoken to, by whoever does: keys that never leave in a message, and a client that is told everything.

Nothing of the caller's AWS configuration counts, no proxy does, and nothing is retried in secret.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from drp.domain.repository import S3Location, WaitLimits
from drp.domain.restore import SecretReference
from drp.redact import remember

Resolve = Callable[[SecretReference], str]

_SYSTEM_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_NO_AMBIENT_SETTINGS = {
    "profile": (None, None, None, None),
    "config_file": (None, None, "/dev/null", None),
    "credentials_file": (None, None, "/dev/null", None),
}
"""botocore's table of settings: without the environment variables that would point it at the caller's files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Credentials, resolved; never printed."""

    access: str
    secret: str
    token: str | None

    def __repr__(self) -> str:
        """Return nothing that is secret."""
        return "Keys(…)"


def resolve_keys(location: S3Location, resolve: Resolve) -> Keys:
    """Return the credentials of a location, and never let them leave in a message."""
    access, secret = resolve(location.access_key), resolve(location.secret_key)
    token = resolve(location.session_token) if location.session_token is not None else None
    for value in (access, secret, token or ""):
        remember(value)
    return Keys(access=access, secret=secret, token=token)


def connect(location: S3Location, keys: Keys, limits: WaitLimits) -> Any:
    """Return a client of boto3 for one service, with these keys; nothing is sent yet. Who makes it bounds it."""
    import botocore.session
    from boto3.session import Session
    from botocore.config import Config

    core = botocore.session.Session(session_vars=_NO_AMBIENT_SETTINGS)
    core.register_component("data_loader", _models())
    return Session(botocore_session=core).client(
        "s3",
        endpoint_url=location.endpoint.url,
        region_name=location.region,
        aws_access_key_id=keys.access,
        aws_secret_access_key=keys.secret,
        aws_session_token=keys.token,
        verify=certificates(location),
        config=Config(
            connect_timeout=limits.connect_seconds,
            read_timeout=limits.answer_seconds,
            retries={"max_attempts": 0, "mode": "standard"},
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            proxies={},
        ),
    )


@cache
def _models() -> Any:
    """Return what reads the descriptions of services: once for all clients, since it takes longer than all else."""
    from botocore.loaders import create_loader

    return create_loader()


def failures(*more: type[Exception]) -> tuple[type[Exception], ...]:
    """Return what botocore raises (its own, what the service answers, what the connection does), and ``more``."""
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

    return BotoCoreError, ClientError, HTTPClientError, *more


def certificates(location: S3Location) -> str | bool:
    """Return the certificates to trust: the given file, else the system's."""
    if location.ca_file is not None:
        return str(location.ca_file)
    return str(_SYSTEM_CERTIFICATES) if _SYSTEM_CERTIFICATES.is_file() else True


def refusal(status: int, operation: str) -> Exception:
    """Return what boto3 would raise where a service answers a HEAD with this status: it has no words for why."""
    from botocore.exceptions import ClientError

    said: Any = {"Error": {"Code": str(status)}, "ResponseMetadata": {"HTTPStatusCode": status}}
    error: Exception = ClientError(said, operation)
    return error
