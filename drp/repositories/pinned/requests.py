"""Requests of restic's REST protocol that only reads, parsed strictly. Pure.

Source: restic, ``doc/REST_backend.rst`` (versions 1 and 2 of the API), and RFC 9110 §14.2 for ranges.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

HEAD_BYTES = 8192
"""A request's line and headers are no longer."""
KINDS = ("data", "index", "keys", "locks", "snapshots")
LISTING_2 = "application/vnd.x.restic.rest.v2"
LISTING_1 = "application/vnd.x.restic.rest.v1"
_LINE = re.compile(r"([A-Z]{1,16}) (/[!-~]{0,200}) HTTP/1\.1")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}):[ \t]*([ -~\t]*?)[ \t]*")
_NAME = re.compile(r"[0-9a-f]{64}")
_RANGE = re.compile(r"bytes=(\d{1,18})-(\d{0,18})")


class Refused(Exception):
    """A request that is not served: with which status, and why."""

    def __init__(self, status: int, why: str) -> None:
        """Take the status of RFC 9110 §15 and a few words."""
        super().__init__(why)
        self.status, self.why = status, why


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked for."""

    method: Literal["GET", "HEAD"]
    kind: str
    """``config``, or one of `KINDS`."""
    name: str = ""
    """Of one object, 64 hex digits; empty: ``config``, or the names of a kind."""
    listing: str = LISTING_1
    start: int = 0
    end: int | None = None
    """One after the last byte; None: to the object's end."""
    ranged: bool = False
    authorization: str = ""
    stays: bool = True
    """Whether the connection is kept."""


def parse(head: bytes) -> Request:
    """Return the request that a line and headers, without the empty line at their end, ask for. Raises `Refused`."""
    try:
        first, *rest = head.decode("ascii").split("\r\n")
    except UnicodeDecodeError as error:
        raise Refused(400, "not ASCII") from error
    line = _LINE.fullmatch(first)
    if line is None:
        raise Refused(400, "no request line")
    headers: dict[str, str] = {}
    for each in rest:
        header = _HEADER.fullmatch(each)
        if header is None or header[1].lower() in headers:
            raise Refused(400, "no headers")
        headers[header[1].lower()] = header[2]
    method = line[1]
    if method not in {"GET", "HEAD"}:
        raise Refused(403, "nothing is changed here")
    if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
        raise Refused(400, "a body")
    kind, name = _place(line[2])
    start, end = _range(headers.get("range"))
    return Request(
        method="GET" if method == "GET" else "HEAD",
        kind=kind,
        name=name,
        listing=LISTING_2 if LISTING_2 in headers.get("accept", "") else LISTING_1,
        start=start,
        end=end,
        ranged="range" in headers,
        authorization=headers.get("authorization", ""),
        stays=headers.get("connection", "").lower() != "close",
    )


def _place(path: str) -> tuple[str, str]:
    if path == "/config":
        return "config", ""
    for kind in KINDS:
        if path.startswith(f"/{kind}/"):
            name = path.removeprefix(f"/{kind}/")
            if not name or _NAME.fullmatch(name):
                return kind, name
    raise Refused(404, "no such place")


def _range(said: str | None) -> tuple[int, int | None]:
    if said is None:
        return 0, None
    found = _RANGE.fullmatch(said)
    if found is None:
        raise Refused(416, "no range")
    start, end = int(found[1]), int(found[2]) + 1 if found[2] else None
    if end is not None and end <= start:
        raise Refused(416, "an empty range")
    return start, end
