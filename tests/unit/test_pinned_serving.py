"""The view's server on a real socket: reads alone, for whoever may, and one connection for many requests."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from drp.repositories.pinned.objects import Entry, PinnedObjects, Readings
from drp.repositories.pinned.serving import ViewServer
from tests.unit.test_pinned_objects import BYTES, KEY, NAME, Store

TOKEN = f"Basic {base64.b64encode(b'drp:open sesame').decode()}"
CONFIG = b"config"


@pytest.fixture
def server() -> Iterator[tuple[int, Readings]]:
    view = PinnedObjects(
        Store(), {KEY: Entry("v1", len(BYTES)), f"keys/{'b' * 64}": Entry("v2", 9)}, patience_seconds=1
    )
    readings = Readings()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ViewServer(view).serve(listener, readings, authorization=TOKEN)
        yield listener.getsockname()[1], readings
        listener.shutdown(socket.SHUT_RDWR)


def ask(
    connection: http.client.HTTPConnection, path: str, method: str = "GET", **headers: str
) -> tuple[int, bytes, dict[str, str]]:
    connection.request(method, path, headers={"Authorization": TOKEN, **headers})
    answer = connection.getresponse()
    return answer.status, answer.read(), dict(answer.getheaders())


def test_one_connection_serves_what_restic_asks(server: tuple[int, Readings]) -> None:
    port, readings = server
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        status, _, headers = ask(connection, f"/data/{NAME}", "HEAD")
        assert (status, headers["Content-Length"]) == (200, str(len(BYTES)))
        kept = connection.sock
        assert ask(connection, f"/data/{NAME}")[:2] == (200, BYTES)
        assert ask(connection, f"/data/{NAME}", Range="bytes=7-99")[:2] == (206, BYTES[7:100])
        assert ask(connection, f"/data/{NAME}", Range=f"bytes=7-{10**9}")[:2] == (206, BYTES[7:])
        listed = ask(connection, "/data/", Accept="application/vnd.x.restic.rest.v2")
        assert json.loads(listed[1]) == [{"name": NAME, "size": len(BYTES)}]
        assert listed[2]["Content-Type"] == "application/vnd.x.restic.rest.v2"
        assert json.loads(ask(connection, "/keys/")[1]) == ["b" * 64]
        assert json.loads(ask(connection, "/locks/")[1]) == []
        assert connection.sock is kept
    assert readings.asked.keys() == {KEY}
    assert hashlib.sha256(BYTES).hexdigest() == NAME


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", f"/data/{NAME}", 403),
        ("DELETE", f"/keys/{'b' * 64}", 403),
        ("GET", "/config", 404),
        ("GET", f"/data/{'c' * 64}", 404),
        ("GET", f"/locks/{'c' * 64}", 404),
        ("GET", "/../etc/passwd", 404),
    ],
)
def test_what_is_not_in_the_view_or_changes_anything_is_refused(
    server: tuple[int, Readings], method: str, path: str, status: int
) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", server[0], timeout=30)) as connection:
        assert ask(connection, path, method)[0] == status
    assert not server[1].asked


def test_a_range_behind_the_end_is_refused(server: tuple[int, Readings]) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", server[0], timeout=30)) as connection:
        assert ask(connection, f"/data/{NAME}", Range=f"bytes={len(BYTES)}-")[0] == 416


def test_others_on_this_machine_get_nothing(server: tuple[int, Readings]) -> None:
    for said in ("", "Basic eDp5", TOKEN + "x", "Basic \xe9"):
        with closing(http.client.HTTPConnection("127.0.0.1", server[0], timeout=30)) as connection:
            assert ask(connection, f"/data/{NAME}", Authorization=said)[0] in {400, 401}


def test_headers_without_end_are_cut_off(server: tuple[int, Readings]) -> None:
    with socket.create_connection(("127.0.0.1", server[0]), timeout=30) as caller:
        caller.sendall(b"GET /config HTTP/1.1\r\n" + b"X: y\r\n" * 4000)
        assert b" 431 " in caller.recv(200)
