"""Requests of restic's protocol: what is served, and what is refused before anything is looked up."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drp.repositories.pinned.requests import Refused, parse

NAME = "0f" * 32
USUAL = "Host: 127.0.0.1:8000\r\nUser-Agent: Go-http-client/1.1\r\nAccept: application/vnd.x.restic.rest.v2"


def asked(line: str, headers: str = USUAL) -> bytes:
    return f"{line}\r\n{headers}".encode()


def test_what_restic_asks_is_understood() -> None:
    config = parse(asked("HEAD /config HTTP/1.1"))
    assert (config.method, config.kind, config.name, config.ranged) == ("HEAD", "config", "", False)
    listing = parse(asked("GET /snapshots/ HTTP/1.1"))
    assert (listing.kind, listing.name, listing.listing) == ("snapshots", "", "application/vnd.x.restic.rest.v2")
    old = parse(asked("GET /keys/ HTTP/1.1", "Host: a\r\nAccept: application/vnd.x.restic.rest.v1"))
    assert old.listing == "application/vnd.x.restic.rest.v1"
    part = parse(asked(f"GET /data/{NAME} HTTP/1.1", f"{USUAL}\r\nRange: bytes=5-9"))
    assert (part.name, part.start, part.end, part.ranged) == (NAME, 5, 10, True)
    rest = parse(asked(f"GET /data/{NAME} HTTP/1.1", f"{USUAL}\r\nrange: bytes=5-\r\nConnection: close"))
    assert (rest.start, rest.end, rest.stays) == (5, None, False)


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "PATCH", "OPTIONS", "TRACE", "CONNECT"])
def test_nothing_that_changes_is_served(method: str) -> None:
    with pytest.raises(Refused) as refused:
        parse(asked(f"{method} /data/{NAME} HTTP/1.1"))
    assert refused.value.status == 403


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("GET / HTTP/1.1", 404),
        ("GET /?create=true HTTP/1.1", 404),
        ("GET /config/ HTTP/1.1", 404),
        ("GET /config?x HTTP/1.1", 404),
        ("GET /keys HTTP/1.1", 404),
        (f"GET /data/../keys/{NAME} HTTP/1.1", 404),
        (f"GET /data/0f/{NAME} HTTP/1.1", 404),
        (f"GET //keys/{NAME} HTTP/1.1", 404),
        (f"GET /keys/{NAME.upper()} HTTP/1.1", 404),
        (f"GET /keys/%30f{NAME[2:]} HTTP/1.1", 404),
        ("GET http://other/config HTTP/1.1", 400),
        ("GET /config HTTP/1.0", 400),
        ("GET /config HTTP/2", 400),
        ("GET  /config HTTP/1.1", 400),
        ("get /config HTTP/1.1", 400),
        (f"GET /{'a' * 300} HTTP/1.1", 400),
        ("", 400),
    ],
)
def test_odd_lines_are_refused(line: str, status: int) -> None:
    with pytest.raises(Refused) as refused:
        parse(asked(line))
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ("Content-Length: 5", 400),
        ("Transfer-Encoding: chunked", 400),
        ("Host: a\r\nhost: b", 400),
        ("Host a", 400),
        (" folded: yes", 400),
        ("Range: bytes=9-5", 416),
        ("Range: bytes=-5", 416),
        ("Range: bytes=1-2,4-5", 416),
        ("Range: lines=1-2", 416),
        (f"Range: bytes=1-{'9' * 30}", 416),
    ],
)
def test_odd_headers_are_refused(headers: str, status: int) -> None:
    with pytest.raises(Refused) as refused:
        parse(asked("GET /config HTTP/1.1", headers))
    assert refused.value.status == status


@given(st.binary(max_size=200))
def test_whatever_comes_is_a_request_or_refused(head: bytes) -> None:
    with suppress(Refused):
        parse(head)


@given(st.binary(max_size=80))
def test_no_header_is_worth_an_error(header: bytes) -> None:
    with suppress(Refused):
        parse(b"GET /config HTTP/1.1\r\nRange: " + header)
