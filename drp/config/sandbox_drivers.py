"""The drivers of sandboxes that a profile may name: each brings what the profile may say of it alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Annotated, Any, Protocol, get_args

from pydantic import ConfigDict, Discriminator, Field, Tag, create_model, field_validator

from drp.config.schema_sandboxes import BubblewrapFile, SandboxesFile, SandboxFile
from drp.config.values import Name
from drp.domain.phrase import say
from drp.domain.sandbox import DEFAULT_DRIVER
from drp.errors import PluginError
from drp.registry import Registry
from drp.trust import Doubt, Trust, require

_UNKNOWN = "?"
INSTALL = say("install a package that brings it")
"""What helps where a driver is not there, or is none."""


class ConfiguredDriver(Protocol):
    """What the configuration has to know of a driver; the whole of it is in `drp/sandboxes/driver.py`."""

    name: str
    file: type[SandboxFile]
    """What a profile may say: `SandboxFile` with a literal ``driver``, and more, explained below each field."""


DRIVERS: Registry[ConfiguredDriver] = Registry("drp.sandboxes", say("sandbox driver"), ours_first=True)


def configured_driver(name: str) -> ConfiguredDriver:
    """Return a driver. Raises ``PluginError``, and ``Untrusted`` where others can change its code."""
    require(_doubts(package_of(name)))
    try:
        found = DRIVERS.load(name)
    except PluginError as error:
        raise PluginError(error.message, hint=INSTALL) from error
    who = DRIVERS.named(DRIVERS.entry(name))
    if getattr(found, "name", None) != name:
        message = say("{who} calls itself {name}", who=who, name=repr(getattr(found, "name", None)))
        raise PluginError(message, hint=INSTALL)
    file = getattr(found, "file", None)
    if not (isinstance(file, type) and issubclass(file, SandboxFile)):
        message = say("{who} does not say what a profile may say of it (`file`, a SandboxFile)", who=who)
        raise PluginError(message, hint=INSTALL)
    said = file.model_fields["driver"]
    if name != DEFAULT_DRIVER and (get_args(said.annotation) != (name,) or not said.is_required()):
        message = say(
            "{who} has to declare `driver: Literal[{name}]`, without a default, in what a profile may say",
            who=who,
            name=repr(name),
        )
        raise PluginError(message, hint=INSTALL)
    return found


def package_of(name: str) -> tuple[Path, ...]:
    """Return the folders, or the file, of the top-level package that a driver is in; none for drp's own.

    Nothing is imported. Raises ``PluginError``.
    """
    try:
        return DRIVERS.places(name)
    except PluginError as error:
        hint = INSTALL if error.hint == PluginError.default_hint else error.hint
        raise PluginError(error.message, hint=hint) from error


def _doubts(places: Iterable[Path]) -> Iterator[Doubt]:
    """Yield what others can change of a driver, before any of it runs: drivers come from anywhere."""
    trust = Trust()
    for place in places:
        yield from trust.doubts(place)


class UnknownDriverFile(SandboxFile):
    """A profile whose driver is not there: that is said, and nothing else of it is looked at."""

    model_config = ConfigDict(extra="allow")

    @field_validator("driver")
    @classmethod
    def _nobody_knows(cls, value: str) -> str:
        try:
            configured_driver(value)
        except PluginError as error:
            raise ValueError(error.message) from None
        return value


def sandboxes_file(data: Any) -> type[SandboxesFile]:
    """Return the model of a file for the drivers that it names; others are refused where they stand."""
    entries = data.get("sandboxes") if isinstance(data, Mapping) else None
    said = entries.values() if isinstance(entries, Mapping) else ()
    named = {each.get("driver", DEFAULT_DRIVER) for each in said if isinstance(each, Mapping)}
    if not named - {DEFAULT_DRIVER}:
        return SandboxesFile
    files = _files(sorted(name for name in named if isinstance(name, str)))

    def tag(entry: Any) -> str:
        name = entry.get("driver", DEFAULT_DRIVER) if isinstance(entry, dict) else getattr(entry, "driver", _UNKNOWN)
        return name if isinstance(name, str) and name in files else _UNKNOWN

    return _model({**files, _UNKNOWN: UnknownDriverFile}, tag)


def described_file() -> type[SandboxesFile]:
    """Return the model of a file that may name every installed driver, for editors."""
    files = _files(DRIVERS.names())
    return _model(files, lambda entry: entry["driver"]) if len(files) > 1 else SandboxesFile


def _files(names: Iterable[str]) -> dict[str, type[SandboxFile]]:
    files: dict[str, type[SandboxFile]] = {DEFAULT_DRIVER: BubblewrapFile}
    for name in names:
        if name != DEFAULT_DRIVER:  # what that one says is known without loading it
            with suppress(PluginError):
                files[name] = configured_driver(name).file
    return files


def _model(files: Mapping[str, type[SandboxFile]], tag: Callable[[Any], str]) -> type[SandboxesFile]:
    tagged = [Annotated[model, Tag(name)] for name, model in files.items()]
    entry: Any = Annotated[reduce(or_, tagged), Discriminator(tag)]
    described = Field(description="Sandboxes by name; `default` is taken where a drill names none.")
    return create_model(
        "SandboxesFile",
        __base__=SandboxesFile,
        __module__=SandboxesFile.__module__,
        __doc__=SandboxesFile.__doc__,
        sandboxes=(dict[Name, entry], described),
    )
