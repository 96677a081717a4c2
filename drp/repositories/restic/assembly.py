"""From settings to a repository: the one place that knows which location takes which adapter."""

from __future__ import annotations

from pathlib import Path

from drp.domain.repository import DirectoryLocation, MediumLocation, S3Location
from drp.domain.repository_port import Repository
from drp.repositories.kind import Resolve
from drp.repositories.locations.medium import Medium
from drp.repositories.restic.directory import DirectoryBackend, MediumBackend
from drp.repositories.restic.repository import ResticRepository
from drp.repositories.restic.settings import ResticSettings


def assembled(settings: ResticSettings, *, resolve: Resolve, cache_directory: Path) -> Repository:
    """Return the repository; nothing is contacted yet. ``cache_directory`` is made, private, when it is first used."""
    cache = cache_directory / settings.name
    match settings.location:
        case DirectoryLocation(path=path):
            return ResticRepository(settings, DirectoryBackend(settings.name, path), resolve, cache)
        case MediumLocation(mount=mount, label=label, path=path):
            return ResticRepository(settings, MediumBackend(settings.name, Medium(mount, label), path), resolve, cache)
        case S3Location() as location:
            from drp.repositories.restic.bucket import BucketBackend  # noqa: PLC0415 - boto3 takes a third of a second
            from drp.repositories.restic.pinning import BucketRepository  # noqa: PLC0415 - as above

            backend = BucketBackend(
                settings.name, location, resolve, settings.limits, audited_objects=settings.audited_objects
            )
            return BucketRepository(settings, backend, resolve, cache)
