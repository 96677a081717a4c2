"""What a drill may say to the verifiers that read records; connection options are those of their checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresRecords:
    """A query on a PostgreSQL server. The restored copy must let ``user`` in without a password."""

    query: str
    """One SELECT; its columns are the record's fields, ``at`` (timestamptz) its instant."""
    database: str
    host: str = "/data/sockets"
    port: int = 5432
    user: str = "postgres"
    binaries: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MariaDbRecords:
    """A query on a MariaDB or MySQL server, in a session whose zone is UTC."""

    query: str
    """One SELECT; its columns are the record's fields. Its ``at`` has no zone: say ``assume_utc`` if it is UTC."""
    database: str
    defaults_file: str = ""
    socket: str = ""
    user: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteRecords:
    """A query on a database file."""

    query: str
    path: str
    copy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OrthancRecords:
    """Every study (or series, instance, patient) of an Orthanc. Its instant is when it was last added to."""

    fields: Mapping[str, str]
    """Field of the record → DICOM tag by name, of the resource itself or its patient."""
    level: Literal["patients", "studies", "series", "instances"] = "studies"
    host: str = "127.0.0.1"
    port: int = 8042
    configuration: str = ""
    user: str = ""
    password_file: str = ""
    seconds: float = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GnuHealthRecords:
    """Every record of a GNU Health model, read as its users' programs do."""

    model: str
    fields: Mapping[str, str]
    """Field of the record → field of the model, also of what it refers to: ``patient.puid``."""
    database: str
    password_file: str
    domain: tuple[tuple[str | int | bool, ...], ...] = field(default=())
    """Conditions as Tryton writes them, such as ``[state, =, validated]``."""
    at: str = "create_date"
    """Field that dates the record; empty: it has no instant."""
    user: str = "admin"
    host: str = "127.0.0.1"
    port: int = 8000
    seconds: float = 60.0
