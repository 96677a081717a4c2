"""Bytes of objects in buckets, by version: from a real server, and from one that breaks off, lies, or refuses."""

from __future__ import annotations

import re
import socketserver
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drp.domain.repository import WaitLimits
from drp.errors import AccessDenied, ObjectAbsent, RepositoryError, ShortBody, Unreachable
from drp.repositories.locations.stored import StoredObjects, stored_objects
from tests.support.fixtures_repositories import keep_secret, resolve
from tests.support.locations import s3_location
from tests.support.s3_server import S3Server

LIMITS = WaitLimits(connect_seconds=3, answer_seconds=5)
Open = Callable[..., StoredObjects]


@pytest.fixture
def open_at(tmp_path: Path) -> Open:
    def build(
        url: str, *, access: str = "ACCESS", secret: str = "SECRET", limits: WaitLimits = LIMITS
    ) -> StoredObjects:
        location = s3_location(
            url,
            access_key=keep_secret(tmp_path, "access", access),
            secret_key=keep_secret(tmp_path, "secret", secret),
        )
        return stored_objects("worm", location, resolve, limits)

    return build


def test_every_version_is_read_by_its_id(s3_server: S3Server, open_at: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "somebody else's")
    monkeypatch.setenv("AWS_S3_EXPRESS", "true")
    bucket = f"stored-{uuid.uuid4().hex[:10]}"
    url, client = s3_server.make_bucket(bucket), s3_server.client("admin")
    client.put_object(Bucket=bucket, Key="site/config", Body=b"first")
    client.put_object(Bucket=bucket, Key="site/config", Body=b"second")
    client.put_object(Bucket=bucket, Key="site/big", Body=bytes(9 << 20) + b"end")
    client.put_object(Bucket=bucket, Key="site/empty", Body=b"")
    client.put_object(Bucket=bucket, Key="elsewhere", Body=b"")
    client.delete_object(Bucket=bucket, Key="site/empty")
    reader = s3_server.identities["ro_lock"]
    stored = open_at(f"{url}/site", access=reader.access_key, secret=reader.secret_key)
    seen = list(stored.versions())
    configs = [one.version for one in seen if one.key == "config"]
    read = [b"".join(stored.read("config", version)) for version in configs]
    assert read == [b"second", b"first"]
    assert {one.key for one in seen} == {"config", "big", "empty"}
    assert [one.key for one in seen if one.marker] == ["empty"]
    assert b"".join(stored.read("config", None)) == b"second"
    assert b"".join(stored.read("big", None, offset=9 << 20)) == b"end"
    assert b"".join(stored.read("big", None, offset=9 << 20, length=99)) == b"end"
    assert sum(map(len, stored.read("big", None))) == (9 << 20) + 3
    empty = next(one.version for one in seen if one.key == "empty" and not one.marker)
    assert b"".join(stored.read("empty", empty)) == b""
    for key, version in (("empty", None), ("config", "0" * 32), ("nothing", None)):
        with pytest.raises(ObjectAbsent):
            list(stored.read(key, version))
    with pytest.raises(ShortBody):
        list(stored.read("config", configs[0], offset=6))
    with pytest.raises(RepositoryError):
        list(stored.read("a//b", None))
    with pytest.raises(AccessDenied) as refused:
        list(open_at(f"{url}/site", access=reader.access_key, secret="n0t-this-secret-key").read("config", None))
    assert "SignatureDoesNotMatch" in str(refused.value)
    assert reader.access_key not in str(refused.value)


def test_a_bucket_without_versions_is_read_too(s3_server: S3Server, open_at: Open) -> None:
    bucket = f"stored-{uuid.uuid4().hex[:10]}"
    url, client = s3_server.make_bucket(bucket, locked=False), s3_server.client("admin")
    client.put_object(Bucket=bucket, Key="config", Body=b"only")
    reader = s3_server.identities["ro_lock"]
    stored = open_at(url, access=reader.access_key, secret=reader.secret_key)
    (one,) = stored.versions()
    assert b"".join(stored.read(one.key, one.version)) == b"only"


@contextmanager
def answering(*answers: bytes | Callable[[int], bytes]) -> Iterator[tuple[str, list[bytes]]]:
    """A service that gives one answer after the other, the last one for ever, and closes each connection after it.

    One that is called is given where the range begins that was asked for: of what is cut off nobody knows how much comes.
    """
    asked: list[bytes] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            head = b""
            while not head.endswith(b"\r\n\r\n") and (line := self.rfile.readline()):
                head += line
            asked.append(head)
            given = answers[min(len(asked), len(answers)) - 1]
            self.wfile.write(given(begin_of(head)) if callable(given) else given)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"s3:http://127.0.0.1:{server.server_address[1]}/bucket", asked
        finally:
            server.shutdown()
            thread.join()


