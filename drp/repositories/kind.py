"""What a kind of repository is: everything that drp has to know of it, in one object that its package registers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from drp.config.locations import LOCATIONS
from drp.config.repository_kinds import KINDS, ConfiguredKind, configured_kind
from drp.domain.repository import RepositorySettings
from drp.domain.repository_port import Repository
from drp.domain.restore import SecretReference
from drp.registry import Registry

Resolve = Callable[[SecretReference], str]


class RepositoryKind(ConfiguredKind, Protocol):
    """A kind of repository, registered as entry point of the group ``drp.repositories``.

    One with ``restores_parts = True`` says that `Repository.restore_order` takes ``only``: some files of a point.
    Drills of level sample are refused for all others. Where repositories are `SubPaths` too, applications may have a
    folder of a point for their own.
    """

    def create(self, settings: Any, *, resolve: Resolve, cache_directory: Path) -> Repository:
        """Return the repository; nothing is contacted yet. ``cache_directory`` is made, private, when it is used."""
        ...

    def programs(self, settings: Any) -> Iterator[Path]:
        """Yield the programs that read it, whose digests a drill's plan keeps. Raises ``RepositoryError``."""
        ...

    def trial(self) -> str:
        """Return what there is on this machine to read such repositories with. Raises ``RepositoryError``."""
        ...


_KINDS: Registry[RepositoryKind] = Registry(KINDS.group, KINDS.what, ours_first=True)


def create(settings: RepositorySettings, *, resolve: Resolve, cache_directory: Path) -> Repository:
    """Return the repository that settings describe. Raises ``PluginError`` when its kind cannot be loaded."""
    return kind_of(settings).create(settings, resolve=resolve, cache_directory=cache_directory)


def kind_names() -> tuple[str, ...]:
    """Return the names of all kinds that are installed; nothing is imported."""
    return _KINDS.names()


def trial_of(name: str) -> str:
    """Return what there is to read a kind with. Raises ``RepositoryError``, ``PluginError``, ``Untrusted``."""
    configured_kind(name)
    return _KINDS.load(name).trial()


def kind_of(settings: RepositorySettings) -> RepositoryKind:
    """Return the kind of a repository. Raises ``PluginError`` when it cannot be loaded."""
    return _KINDS.load(settings.kind)


def package_of(settings: RepositorySettings) -> tuple[Path, ...]:
    """Return the folders, or files, of the packages that a repository's kind and place are in; none for drp's own."""
    return tuple(dict.fromkeys((*_KINDS.places(settings.kind), *LOCATIONS.places(settings.location.kind))))
