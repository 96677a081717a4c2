"""What ``canary`` in an application's file may say: how its heartbeat is written on production."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from drp.config.schema import Secret, Strict
from drp.config.values import Duration, Text
from drp.domain.phrase import say
from drp.domain.service_address import service_address

Port = Annotated[int, Field(ge=1, le=65535)]
_TIMEOUT = timedelta(seconds=10)


class _DatabaseFile(Strict):
    """What both databases have in common."""

    database: Text
    """Database that takes the heartbeat."""
    user: Text
    """Account of the heartbeat; it needs nothing but its own table."""
    password: Secret | None = None
    """Reference to its password; left out where the socket knows who calls."""
    ca_file: Text | None = None
    """Certificates (PEM) that sign the server's, else those that the system trusts; on loopback: encrypt there too."""
    keep: int = Field(default=1000, ge=1, le=1_000_000)
    """How many heartbeats stay in the table."""
    timeout: Duration = _TIMEOUT
    """For the whole heartbeat, from looking for the server to reading back."""


class PostgresCanaryFile(_DatabaseFile):
    """A row in `drp.drp_canary` of a PostgreSQL database."""

    kind: Literal["postgres"]
    """PostgreSQL."""
    host: Text = "/run/postgresql"
    """Address, or the directory of the server's socket."""
    port: Port = 5432
    """Port, which names the socket too."""


class MariaDbCanaryFile(_DatabaseFile):
    """A row in `drp_canary` of a MariaDB or MySQL database."""

    kind: Literal["mariadb"]
    """MariaDB or MySQL, through its `mariadb` client."""
    host: Text = "/run/mysqld/mysqld.sock"
    """Address, or the server's socket."""
    port: Port = 3306
    """Port of an address."""


class OrthancCanaryFile(Strict):
    """A metadatum of one declared study; nothing is uploaded."""

    kind: Literal["orthanc"]
    """Orthanc, over REST."""
    url: Text = "http://127.0.0.1:8042"
    """https://host[:port]; http only on this machine's loopback."""
    user: Text
    """Registered user."""
    password: Secret
    """Reference to its password."""
    ca_file: Text | None = None
    """Certificates (PEM) that sign the server's; otherwise those that the system trusts."""
    study: str = Field(pattern=r"^[0-9.]{3,64}$")
    """StudyInstanceUID of the study that carries the heartbeat: a phantom's, not a patient's."""
    metadata: int = Field(default=1024, ge=1024, le=65535)
    """Number of the user-defined metadatum."""
    timeout: Duration = _TIMEOUT
    """For the whole heartbeat, from looking for the server to reading back."""

    @field_validator("url")
    @classmethod
    def _an_address(cls, value: str) -> str:
        return service_address(
            value,
            secrets=say("a password: give `user`, and `password` as a reference"),
            cargo=say("the password"),
            hint=say("write it as https://host:port"),
            path=True,
        ).url


class FileCanaryFile(Strict):
    """A file that holds the instant; for applications that are a tree of files."""

    kind: Literal["file"]
    """A file, replaced as a whole."""
    path: Text
    """Where it is written; its directory must exist."""

    @field_validator("path")
    @classmethod
    def _absolute(cls, value: str) -> str:
        if not value.startswith("/"):
            raise ValueError(say("must be absolute: it lies in the application's tree, not in the site directory"))
        return value


class CommandCanaryFile(Strict):
    """A program of your own that writes through the application."""

    kind: Literal["command"]
    """A program; the instant is the one line of its standard input."""
    argv: list[Text] = Field(min_length=1)
    """Program and arguments; never a secret."""
    timeout: Duration = timedelta(seconds=30)
    """After which it is ended, with all that it started."""

    @model_validator(mode="after")
    def _whole_path(self) -> Self:
        if not self.argv[0].startswith("/"):
            raise ValueError(say("argv must begin with the program's whole path: cron has another PATH than you"))
        return self


CanaryFile = Annotated[
    PostgresCanaryFile | MariaDbCanaryFile | OrthancCanaryFile | FileCanaryFile | CommandCanaryFile,
    Field(discriminator="kind"),
]
"""Exactly one way, named by `kind`."""