def answer(status: str, body: bytes = b"", *, length: int | None = None, version: str = "") -> bytes:
    headers = f"HTTP/1.1 {status}\r\nContent-Length: {len(body) if length is None else length}\r\nConnection: close\r\n"
    headers += 'ETag: "x"\r\nLast-Modified: Mon, 30 Nov 2026 10:00:00 GMT\r\n'
    headers += f"x-amz-version-id: {version}\r\n" if version else ""
    return headers.encode() + b"\r\n" + body


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ([answer("200 OK", b"x" * 50, length=100)], ShortBody),
        ([answer("200 OK", b"", length=100)], ShortBody),
        ([answer("503 Slow Down", b"<Error><Code>SlowDown</Code></Error>")], Unreachable),
        ([answer("500 Internal Server Error", b"<Error><Code>InternalError</Code></Error>")], Unreachable),
        ([answer("429 Too Many Requests")], Unreachable),
        ([b""], Unreachable),
        ([b"nonsense\r\n\r\n"], Unreachable),
        ([answer("403 Forbidden", b"<Error><Code>AccessDenied</Code></Error>")], AccessDenied),
        ([answer("400 Bad Request", b"<Error><Code>ExpiredToken</Code></Error>")], AccessDenied),
        ([answer("404 Not Found", b"<Error><Code>NoSuchKey</Code></Error>")], ObjectAbsent),
        ([answer("404 Not Found", b"<Error><Code>NoSuchBucket</Code></Error>")], RepositoryError),
        ([answer("200 OK", b"other", version="v2")], RepositoryError),
    ],
)
def test_what_goes_wrong_is_told_apart(answers: list[bytes], error: type[Exception], open_at: Open) -> None:
    with answering(*answers) as (url, asked), pytest.raises(error) as raised:
        list(open_at(url).read("data/aa", "v1"))
    assert type(raised.value) is error
    assert all(head.startswith(b"GET /bucket/data/aa?versionId=v1 ") for head in asked)


def test_a_storm_that_passes_is_waited_for(open_at: Open) -> None:
    storm = answer("503 Slow Down", b"<Error><Code>SlowDown</Code></Error>")
    with answering(storm, storm, answer("200 OK", b"whole", version="v1")) as (url, asked):
        assert b"".join(open_at(url).read("data/aa", "v1")) == b"whole"
    assert len(asked) == 3


def partial(start: int, body: bytes, *, length: int | None = None) -> bytes:
    whole = len(body) if length is None else length
    told = answer("206 Partial Content", body, length=whole, version="v1")
    return told.replace(
        b"\r\n\r\n", f"\r\nContent-Range: bytes {start}-{start + whole - 1}/{start + whole}\r\n\r\n".encode(), 1
    )


def begin_of(head: bytes) -> int:
    found = re.search(rb"range: bytes=(\d+)-", head.lower())
    return int(found.group(1)) if found else 0


def test_what_breaks_off_is_taken_up_again_where_it_did(open_at: Open) -> None:
    size, once = 5 << 20, bytes(4 << 20)
    first = answer("200 OK", once, length=size, version="v1")
    storm = answer("503 Slow Down", b"<Error><Code>SlowDown</Code></Error>")

    def cut(start: int) -> bytes:
        return partial(start, bytes((size - start) // 2), length=size - start)

    def rest(start: int) -> bytes:
        return partial(start, bytes(size - start))

    with answering(first, storm, cut, rest) as (url, asked):
        assert sum(map(len, open_at(url).read("data/aa", "v1"))) == size
    assert len(asked) == 4
    begins = [begin_of(head) for head in asked]
    assert begins == sorted(begins)
    assert begins[1] == begins[2]
    assert 0 < begins[1] <= len(once)
    assert all(b'if-match: "x"' in head.lower() for head in asked[1:])


def test_a_service_that_falls_silent_is_not_waited_for(open_at: Open) -> None:
    held = threading.Event()

    class Silent(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(answer("200 OK", b"x", length=100))
            self.wfile.flush()
            held.wait(60)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Silent) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"s3:http://127.0.0.1:{server.server_address[1]}/bucket"
        try:
            with pytest.raises(Unreachable):
                list(open_at(url, limits=WaitLimits(answer_seconds=0.5)).read("data/aa", None))
        finally:
            held.set()
            server.shutdown()
            thread.join()
