"""The kinds of repositories that a site may name: each brings what its entry in the file may say."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

from pydantic import ConfigDict, Discriminator, Field, Tag, create_model, field_validator

from drp.config.locations import LOCATIONS, LocationFile, location_file, places_named
from drp.config.schema import Strict
from drp.config.schema_repositories import DEFAULT_KIND, RepositoryFile
from drp.config.values import Name
from drp.domain.phrase import say
from drp.domain.repository import RepositorySettings
from drp.errors import PluginError
from drp.registry import Registry
from drp.trust import Trust, require

_UNKNOWN = "?"


class ConfiguredKind(Protocol):
    """What the configuration has to know of a kind; the whole of it is in `drp/repositories/kind.py`."""

    name: str
    file: type[RepositoryFile]
    """What its entry may say: `RepositoryFile` and more."""

    def settings(self, name: str, said: Any, site: Path) -> RepositorySettings:
        """Return what an entry says as values, paths made absolute; everything was checked before."""
        ...


def restores_parts(kind: ConfiguredKind) -> bool:
    """Return whether some files of a point can be restored without the others; not unless the kind says so."""
    return bool(getattr(kind, "restores_parts", False))


KINDS: Registry[ConfiguredKind] = Registry("drp.repositories", say("kind of repository"), ours_first=True)


def configured_kind(name: str) -> ConfiguredKind:
    """Return a kind.

    Raises ``PluginError`` when there is none of that name, or it cannot be loaded, and ``Untrusted`` where others can
    change its code, before any of it runs.
    """
    trust = Trust()
    require(doubt for place in KINDS.places(name) for doubt in trust.doubts(place))
    return KINDS.load(name)


class UnknownKindFile(RepositoryFile):
    """An entry whose kind is not there: that is said, and nothing else of it is looked at."""

    model_config = ConfigDict(extra="allow")

    @field_validator("kind")
    @classmethod
    def _nobody_knows(cls, value: str) -> str:
        try:
            configured_kind(value)
        except PluginError as error:
            raise ValueError(error.message) from None
        return value


class RepositoriesFile(Strict):
    """inventory/repositories.yml: where recovery points are kept."""

    version: Literal[1] = 1
    """Version of this file's format."""
    repositories: dict[Name, Any]
    """Repositories by name."""


def repositories_file(data: Any) -> type[RepositoriesFile]:
    """Return the model of a file for the kinds and places that it names; others are refused where they stand."""
    places = places_named(data)
    files: dict[str, type[RepositoryFile]] = {}
    for kind in sorted(kinds_named(data)):
        with suppress(PluginError):
            files[kind] = entry_file(kind, places)

    def tag(said: Any) -> str:
        kind = said.get("kind", DEFAULT_KIND) if isinstance(said, dict) else getattr(said, "kind", DEFAULT_KIND)
        return kind if isinstance(kind, str) and kind in files else _UNKNOWN

    return _model({**files, _UNKNOWN: _placed(UnknownKindFile, places)}, tag)


def described_file() -> type[RepositoriesFile]:
    """Return the model of a file that may name every installed kind and place, for editors."""
    files = {}
    for kind in KINDS.names():
        with suppress(PluginError):
            files[kind] = entry_file(kind, LOCATIONS.names())
    return _model(files, lambda said: said["kind"])


def entry_file(kind: str, places: Collection[str]) -> type[RepositoryFile]:
    """Return the model of an entry of a kind, in one of some places. Raises what `configured_kind` does."""
    return _placed(configured_kind(kind).file, places)


def _placed(file: type[RepositoryFile], places: Collection[str]) -> type[RepositoryFile]:
    field = file.model_fields["location"]
    base = field.annotation
    assert isinstance(base, type)
    assert issubclass(base, LocationFile)
    return create_model(
        file.__name__,
        __base__=file,
        __module__=file.__module__,
        __doc__=file.__doc__,
        location=(location_file(base, places), Field()),
    )


def _model(files: Mapping[str, type[RepositoryFile]], tag: Callable[[Any], str]) -> type[RepositoriesFile]:
    tagged = [Annotated[model, Tag(kind)] for kind, model in files.items()]
    entry: Any = Annotated[reduce(or_, tagged), Discriminator(tag)] if len(tagged) > 1 else next(iter(files.values()))
    return create_model(
        "RepositoriesFile",
        __base__=RepositoriesFile,
        __doc__=RepositoriesFile.__doc__,
        repositories=(dict[Name, entry], Field(description="Repositories by name.")),
    )


def kinds_named(data: Any) -> set[str]:
    """Return the kinds that a document names, whatever else it says."""
    entries = data.get("repositories") if isinstance(data, Mapping) else None
    said = entries.values() if isinstance(entries, Mapping) else ()
    named = {each.get("kind", DEFAULT_KIND) for each in said if isinstance(each, Mapping)}
    return {kind for kind in named if isinstance(kind, str)} | {DEFAULT_KIND}
