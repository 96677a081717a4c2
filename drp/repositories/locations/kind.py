"""What a place of repositories is: everything that drp has to know of it, in one object that its package registers."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from drp.config.locations import LOCATIONS, ConfiguredLocation
from drp.domain.repository import Location, RepositorySettings, WaitLimits
from drp.domain.worm.probe import Probe
from drp.errors import PluginError
from drp.registry import Registry
from drp.repositories.kind import Resolve
from drp.repositories.locations.stored import StoredObjects
from drp.repositories.restic.backend import Backend


class LocationKind(ConfiguredLocation, Protocol):
    """A place of repositories, registered as entry point of the group ``drp.locations``.

    One that is a folder (``is_folder``) serves every kind of repository by `Location.folder`; others serve restic.
    """

    def restic(self, settings: Any, resolve: Resolve) -> Backend:
        """Return how restic reaches a repository there, by its `ResticSettings`; nothing is contacted yet."""
        ...


@runtime_checkable
class ProbedLocation(Protocol):
    """A place on which drp can try, on something of its own, what must be refused; not every place can be."""

    def probe(self, settings: RepositorySettings, resolve: Resolve, at: datetime) -> Probe:
        """Return what came of it. Raises ``UsageError`` where the site does not allow it."""
        ...


@runtime_checkable
class StoringLocation(Protocol):
    """A place whose objects drp can list and read by itself, without the backup tool; not every place can."""

    def stored(self, name: str, location: Any, resolve: Resolve, limits: WaitLimits) -> StoredObjects:
        """Return the objects of a repository there; ``name`` is for messages. Nothing is contacted yet."""
        ...


_LOCATIONS: Registry[LocationKind] = Registry(LOCATIONS.group, LOCATIONS.what, ours_first=True)


def location_kind(location: Location) -> LocationKind:
    """Return what a place is. Raises ``PluginError`` when it cannot be loaded."""
    if not _LOCATIONS.names():
        raise PluginError(_LOCATIONS.unknown(location.kind), hint="install drp anew: its entry points are outdated")
    return _LOCATIONS.load(location.kind)
