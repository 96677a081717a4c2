"""Addresses of services: taken apart and judged once, so that whoever connects uses what was judged. Pure."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from drp.domain.phrase import Phrase, say

_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAddress:
    """Where a web service answers."""

    secure: bool
    """Whether over TLS."""
    host: str
    """A name, or an IP address without brackets."""
    port: int
    path: str = ""
    """Below the service's root, without a slash at its end."""

    @property
    def url(self) -> str:
        """Return the address as people write it."""
        scheme = "https" if self.secure else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}" + ("" if self.port == _PORTS[scheme] else f":{self.port}") + self.path


def is_loopback(host: str) -> bool:
    """Return whether nothing that is sent to the host leaves this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def service_address(value: str, *, secrets: Phrase, cargo: Phrase, hint: Phrase, path: bool = False) -> ServiceAddress:
    """Return an address taken apart.

    ``secrets``: what does not belong in it, and where that goes; ``cargo``: what must not travel in the clear;
    ``hint``: how to write it; ``path``: whether it may have one. Raises ``ValueError`` for everything that somebody
    else could read in another way.
    """
    parts = _split(value, hint)
    if parts.username is not None or parts.password is not None:
        raise ValueError(say("holds {secrets}", secrets=secrets))
    scheme, host = parts.scheme, parts.hostname or ""
    below = parts.path.rstrip("/")
    if scheme not in _PORTS or not _is_host(host) or (below and not path) or parts.netloc.endswith(":"):
        raise ValueError(say("is not an address: {hint}", hint=hint))
    if any(mark in value for mark in "?#;%\\"):
        raise ValueError(
            say("carries more than host, port and path: {hint}", hint=hint)
            if path
            else say("carries more than host, port: {hint}", hint=hint)
        )
    if scheme == "http" and not is_loopback(host):
        raise ValueError(
            say("would send {cargo} in the clear: use https, with `ca_file` for your own authority", cargo=cargo)
        )
    port = parts.port if parts.port is not None else _PORTS[scheme]
    if not port:
        raise ValueError(say("has no port 0: {hint}", hint=hint))
    return ServiceAddress(secure=scheme == "https", host=host, port=port, path=below)


def _split(value: str, hint: Phrase) -> SplitResult:
    if not value.isascii() or not value.isprintable() or " " in value:  # urlsplit drops some of these without a word
        raise ValueError(say("is not an address (a name beyond ASCII is written in its xn-- form): {hint}", hint=hint))
    try:
        parts = urlsplit(value)
        _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError(say("is not an address: {hint}", hint=hint)) from None
    return parts


def _is_host(host: str) -> bool:
    """Return whether it is a name (RFC 1123 §2.1, underscores allowed) or an IP address in its usual form."""
    try:
        return bool(ipaddress.ip_address(host)) and "%" not in host
    except ValueError:
        labels = host.split(".")
        return len(host) <= 253 and all(_LABEL.fullmatch(each) for each in labels) and not labels[-1][0].isdigit()
