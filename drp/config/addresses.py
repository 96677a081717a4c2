"""Network addresses in the site's files: what one looks like, and which of them stay on this machine."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Return whether nothing that is sent to the host leaves this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def service_address(value: str, *, secrets: str, cargo: str, hint: str, path: bool) -> str:
    """Return the address of a web service without the slash at its end.

    ``secrets``: what does not belong in it, and where that goes; ``cargo``: what must not travel in the clear;
    ``hint``: how to write it; ``path``: whether it may have one. Raises ``ValueError``.
    """
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"is not an address: {hint}") from None
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"holds {secrets}")
    if parts.scheme not in {"http", "https"} or not host or (parts.path.strip("/") and not path) or parts.query:
        raise ValueError(f"is not an address: {hint}")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError(f"would send {cargo} in the clear: use https, with `ca_file` for your own authority")
    return value.rstrip("/")
