"""From settings to a repository: the place says how restic reaches it."""

from __future__ import annotations

from pathlib import Path

from drp.domain.repository_port import Repository
from drp.repositories.kind import Resolve
from drp.repositories.locations.kind import location_kind
from drp.repositories.restic.backend import KeepsVersions
from drp.repositories.restic.repository import ResticRepository
from drp.repositories.restic.settings import ResticSettings


def assembled(settings: ResticSettings, *, resolve: Resolve, cache_directory: Path) -> Repository:
    """Return the repository; nothing is contacted yet. ``cache_directory`` is made, private, when it is first used."""
    backend, cache = location_kind(settings.location).restic(settings, resolve), cache_directory / settings.name
    if isinstance(backend, KeepsVersions):
        from drp.repositories.restic.pinning import BucketRepository  # noqa: PLC0415 - most places keep no versions

        return BucketRepository(settings, backend, resolve, cache)
    return ResticRepository(settings, backend, resolve, cache)
