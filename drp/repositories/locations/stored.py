"""The bytes of a repository's objects, wherever they lie: listed version by version, and read without landing on disk.

Nothing here knows what the objects mean, and nothing changes them. It takes what reaching the place takes, and no
password of a repository.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from drp.domain.phrase import Phrase, say
from drp.domain.repository import DirectoryLocation, Location, MediumLocation, S3Location, WaitLimits
from drp.domain.restore import SecretReference
from drp.domain.worm.objects import ObjectVersion
from drp.errors import ObjectsOutOfReach
from drp.repositories.locations.medium import Medium

PIECE = 4 << 20
"""About so many bytes are read at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """A name at the place that holds no object: it was neither followed nor opened."""

    key: str
    why: Phrase
    unlisted: bool = False
    """Whether it is a folder that could not be looked into, so that nobody knows what is in it."""


class StoredObjects(Protocol):
    """The objects of one repository, read only. Safe to use from several threads.

    Raises ``Unreachable``, ``AccessDenied``, ``MediaNeeded``, ``RepositoryError``: nothing of them is about the backup.
    """

    def versions(self, folder: str = "") -> Iterator[ObjectVersion]:
        """Yield every object version and delete marker below a folder; a directory's files have the version ``""``."""
        ...

    def everything(self, folder: str = "") -> Iterator[ObjectVersion | Odd]:
        """Yield what `versions` does, and what is there and holds no object."""
        ...

    def read(self, key: str, version: str | None, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield the bytes of one version, from an offset, in pieces of some 4 MiB; None or ``""``: the current one.

        All of them, or ``length`` of them where there are as many: the caller compares with what it expects. Raises
        besides ``ObjectAbsent``, ``ShortBody`` and ``StorageBroken``, also after pieces were yielded.
        """
        ...

    def views(self, key: str, version: str | None) -> Iterator[bytes | memoryview]:
        """Yield the same bytes from the start, each piece valid until the next one is asked for: for digests."""
        ...


def stored_objects(
    name: str,
    location: Location,
    resolve: Callable[[SecretReference], str],
    limits: WaitLimits,
) -> StoredObjects:
    """Return the objects at a location of a repository; ``name`` is for messages. Keys of a bucket are resolved here.

    Raises ``ConfigError`` as resolving secrets does, ``ObjectsOutOfReach`` for a place whose bytes drp cannot reach by
    itself. Nothing is contacted yet.
    """
    match location:
        case DirectoryLocation(path=path):
            from drp.repositories.locations.stored_directory import StoredDirectory  # noqa: PLC0415 - one of two

            return StoredDirectory(name, path)
        case MediumLocation(mount=mount, label=label):
            from drp.repositories.locations.stored_directory import StoredDirectory  # noqa: PLC0415 - one of two

            return StoredDirectory(name, location.folder, medium=Medium(mount, label))
        case S3Location():
            from drp.repositories.locations.stored_s3 import StoredBucket  # noqa: PLC0415 - its clients load slowly

            return StoredBucket(name, location, resolve, limits)
        case _:
            from drp.repositories.locations.kind import StoringLocation, location_kind  # noqa: PLC0415 - it knows this

            kind = location_kind(location)
            if isinstance(kind, StoringLocation):
                return kind.stored(name, location, resolve, limits)
            raise ObjectsOutOfReach(
                say("repository {name}: drp reads no objects of a {kind}", name=name, kind=location.kind)
            )
