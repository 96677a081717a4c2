"""The kind ``restic``, as drp's registry has it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field

from drp.config import build
from drp.config.schema import Secret
from drp.config.schema_repositories import RepositoryFile
from drp.config.steering import program
from drp.config.values import Text
from drp.domain.repository_port import Repository
from drp.repositories.kind import Resolve
from drp.repositories.restic.settings import ResticSettings


class ResticFile(RepositoryFile):
    """A restic repository."""

    kind: Literal["restic"] = "restic"
    """Written by restic."""
    password: Secret
    """Reference to the repository's password."""
    executable: Text = "restic"
    """Path of the tool, or a name looked up in the system's usual places."""
    audited_objects: int = Field(default=400, ge=1)
    """How many data objects are asked for their lock at most where nothing is demanded; above it, a sample is."""


class ResticKind:
    """Repositories that restic wrote, wherever they lie."""

    name = "restic"
    restores_parts = True
    file = ResticFile

    def settings(self, name: str, said: ResticFile, site: Path) -> ResticSettings:
        """Return what an entry says as values."""
        return ResticSettings(
            name=name,
            location=build.location(said.location, site),
            limits=build.limits(said),
            password=build.secret(said.password, site),
            executable=program(said.executable, site),
            audited_objects=said.audited_objects,
        )

    def create(self, settings: ResticSettings, *, resolve: Resolve, cache_directory: Path) -> Repository:
        """Return the repository."""
        from drp.repositories.restic.assembly import assembled  # noqa: PLC0415 - what it needs takes long to load

        return assembled(settings, resolve=resolve, cache_directory=cache_directory)

    def programs(self, settings: ResticSettings) -> Iterator[Path]:
        """Yield restic. Raises ``RepositoryError`` when there is none."""
        from drp.repositories.restic.tool import executable_path  # noqa: PLC0415 - as above

        yield executable_path(settings.executable)

    def trial(self) -> str:
        """Return the version of the restic that is taken unless a site says otherwise. Raises ``RepositoryError``."""
        from drp.repositories.restic.tool import default_version  # noqa: PLC0415 - as above

        return default_version()


KIND = ResticKind()
