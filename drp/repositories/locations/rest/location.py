"""A repository behind a REST server, as plain frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from drp.domain.phrase import NOTHING, Phrase, say
from drp.domain.repository import Location
from drp.domain.restore import SecretReference
from drp.domain.service_address import ServiceAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class RestLocation(Location):
    """A repository behind a REST server."""

    kind: ClassVar[str] = "rest"
    address: ServiceAddress
    """With the repository's path."""
    user: SecretReference | None = None
    password: SecretReference | None = None
    """Both, or none."""
    ca_file: Path | None = None
    """Certificates that sign the server's, PEM; None: those that the system trusts."""
    append_only: bool = False
    """Whether it is declared that the server neither deletes nor overwrites."""

    @property
    def reached(self) -> tuple[str, int] | None:
        """Return host and port of the server."""
        return self.address.host, self.address.port

    @property
    def declared(self) -> Phrase:
        """Return that the server is append-only, where the site says so."""
        return say("append-only") if self.append_only else NOTHING

    @property
    def files(self) -> tuple[Path, ...]:
        """Return the certificates."""
        return (self.ca_file,) if self.ca_file is not None else ()

    @property
    def shown(self) -> str:
        """Return the address in one line."""
        return f"{self.address.url}/"
