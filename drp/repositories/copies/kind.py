"""The kind ``copies``, as drp's registry has it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import time
from pathlib import Path
from typing import Literal, Self
from zoneinfo import ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from drp.config import build
from drp.config.locations import FolderLocationFile
from drp.config.schema_repositories import RepositoryFile
from drp.config.values import Text
from drp.domain.phrase import fact, say
from drp.domain.repository_port import Repository
from drp.repositories.copies.pattern import FolderPattern, Zone
from drp.repositories.copies.settings import MANIFEST, CopiesSettings, beside_file
from drp.repositories.kind import Resolve

_SAYS_UTC = re.compile(r"%[HMSf]Z")
_AT = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


class CopiesFile(RepositoryFile):
    """A directory of dated folders, each a whole copy: of rsync, rclone, or hard-linked snapshots."""

    kind: Literal["copies"]
    """Dated folders."""
    location: FolderLocationFile
    """Where they are."""
    folders: list[Text] = Field(min_length=1, max_length=16)
    """How they are named, below the location: `%Y %m %d %j %H %M %S %f %z %s` as in date(1), each at its full width,
    `{host}`, `{tag}` and `{number}` for what differs, `/` between levels. Whatever else lies there is let be."""
    timezone: Text = "UTC"
    """Time zone of names that state no offset, such as Europe/Paris."""
    at: Text | None = None
    """When the job begins, HH:MM, where names tell a day only."""
    root: Text = "/"
    """What of the machine that was copied a folder holds: `/` when /srv/ehr is at <folder>/srv/ehr, `/srv/ehr` when its
    files are directly in the folder."""
    instant: Text | None = None
    """File that states the instant whose data a folder holds (RFC 3339, with offset): `name` inside of it, or
    `{folder}.name` beside it. Without it the folder's name does."""
    complete: Text | None = None
    """File that is there when a folder is whole, written as `instant` is. Without it every folder counts as whole."""
    manifest: Text = MANIFEST
    """File that names the manifest of what a folder holds, written as `instant` is."""
    audited_files: int = Field(default=400, ge=1)
    """How many files are asked for their protection at most; above it, a reproducible sample is."""

    @field_validator("folders")
    @classmethod
    def _patterns(cls, value: list[str]) -> list[str]:
        for each in value:
            try:
                FolderPattern(each)
            except ValueError as error:
                raise ValueError(f"{each!r} {error}") from None
        return value

    @field_validator("timezone")
    @classmethod
    def _a_zone(cls, value: str) -> str:
        try:
            _ = Zone(name=value).info
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(say("is no time zone of this machine: write it as Europe/Paris or UTC")) from None
        return value

    @field_validator("at")
    @classmethod
    def _a_time(cls, value: str | None) -> str | None:
        if value is not None and not _AT.fullmatch(value):
            raise ValueError(say("is no time of the day: write it as 02:30"))
        return value

    @field_validator("root")
    @classmethod
    def _a_root(cls, value: str) -> str:
        if not value.startswith("/") or any(part in {".", ".."} for part in value.split("/")) or "//" in value:
            raise ValueError(say("is no absolute path without `.` and `..`"))
        return value.rstrip("/") or "/"

    @field_validator("instant", "complete", "manifest")
    @classmethod
    def _a_file(cls, value: str | None) -> str | None:
        if value is not None:
            beside_file(value)
        return value

    @model_validator(mode="after")
    def _one_zone(self) -> Self:
        for text in self.folders:
            if self.timezone != "UTC" and _SAYS_UTC.search(text):
                raise ValueError(
                    say(
                        "`folders` {text} says UTC by its Z, and `timezone` another zone: write %z, or UTC",
                        text=repr(text),
                    )
                )
        return self

    @model_validator(mode="after")
    def _every_folder_has_its_instant(self) -> Self:
        if self.instant is not None:
            return self
        for pattern in map(FolderPattern, self.folders):
            if not pattern.is_dated:
                raise ValueError(
                    say(
                        "`folders` {text} states no instant, and when a folder was last written says nothing "
                        "of its data: let the job write a file that does, and name it as `instant`",
                        text=repr(pattern.text),
                    )
                )
            if not pattern.is_timed and self.at is None:
                raise ValueError(
                    say(
                        '`folders` {text} tells a day only: say when the job begins, `at: "02:30"`',
                        text=repr(pattern.text),
                    )
                )
        return self


class CopiesKind:
    """Dated folders, wherever they lie."""

    name = "copies"
    restores_parts = True
    file = CopiesFile

    def settings(self, name: str, said: CopiesFile, site: Path) -> CopiesSettings:
        """Return what an entry says as values."""
        return CopiesSettings(
            name=name,
            location=build.location(said.location, site),
            limits=build.limits(said),
            patterns=tuple(said.folders),
            zone=Zone(name=said.timezone, at=time.fromisoformat(said.at) if said.at is not None else None),
            root=said.root,
            instant=beside_file(said.instant) if said.instant is not None else None,
            complete=beside_file(said.complete) if said.complete is not None else None,
            manifest=beside_file(said.manifest),
            audited_files=said.audited_files,
        )

    def create(self, settings: CopiesSettings, *, resolve: Resolve, cache_directory: Path) -> Repository:
        """Return the repository; it takes no secret and no cache."""
        del resolve, cache_directory
        from drp.repositories.copies.repository import CopiesRepository  # noqa: PLC0415 - when it is needed

        return CopiesRepository(settings)

    def programs(self, settings: CopiesSettings) -> Iterator[Path]:
        """Yield what reads a copy inside the restore cell."""
        del settings
        from drp.repositories.copies.repository import programs  # noqa: PLC0415 - as above

        return programs()

    def trial(self) -> str:
        """Return what the restore cell runs. Raises ``RepositoryError``."""
        from drp.repositories.copies.repository import interpreter  # noqa: PLC0415 - as above

        return fact("read-by", "read by {interpreter}", interpreter=interpreter())


KIND = CopiesKind()
