"""Whose certificates are believed, when a heartbeat is written over TLS."""

from __future__ import annotations

import ssl
from pathlib import Path

from drp.domain.phrase import say
from drp.errors import ConfigError


def verified(ca_file: Path | None) -> ssl.SSLContext:
    """Return a context that verifies the server's certificate and name. Raises ``ConfigError``."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # of which ssl.SSLError is one
        words = error.strerror or str(error)
        hint = "name a PEM file of certificates as `canary.ca_file`, readable by this user"
        raise ConfigError(
            say("certificates cannot be read from {ca_file}: {words}", ca_file=ca_file, words=words), hint=hint
        ) from error
