"""What a heartbeat's writer is told over its standard input, and what it says on its standard output: JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from drp.canaries.heartbeat import Heartbeat, Written
from drp.config.canaries import DatabaseCanary, FileCanary, OrthancCanary
from drp.errors import AccessDenied, ConfigError, DrpError, NotFound, StorageFull, Unreachable


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One heartbeat to write."""

    settings: DatabaseCanary | OrthancCanary | FileCanary
    heartbeat: Heartbeat
    password: str
    plugins: str
    """Folder of the authentications that MariaDB's client may load; empty: whatever it has."""
    seconds: float
    """What is left of the time limit."""


Kind = Literal["access denied", "configuration", "not found", "storage full", "unreachable"]
ERRORS: dict[Kind, type[DrpError]] = {
    "access denied": AccessDenied,
    "configuration": ConfigError,
    "not found": NotFound,
    "storage full": StorageFull,
    "unreachable": Unreachable,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why there is no heartbeat."""

    kind: Kind
    message: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of an order: exactly one of both."""

    written: Written | None = None
    refusal: Refusal | None = None


def refusal(error: DrpError) -> Refusal:
    """Return an error as the writer hands it on; what nobody foresaw is told as unreachable."""
    kind: Kind = next((word for word, each in ERRORS.items() if type(error) is each), "unreachable")
    return Refusal(kind=kind, message=error.message, hint=error.hint)
