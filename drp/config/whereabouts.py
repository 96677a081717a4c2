"""A repository's place in one line, as backup tools write it, made into an entry of ``inventory/repositories.yml``."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from drp.config import build
from drp.config.locations import LOCATIONS, Given, configured_location
from drp.config.repository_kinds import entry_file
from drp.domain.phrase import Phrase, say, several
from drp.domain.repository import RepositorySettings
from drp.errors import UsageError

_FOREIGN = ("rest", "s3", "sftp", "b2", "azure", "gs", "swift", "rclone", "ssh", "http", "https", "file")
"""Schemes that backup tools know: what begins with one is no directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """Where the secrets of a repository are read; no value is one."""

    password_file: Path | None = None
    password_command: str = ""
    """Program and words, as a shell splits them."""
    password_credential: str = ""

    def password(self) -> Mapping[str, Any]:
        """Return the reference to the password. Raises UsageError when there is none, or more than one."""
        said: list[dict[str, Any]] = []
        if self.password_file is not None:
            said.append({"file": str(self.password_file.absolute())})
        if self.password_command:
            said.append({"command": _words(self.password_command)})
        if self.password_credential:
            said.append({"credential": self.password_credential})
        if len(said) != 1:
            message = say("several ways to read one password") if said else say("how is the password read?")
            hint = say("--password-file FILE (chmod 600), --password-command or --password-credential: never itself")
            raise UsageError(message, hint=hint)
        return said[0]


def place_of(said: str, given: Given) -> dict[str, Any]:
    """Return `location` of an entry. Raises UsageError for what drp does not read."""
    scheme, colon, rest = said.partition(":")
    scheme = scheme.lower()
    known = LOCATIONS.names()
    if not colon or scheme not in {*_FOREIGN, *known}:
        return {"directory": str(Path(said).absolute())}
    if scheme in known and (place := configured_location(scheme)).address:
        return {scheme: place.from_address(rest, given)}
    raise UsageError(
        say("{scheme}: repositories are not read: {said}", scheme=scheme, said=said),
        hint=say("name {places}; mount or copy the repository where drp can read it", places=_places()),
    )


def _places() -> Phrase:
    """Return how places are written that drp's own packages know."""
    known = [configured_location(name) for name in LOCATIONS.names() if not LOCATIONS.places(name)]
    written = [f"{each.name}:{each.address}" for each in known if each.address]
    return say("a directory, or {others}", others=several(written))


def settings_of(name: str, entry: Mapping[str, Any]) -> RepositorySettings:
    """Return the repository that an entry describes. Raises UsageError for an entry that no site could have."""
    try:
        said = entry_file(str(entry["kind"]), tuple(entry["location"])).model_validate(entry)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        why = first["msg"].removeprefix("Value error, ")
        message = say("no repository of a site: {where}: {why}", where=where, why=why)
        raise UsageError(message, hint=say("name {places}", places=_places())) from None
    return build.repository(name, said, Path("/"))


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        message = say("the password's command makes no sense: {error}", error=error)
        raise UsageError(message, hint=say("quote it as in a shell")) from None
    if not words:
        raise UsageError(say("the password's command is empty"), hint=say("name a program that prints the password"))
    return words
