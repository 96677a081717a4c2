"""By what a server beyond this machine is known. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from drp.domain.restore import SecretReference


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Who vouches for a server, and as whom drp shows itself."""

    ca: Path | None = None
    """PEM file of the authorities that may; None: those of this machine."""
    certificate: Path | None = None
    """PEM file of a client certificate, with its chain."""
    key: SecretReference | None = None
    """Its private key, PEM, without a passphrase."""
