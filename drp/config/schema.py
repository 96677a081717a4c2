"""What ``drp.yml`` may say, and what all files share: unknown keys refused, no silent conversion, secrets by reference.

Docstrings below fields become the descriptions of the JSON Schema (`drp.config.descriptions`).
"""

from __future__ import annotations

from typing import Any, Literal, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from drp.config.values import CREDENTIAL_PATTERN, Language, Name, Rate, Text, Writer
from drp.domain.phrase import say
from drp.domain.volume import Erase

_POSTGRESQL_PORT = 5432
_SECRET_KINDS = ("file", "credential", "command")


class Strict(BaseModel):
    """Base of everything that YAML may say."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class Secret(Strict):
    """Where a secret is read at the moment of use: exactly one of the three. The secret itself never stands here."""

    file: str | None = Field(default=None, min_length=1)
    """Path of a file that others may not read; relative to the site directory."""
    credential: str | None = Field(default=None, pattern=CREDENTIAL_PATTERN)
    """Name of a systemd credential (LoadCredential= or LoadCredentialEncrypted=)."""
    command: list[str] | None = Field(default=None, min_length=1)
    """Program and arguments whose first line of output is the secret."""

    @model_validator(mode="before")
    @classmethod
    def _never_a_value(cls, value: Any) -> Any:
        """Refuse anything but one reference, and never say what stood there: it may be the secret."""
        if not isinstance(value, dict):
            advice = say("a secret never stands in a file: write {{file: …}}, {{credential: …}} or {{command: […]}}")
            raise ValueError(advice)  # noqa: TRY004 - pydantic takes ValueError
        if len(value) != 1 or not set(value) <= set(_SECRET_KINDS):
            raise ValueError(say("must be exactly one of {{file: …}}, {{credential: …}}, {{command: […]}}"))
        return value

    @model_validator(mode="after")
    def _not_null(self) -> Self:
        if self.file is None and self.credential is None and self.command is None:
            raise ValueError(say("names nothing: give a path, a credential or a command"))
        return self


class TlsFile(Strict):
    """TLS to a database server. Beyond this machine there is always TLS, and the server's name is always verified."""

    ca: Text | None = None
    """PEM file of the authorities that vouch for it; relative to the site directory. Default: this machine's own."""
    certificate: Text | None = None
    """PEM file of a client certificate, with its chain; relative to the site directory."""
    key: Secret | None = None
    """Reference to its private key, PEM, without a passphrase."""

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError(say("a client certificate and its key belong together: give both or none"))
        return self


class DatabaseFile(Strict):
    """A database on a PostgreSQL server."""

    url: str
    """postgresql+pg8000://user@host/database; the password stands apart. On this machine also `?unix_sock=PATH`."""
    password: Secret | None = None
    """Reference to the database user's password."""
    tls: TlsFile | None = None
    """Who vouches for the server. Default: this machine's authorities, and nobody for a server of this machine."""

    @field_validator("url")
    @classmethod
    def _without_password(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
            secret = parts.password
        except ValueError:
            raise ValueError(say("is not a database url")) from None
        if secret is not None:
            raise ValueError(say("holds a password: take it out and give `password` as a reference"))
        if parts.scheme != "postgresql+pg8000" or not parts.hostname or len(parts.path) < 2:
            raise ValueError(say("must look like postgresql+pg8000://user@host/database"))
        _require_known(parts.query)
        return value


def server_endpoint(url: str) -> tuple[str, int] | None:
    """Return host and port of the server that a database's url names; None: it is reached by a UNIX socket."""
    parts = urlsplit(url)
    if "unix_sock" in dict(parse_qsl(parts.query)):
        return None
    return parts.hostname or "", parts.port or _POSTGRESQL_PORT


def _require_known(query: str) -> None:
    """Refuse settings of drivers in a url: most would be passed over, and some would weaken the connection."""
    for name, value in parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)):
        if name.lower().startswith(("ssl", "gss", "channel_binding", "require_auth")):
            message = say(
                "`{name}` is not for a url to say: beyond this machine there is always TLS with a verified name",
                name=name,
            )
            raise ValueError(say("{words}; see `tls`", words=message))
        if name != "unix_sock":
            raise ValueError(say("`{name}` is nothing that a url here may say; only `unix_sock` is", name=name))
        if not value.startswith("/"):
            raise ValueError(say("`unix_sock` must be the whole path of a socket"))


class JournalFile(DatabaseFile):
    """The journal's own database, when several hosts or sites share the work."""


class EngineFile(DatabaseFile):
    """The database of orders, when several hosts share the work. It coordinates them, and holds no evidence."""


class EvidenceFile(Strict):
    """Where evidence goes."""

    sinks: list[Text] = Field(default_factory=lambda: ["evidence"], min_length=1)
    """Directories that receive every evidence record; relative to the site directory."""
    writers: list[Writer] = Field(default_factory=list)
    """Accounts (`%group`: its members) that own or write these directories on purpose, besides root and drp's user."""


class ManifestsFile(Strict):
    """Where manifests are kept, apart from the backups."""

    directory: Text = "manifests"
    """Directory that `drp manifest create` fills at backup time; relative to the site directory."""
    writers: list[Writer] = Field(default_factory=list)
    """Accounts (`%group`: its members) that own or fill it on purpose, besides root and drp's user."""


class SiteLimitsFile(Strict):
    """What all of a drill together may take."""

    download: Rate | None = None
    """How fast all restores of a drill together may read, from whichever repositories; left out: as fast as it goes."""


class ApprovalsFile(Strict):
    """How drp knows whose word an approval is."""

    allowed_signers: Text | None = None
    """File of public keys (ssh-keygen's format), relative to the site; left out: the account that answers counts."""
    four_eyes: bool = False
    """Whether whoever asked for a drill may not approve it; needs keys."""


class VolumesFile(Strict):
    """Volumes on disk that restored data lives on."""

    directories: list[Text] = Field(default_factory=list, max_length=16)
    """Folders in which their images are made, the first that has room; left out: below the state directory."""
    erase: Erase = "auto"
    """How what was on them is made unreadable: encrypt, overwrite, or auto, which measures and takes the faster."""


class SiteFile(Strict):
    """drp.yml: the site as a whole."""

    version: Literal[1]
    """Version of this file's format."""
    name: Name
    """Name of the site in records and reports: lower case, digits, hyphens."""
    locale: Language = "en"
    """Language of reports."""
    state: Text = "state"
    """Directory for journal and lock; relative to the site directory."""
    journal: JournalFile | None = None
    """Leave out to keep the journal in the state directory."""
    engine: EngineFile | None = None
    """Leave out to keep orders in the state directory: one worker then, on this machine."""
    places: list[Name] = Field(default_factory=list)
    """Places with workers of their own (`drp worker run --place NAME`); a policy's `place` says what is held there."""
    evidence: EvidenceFile = Field(default_factory=EvidenceFile)
    """Where evidence goes."""
    manifests: ManifestsFile = Field(default_factory=ManifestsFile)
    """Where manifests are kept."""
    approvals: ApprovalsFile = Field(default_factory=ApprovalsFile)
    """How approvers prove that they are."""
    limits: SiteLimitsFile = Field(default_factory=SiteLimitsFile)
    """What all of a drill together may take."""
    volumes: VolumesFile = Field(default_factory=VolumesFile)
    """Where restored data lives that does not fit in memory."""
