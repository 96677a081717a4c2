"""The places that a repository may lie in: each brings what its key in the file may say.

Only what a file names is loaded of other packages; drp's own names are known with what they may say.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol, Self, TypeVar

from pydantic import AfterValidator, Field, create_model, model_validator

from drp.config.schema import Strict
from drp.domain.phrase import Phrase, say, several
from drp.domain.repository import Location
from drp.errors import PluginError
from drp.registry import Registry
from drp.trust import Trust, require


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What `drp init` was told of a place besides its address; paths as they were typed."""

    user_file: Path | None = None
    """File of an access key id, or a user's name."""
    secret_file: Path | None = None
    """File of the secret that belongs to it."""
    region: str = ""
    ca_file: Path | None = None


class ConfiguredLocation(Protocol):
    """What the configuration has to know of a place; the whole of it is in `drp/repositories/locations/kind.py`."""

    name: str
    file: Any
    """What its key may say: a `Strict` model, or another type of `drp.config.values`."""
    meaning: str
    """Its key's description, for editors and the reference."""
    is_folder: bool
    """Whether it is a folder of this machine, which every kind of repository can lie in."""
    worm_keys: frozenset[str]
    """Which keys of a repository's `worm` mean something there."""
    address: str
    """How it is written in one line after its name and a colon, for messages; empty: it is not."""

    def location(self, said: Any, site: Path) -> Location:
        """Return what its key says as a value, paths made absolute; everything was checked before."""
        ...

    def from_address(self, address: str, given: Given) -> Any:
        """Return what its key would say for an address. Raises ``UsageError``."""
        ...


LOCATIONS: Registry[ConfiguredLocation] = Registry("drp.locations", say("place of repositories"), ours_first=True)


def configured_location(name: str) -> ConfiguredLocation:
    """Return a place.

    Raises ``PluginError`` when there is none of that name, or it cannot be loaded, and ``Untrusted`` where others can
    change its code, before any of it runs.
    """
    trust = Trust()
    require(doubt for place in LOCATIONS.places(name) for doubt in trust.doubts(place))
    return LOCATIONS.load(name)


class LocationFile(Strict):
    """Where the repository is: exactly one of these places."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self._said()) != 1:
            places = several([f"`{name}`" for name in sorted(type(self).model_fields)])
            raise ValueError(say("say exactly one of {places}", places=places))
        return self

    def chosen(self) -> tuple[str, Any]:
        """Return the name of the place, and what is said of it."""
        ((name, said),) = self._said().items()
        return name, said

    def refuse_unread(self, said: Collection[str]) -> None:
        """Raise ``ValueError`` for keys of `worm` that nothing reads where the repository lies."""
        name, _ = self.chosen()
        known = configured_location(name).worm_keys
        if unread := sorted(set(said) - known):
            keys = several([f"`{key}`" for key in unread])
            taken = several([f"`{key}`" for key in sorted(known)])
            raise ValueError(
                say("`{place}` reads no {keys} of `worm`, only {taken}", place=name, keys=keys, taken=taken)
            )

    def _said(self) -> Mapping[str, Any]:
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: said for name, said in fields.items() if said is not None}


class FolderLocationFile(LocationFile):
    """Where dated folders are: a place that is a folder of this machine."""

    @model_validator(mode="after")
    def _a_folder(self) -> Self:
        name, _ = self.chosen()
        if not configured_location(name).is_folder:
            message = say("`{name}` is no folder, and dated folders lie in one: mount it, or use restic", name=name)
            raise ValueError(message)
        return self


Model = TypeVar("Model", bound=LocationFile)


def location_file(base: type[Model], named: Collection[str]) -> type[Model]:
    """Return the model of a location that may name every installed place, with what those of ``named`` may say."""
    fields: dict[str, Any] = {}
    for name in LOCATIONS.names():
        ours = not LOCATIONS.places(name)
        said, meaning = _said_of(name) if ours or name in named else (Any, "")
        fields[name] = (said | None, Field(default=None, description=meaning or None))
    return create_model(base.__name__, __base__=base, __module__=base.__module__, __doc__=base.__doc__, **fields)


def _said_of(name: str) -> tuple[Any, str]:
    try:
        entry = configured_location(name)
    except PluginError as error:
        return Annotated[Any, AfterValidator(_refusing(error.message))], ""
    return entry.file, entry.meaning


def _refusing(why: Phrase | str) -> Any:
    def refuse(said: Any) -> Any:
        del said
        raise ValueError(why)

    return refuse


def places_named(data: Any) -> set[str]:
    """Return the places that a document of repositories names, whatever else it says."""
    entries = data.get("repositories") if isinstance(data, Mapping) else None
    said = entries.values() if isinstance(entries, Mapping) else ()
    places = [each.get("location") for each in said if isinstance(each, Mapping)]
    return {name for place in places if isinstance(place, Mapping) for name in place if isinstance(name, str)}
