"""From settings to a repository: the one place that knows which location takes which adapter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from drp.domain.ports import Repository
from drp.domain.restore import SecretReference
from drp.repositories.backend import Backend
from drp.repositories.locations.directory import DirectoryBackend, MediumBackend
from drp.repositories.locations.medium import Medium
from drp.repositories.restic.repository import ResticRepository
from drp.repositories.settings import LocalLocation, MediumLocation, ResticSettings, S3Location


def create(settings: ResticSettings, *, resolve: Callable[[SecretReference], str], cache_directory: Path) -> Repository:
    """Return the repository; nothing is contacted yet. ``cache_directory`` is made, private, when it is first used.

    Raises ``ConfigError`` for an S3 address that cannot be used.
    """
    backend = _backend(settings, resolve)
    return ResticRepository(settings, backend, resolve, cache_directory / settings.name)


def _backend(settings: ResticSettings, resolve: Callable[[SecretReference], str]) -> Backend:
    match settings.location:
        case LocalLocation(path=path):
            return DirectoryBackend(settings.name, path)
        case MediumLocation(mount=mount, label=label, directory=directory):
            return MediumBackend(settings.name, Medium(mount, label), directory)
        case S3Location() as location:
            from drp.repositories.locations.bucket import BucketBackend  # noqa: PLC0415 - boto3 takes a third of a second

            return BucketBackend(
                settings.name, location, resolve, settings.limits, audited_objects=settings.audited_objects
            )
