"""Binds a drill to an instant of a bucket, and to the versions that it has there.

The instant is the store's: now, less what its dates leave out; the last good one where somebody emptied or overwrote
the repository; or the one that was asked for.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

from drp.domain.phrase import NOTHING, Instant, say
from drp.domain.repository import S3Location
from drp.domain.repository_port import PinnedView, Repository
from drp.domain.restore import SecretReference
from drp.domain.worm.objects import ObjectVersion
from drp.domain.worm.pinned import Pinned, Served, View, Why, view_at
from drp.domain.worm.tampering import Tampering, diagnose
from drp.errors import AccessDenied, DrpError, ObjectAbsent, RepositoryError, ShortBody, UsageError
from drp.repositories.locations.s3 import S3Reader
from drp.repositories.locations.stored import StoredObjects, stored_objects
from drp.repositories.pinned.layout import belongs, digest_in, unsucceeded
from drp.repositories.pinned.process import ViewProcess
from drp.repositories.restic.backend import Bucket
from drp.repositories.restic.needs.listing import Listing, listing
from drp.repositories.restic.pinned import PinnedBackend
from drp.repositories.restic.repository import ResticRepository
from drp.repositories.restic.settings import ResticSettings

MARGIN = timedelta(seconds=1)
"""Stores date versions in whole seconds: what is older than this cannot be joined by anything of the same date."""
_TURN_SECONDS = 0.1
_TURNS = 100
_READERS = 4
_ESSENTIAL = ("config", "keys/", "snapshots/", "index/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Every version of a repository, and what did not fit."""

    versions: tuple[ObjectVersion, ...]
    now: datetime
    """The newest instant that a view may have, by the store's clock."""
    unsteady: tuple[str, ...] = ()
    """Keys that were in one listing and not in another, of those parts that were listed twice."""


def listed(reader: S3Reader, name: str) -> Listed | None:
    """Return every version in a bucket, None where it keeps none. Raises as `S3Reader` does, ``RepositoryError``.

    What was written in the last seconds is waited for, until nothing can join it: a drill sees the backup before it.
    """
    if not reader.versioning():
        return None
    asked_at = _told(reader, name)
    found = _listed(reader, asked_at - MARGIN)
    if not any(found.now < each.modified <= asked_at for each in found.versions):
        return found
    for _ in range(_TURNS):
        if _told(reader, name) > asked_at + MARGIN:
            return _listed(reader, asked_at)
        time.sleep(_TURN_SECONDS)
        reader.versioning()
    return found


def _told(reader: S3Reader, name: str) -> datetime:
    if reader.told_at is None:
        raise RepositoryError(
            say("repository {name} tells no time, so that no drill can be bound to an instant of it", name=name)
        )
    return reader.told_at


def _listed(reader: S3Reader, now: datetime) -> Listed:
    """List what nothing can be restored without before the rest, and with it: a listing that changes shows."""
    first = {_identity(each) for part in _ESSENTIAL for each in reader.versions(part) if each.modified <= now}
    versions = tuple(reader.versions())
    again = {_identity(each) for each in versions if each.modified <= now and each.key.startswith(_ESSENTIAL)}
    unsteady = sorted({key for key, _ in first ^ again if belongs(key)})
    return Listed(versions=versions, now=now, unsteady=tuple(unsteady))


def _identity(version: ObjectVersion) -> tuple[str, str]:
    return version.key, version.version


@dataclass(frozen=True, slots=True, kw_only=True)
class ResticView:
    """The `PinnedView` port."""

    repository: Repository
    pinned: Pinned
    process: ViewProcess
    unsteady: tuple[str, ...] = ()
    newest: datetime | None = None

    def served(self, door: str) -> Served:
        """Return what came out of it by a door."""
        return self.process.served(door)

    def trouble(self) -> DrpError | None:
        """Return why it gives nothing any more."""
        return self.process.trouble()


def _digest(stored: StoredObjects, version: ObjectVersion) -> str:
    """Return the SHA-256 of a version; empty: it is not there any more, or not as long as it was listed."""
    total = hashlib.sha256()
    try:
        for piece in stored.read(version.key, version.version):
            total.update(piece)
    except (ObjectAbsent, ShortBody):
        return ""
    return total.hexdigest()


