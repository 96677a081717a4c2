"""What a restic repository is, as plain frozen values."""

from __future__ import annotations

from dataclasses import dataclass

from drp.domain.repository import RepositorySettings, S3Location
from drp.domain.restore import SecretReference


@dataclass(frozen=True, slots=True, kw_only=True)
class ResticSettings(RepositorySettings):
    """One restic repository."""

    kind: str = "restic"
    password: SecretReference
    executable: str = "restic"
    """A path, or a name that is looked up in the system's usual places."""
    audited_objects: int = 400
    """How many data objects are asked for their lock at most where nothing is demanded; above it, a sample is."""


def tool_url(location: S3Location) -> str:
    """Return an S3 location as restic takes it: ``s3:https://host[:port]/bucket[/prefix]``."""
    return f"s3:{location.shown}"
