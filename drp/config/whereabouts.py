"""A repository's place in one line, as backup tools write it, made into an entry of ``inventory/repositories.yml``."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from drp.config import build
from drp.config.repository_kinds import configured_kind
from drp.domain.phrase import say
from drp.domain.repository import DEFAULT_REGION, RepositorySettings
from drp.errors import UsageError

_ELSEWHERE = re.compile(r"(rest|sftp|b2|azure|gs|swift|rclone|ssh|https?|file):", re.IGNORECASE)
_PLACES = say("a directory, or s3:https://HOST[:PORT]/BUCKET[/PREFIX]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """Where the secrets of a repository are read; no value is one."""

    password_file: Path | None = None
    password_command: str = ""
    """Program and words, as a shell splits them."""
    password_credential: str = ""
    access_key_file: Path | None = None
    secret_key_file: Path | None = None

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


def place_of(said: str) -> dict[str, Any]:
    """Return `location` of an entry, but for the keys of a bucket. Raises UsageError for what drp does not read."""
    if said.lower().startswith("s3:"):
        return {"s3": _bucket(said[3:])}
    if (match := _ELSEWHERE.match(said)) is not None:
        raise UsageError(
            say("{scheme}: repositories are not read: {said}", scheme=match[1].lower(), said=said),
            hint=say("name {places}; mount or copy the repository where drp can read it", places=_PLACES),
        )
    return {"directory": str(Path(said).absolute())}


def bucket_of(said: Mapping[str, Any], secrets: Secrets, *, region: str = "", ca_file: Path | None = None) -> Any:
    """Return a bucket's location with the references to its keys. Raises UsageError."""
    if secrets.access_key_file is None or secrets.secret_key_file is None:
        raise UsageError(
            say("how are the bucket's keys read?"),
            hint=say(
                "--access-key-file FILE and --secret-key-file FILE (chmod 600), of an identity that may only read"
            ),
        )
    return {
        **said,
        **({"region": region} if region and region != DEFAULT_REGION else {}),
        **({"ca_file": str(ca_file.absolute())} if ca_file is not None else {}),
        "access_key": {"file": str(secrets.access_key_file.absolute())},
        "secret_key": {"file": str(secrets.secret_key_file.absolute())},
    }


def settings_of(name: str, entry: Mapping[str, Any]) -> RepositorySettings:
    """Return the repository that an entry describes. Raises UsageError for an entry that no site could have."""
    try:
        said = configured_kind(str(entry["kind"])).file.model_validate(entry)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        why = first["msg"].removeprefix("Value error, ")
        message = say("no repository of a site: {where}: {why}", where=where, why=why)
        raise UsageError(message, hint=say("name {places}", places=_PLACES)) from None
    return build.repository(name, said, Path("/"))


def _bucket(said: str) -> dict[str, Any]:
    scheme, separator, rest = said.partition("://")
    if not separator:
        scheme, rest = "https", said
    host, _, path = rest.partition("/")
    bucket, _, prefix = path.strip("/").partition("/")
    if scheme not in {"http", "https"} or not host or not bucket:
        raise UsageError(say("no bucket is named: s3:{said}", said=said), hint=say("name {places}", places=_PLACES))
    return {"endpoint": f"{scheme}://{host}", "bucket": bucket, **({"prefix": prefix} if prefix else {})}


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        message = say("the password's command makes no sense: {error}", error=error)
        raise UsageError(message, hint=say("quote it as in a shell")) from None
    if not words:
        raise UsageError(say("the password's command is empty"), hint=say("name a program that prints the password"))
    return words