class _Seen(ResticRepository):
    """A repository through its view: what points need is looked up in it, too."""

    def __init__(
        self,
        settings: ResticSettings,
        backend: PinnedBackend,
        resolve: Callable[[SecretReference], str],
        cache_directory: Path,
        view: View,
    ) -> None:
        super().__init__(settings, backend, resolve, cache_directory)
        self._view = view

    def objects(self) -> tuple[StoredObjects, Listing]:
        return self._never_changes

    @cached_property
    def _never_changes(self) -> tuple[StoredObjects, Listing]:
        place = self._settings
        stored = stored_objects(place.name, place.location, self._resolve, place.limits)
        return stored, listing(replace(each, latest=True) for each in self._view.objects.values())


class BucketRepository(ResticRepository):
    """A restic repository in a bucket: drills are bound to its versions where the bucket keeps them."""

    def __init__(
        self,
        settings: ResticSettings,
        backend: Bucket,
        resolve: Callable[[SecretReference], str],
        cache_directory: Path,
    ) -> None:
        """Take what `ResticRepository` does."""
        super().__init__(settings, backend, resolve, cache_directory)
        self._bucket, self._cache = backend, cache_directory
        self._views: dict[tuple[str, datetime | None], ResticView | None] = {}
        self._making = threading.Lock()

    def pinned(self, drill: str, at: datetime | None = None) -> PinnedView | None:
        """Return the view that a drill is bound to; None: the bucket keeps no versions."""
        with self._making:
            found = self._views.get((drill, at))
            if found is not None and found.trouble() is not None:  # the same versions, by another process
                found.process.close()
                at, found = found.pinned.at, None
                del self._views[drill, at]
            if found is None:
                found = self._pin(at)
                self._views[drill, at] = found
                if found is not None:
                    self._views[drill, found.pinned.at] = found
            return found

    def _pin(self, at: datetime | None) -> ResticView | None:
        there = listed(self._bucket.reader(), self.name)
        if there is None:
            return None
        if at is not None:
            if at > there.now:
                raise UsageError(
                    say(
                        "repository {name} cannot be seen as of {at}: it is {now} there",
                        name=self.name,
                        at=Instant(at),
                        now=Instant(there.now),
                    ),
                    hint="give an instant that has passed",
                )
            return self._view(there, at, "asked", diagnose(there.versions))
        tampering = diagnose(there.versions)
        if tampering is not None and not tampering.certain and self._is_refused(there):
            tampering = replace(diagnose(there.versions, refused=True) or tampering, certain=True)
        if tampering is not None and tampering.certain and tampering.last_good is not None:
            return self._view(there, tampering.last_good, "before-tampering", tampering)
        return self._view(there, there.now, "now", tampering)

    def _is_refused(self, there: Listed) -> bool:
        """Return whether what is there now, which may have been overwritten, opens to no password."""
        view = self._view(there, there.now, "now", None)
        try:
            return bool(view.repository.preflight().remarks)  # keys open it, and they open nothing else
        except AccessDenied:
            return view.trouble() is None
        finally:
            view.process.close()

    def _proven(self, view: View) -> dict[str, ObjectVersion]:
        """Return the newest version of each disputed key whose bytes are what its name says, where there is one."""
        if not view.disputed:
            return {}
        place = self._settings
        stored = stored_objects(place.name, place.location, self._resolve, place.limits)

        def right(key: str) -> ObjectVersion | None:
            return next((each for each in view.disputed[key] if _digest(stored, each) == digest_in(key)), None)

        with ThreadPoolExecutor(_READERS) as readers:
            found = zip(view.disputed, readers.map(right, view.disputed), strict=True)
            return {key: each for key, each in found if each is not None}

    def _view(self, there: Listed, at: datetime, why: Why, tampering: Tampering | None) -> ResticView:
        lost = unsucceeded(there.versions, at)
        view = view_at(
            there.versions,
            at.astimezone(UTC),
            wanted=belongs,
            provable=lambda key: bool(digest_in(key)),
            below_markers=lambda key: key.startswith("data/") or key in lost,  # restic asks for packs by its index
        )
        view = view.settled(self._proven(view))
        location = self._settings.location
        assert isinstance(location, S3Location)
        process = ViewProcess(self.name, location, self._resolve, self._settings.limits, view)
        what, beyond = NOTHING, False
        if tampering is not None and (why == "now" or tampering.since > at):
            what, beyond = tampering.what, tampering.certain and why == "now"  # then there is nothing to go back to
        backend = PinnedBackend(self._bucket, view, process, emptied=what if beyond else NOTHING)
        return ResticView(
            repository=_Seen(self._settings, backend, self._resolve, self._cache, view),
            pinned=Pinned(
                at=view.at,
                why=why,
                tampering=NOTHING if beyond else what,
                objects=len(view.objects),
                digest=view.digest,
            ),
            process=process,
            unsteady=there.unsteady,
            newest=view.newest,
        )
