"""A repository in a directory: of this machine, or on a medium that may be absent."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from pathlib import Path

from drp.clock import utc_now
from drp.domain.phrase import NOTHING, Phrase, say
from drp.domain.restore import CellSecret
from drp.domain.worm.attestation import Attestation
from drp.domain.worm.hardened import SeenFolder, attestation_of, offline
from drp.errors import AccessDenied, RepositoryError
from drp.repositories.locations.medium import Medium
from drp.repositories.locations.protection import observe
from drp.repositories.restic.backend import AttestationAsked, CellAccess, Condition, missing_parts

INSIDE = "/run/base/repository"
"""Where the restore cell sees the directory, read-only."""

_OBJECT_NAME = re.compile(r"[0-9a-f]{64}")
_LISTING_LIMIT = 1_000_000
_CHANGING = "locks"
"""The folder whose files restic makes and deletes at every use."""
_MEMORY_SECONDS = 60.0


class DirectoryBackend:
    """A restic repository that is a directory."""

    object_lock = False
    air_gapped = False
    clock_ahead_ms = None

    def __init__(self, name: str, path: Path, *, audited_objects: int = 400) -> None:
        """Take the repository's name, for messages, where it is, and how many files are asked for their protection."""
        self._name, self._path, self._audited_objects = name, path, audited_objects
        self._seen = (float("-inf"), SeenFolder())

    def look(self) -> Condition:
        """Return what is there. Raises ``RepositoryError`` when nothing is, ``AccessDenied`` when it is unreadable."""
        try:
            config = (self._path / "config").is_file()
            parts = {part: self._marks(part) for part in ("keys", "snapshots", "index")}
        except PermissionError as error:
            raise AccessDenied(
                say(
                    "repository {name} may not be read: {path}: {why}",
                    name=self._name,
                    path=error.filename,
                    why=os.strerror(error.errno or 0),
                ),
                hint="let the user that runs drp read it, and no more than read",
            ) from error
        except OSError as error:
            message = say(
                "repository {name} cannot be listed: {path}: {why}",
                name=self._name,
                path=error.filename,
                why=os.strerror(error.errno or 0),
            )
            raise RepositoryError(message) from error
        if not config and not any(parts.values()):
            raise RepositoryError(
                say("repository {name} is not there: no repository at {path}", name=self._name, path=self._path)
            )
        broken = missing_parts(config=config, keys=bool(parts["keys"]))
        marks = frozenset(f"{name} {mark}" for part in ("keys", "snapshots") for name, mark in parts[part].items())
        return Condition(snapshots=frozenset(parts["snapshots"]), marks=marks, broken=broken)

    def lock_names(self) -> frozenset[str]:
        """Return the names of the locks that are there."""
        self.look()
        try:
            return frozenset(self._marks("locks"))
        except OSError:  # closed to us, or gone meanwhile
            return frozenset()

    def _marks(self, part: str) -> dict[str, str]:
        """Return the files of a part by name, with what changes when they do."""
        folder = self._path / part
        if not folder.is_dir():
            return {}
        names: dict[str, str] = {}
        with os.scandir(folder) as entries:
            for entry in entries:
                if _OBJECT_NAME.fullmatch(entry.name):
                    seen = entry.stat(follow_symlinks=False)
                    names[entry.name] = f"{seen.st_ino} {seen.st_size} {seen.st_mtime_ns} {seen.st_ctime_ns}"
                if len(names) > _LISTING_LIMIT:
                    raise RepositoryError(
                        say(
                            "repository {name} holds more than {most} {part}",
                            name=self._name,
                            most=_LISTING_LIMIT,
                            part=part,
                        )
                    )
        return names

    def explain_refusal(self) -> Phrase:
        """A directory keeps no older versions that could tell."""
        return NOTHING

    def attest(self, asked: AttestationAsked) -> Attestation:
        """Return what protects the files of the repository, whichever points need them; locks of restic change."""
        if time.monotonic() - self._seen[0] > _MEMORY_SECONDS:
            seen = observe(self._path, self._audited_objects, grows=True, apart=(_CHANGING,))
            self._seen = (time.monotonic(), seen)
        return attestation_of(asked.subject, (self._seen[1],), asked.demand, at=utc_now(), mode=asked.mode)

    def host_arguments(self) -> tuple[str, ...]:
        """Return restic's arguments on this machine."""
        return ("--repo", str(self._path))

    def host_secrets(self) -> Mapping[str, str]:
        """A directory takes none."""
        return {}

    def cell(self) -> CellAccess:
        """Return that the cell sees the directory, read-only."""
        return CellAccess(repository=INSIDE, read_only_binds={str(self._path.resolve()): INSIDE})

    def secrets(self) -> tuple[CellSecret, ...]:
        """A directory takes none."""
        return ()


class MediumBackend(DirectoryBackend):
    """A restic repository on an air-gapped medium: nothing is looked at before the label is right."""

    air_gapped = True

    def __init__(self, name: str, medium: Medium, directory: str, *, audited_objects: int = 400) -> None:
        """Take the repository's name, its medium, and the folder on it."""
        super().__init__(name, medium.mount / directory, audited_objects=audited_objects)
        self._medium = medium

    def look(self) -> Condition:
        """Return what is there. Raises ``MediaNeeded`` when the medium is absent, another one, or goes meanwhile."""
        self._medium.require()
        try:
            return super().look()
        except RepositoryError:
            self._medium.require()
            raise

    def attest(self, asked: AttestationAsked) -> Attestation:
        """Return what is observed while the medium is here: where it is between two drills is declared, and unseen."""
        self._medium.require()
        try:
            found = super().attest(asked)
        finally:
            self._medium.require()  # what could not be seen since it was pulled says nothing of the backup
        return offline(found, self._medium.label)
