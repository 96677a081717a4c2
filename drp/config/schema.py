"""What ``drp.yml`` may say, and what all files share: unknown keys refused, no silent conversion, secrets by reference.

Docstrings below fields become the descriptions of the JSON Schema (`drp.config.descriptions`).
"""

from __future__ import annotations

from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from drp.config.values import CREDENTIAL_PATTERN, Language, Name, Text, Writer

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
            raise ValueError("a secret never stands in a file: write {file: …}, {credential: …} or {command: […]}")  # noqa: TRY004 - pydantic takes ValueError
        if len(value) != 1 or not set(value) <= set(_SECRET_KINDS):
            raise ValueError("must be exactly one of {file: …}, {credential: …}, {command: […]}")
        return value

    @model_validator(mode="after")
    def _not_null(self) -> Self:
        if self.file is None and self.credential is None and self.command is None:
            raise ValueError("names nothing: give a path, a credential or a command")
        return self


class JournalFile(Strict):
    """The journal's own database, when several hosts or sites share the work."""

    url: str
    """postgresql+pg8000://user@host/database; the password stands apart."""
    password: Secret | None = None
    """Reference to the database user's password."""

    @field_validator("url")
    @classmethod
    def _without_password(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
            secret = parts.password
        except ValueError:
            raise ValueError("is not a database url") from None
        if secret is not None:
            raise ValueError("holds a password: take it out and give `password` as a reference")
        if parts.scheme != "postgresql+pg8000" or not parts.hostname or len(parts.path) < 2:
            raise ValueError("must look like postgresql+pg8000://user@host/database")
        return value


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
    evidence: EvidenceFile = Field(default_factory=EvidenceFile)
    """Where evidence goes."""
    manifests: ManifestsFile = Field(default_factory=ManifestsFile)
    """Where manifests are kept."""
