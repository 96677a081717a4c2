"""From settings to a repository: the place says how restic reaches it."""

from __future__ import annotations

from pathlib import Path

from drp.domain.repository_port import Repository
from drp.repositories.kind import Resolve
from drp.repositories.locations.kind import location_kind
from drp.repositories.restic.repository import ResticRepository
from drp.repositories.restic.settings import ResticSettings


def assembled(settings: ResticSettings, *, resolve: Resolve, cache_directory: Path) -> Repository:
    """Return the repository; nothing is contacted yet. ``cache_directory`` is made, private, when it is first used."""
    backend = location_kind(settings.location).restic(settings, resolve)
    return ResticRepository(settings, backend, resolve, cache_directory / settings.name)
