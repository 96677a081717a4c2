"""Signature Version 4 of requests without a body, signed by hand: many thousands of them a minute.

Source: AWS, "Signature Calculations for the Authorization Header: Transferring Payload in a Single Chunk". Held
against botocore's own signer in `tests/unit/test_lock_questions.py`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote

from drp.repositories.locations.s3_connection import Keys

_NO_BODY = hashlib.sha256(b"").hexdigest()
_SCHEME = "AWS4-HMAC-SHA256"


class Signer:
    """Signs requests of one host with one pair of keys; safe to use from several threads."""

    def __init__(self, keys: Keys, *, host: str, region: str) -> None:
        """Take the keys, the ``Host`` header as it is sent, and the region that the service signs for."""
        self._keys, self._host, self._region = keys, host, region
        self._of_day = ("", b"")

    def headers(self, method: str, path: str, query: str, at: datetime) -> Mapping[str, str]:
        """Return all headers to send. ``path`` and ``query`` are encoded already, and the query has one parameter."""
        stamp = f"{at:%Y%m%dT%H%M%SZ}"
        day = stamp[:8]
        sent = {"host": self._host, "x-amz-content-sha256": _NO_BODY, "x-amz-date": stamp}
        if self._keys.token:
            sent["x-amz-security-token"] = self._keys.token
        signed = ";".join(sent)
        lines = "".join(f"{name}:{value}\n" for name, value in sent.items())
        request = f"{method}\n{path}\n{query}\n{lines}\n{signed}\n{_NO_BODY}"
        scope = f"{day}/{self._region}/s3/aws4_request"
        text = f"{_SCHEME}\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        signature = hmac.digest(self._key(day), text.encode(), "sha256").hex()
        sent["authorization"] = (
            f"{_SCHEME} Credential={self._keys.access}/{scope}, SignedHeaders={signed}, Signature={signature}"
        )
        return sent

    def _key(self, day: str) -> bytes:
        known, key = self._of_day
        if known != day:
            key = f"AWS4{self._keys.secret}".encode()
            for part in (day, self._region, "s3", "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._of_day = (day, key)
        return key


def encoded(text: str) -> str:
    """Return a value of a query, or a part of a path, as it is signed: everything but unreserved characters escaped."""
    return quote(text, safe="-_.~")


def encoded_path(path: str) -> str:
    """Return a path as it is signed and sent; slashes stay."""
    return quote(path, safe="/-_.~")
