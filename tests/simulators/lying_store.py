"""A store that is not what it says: a proxy before a real one, which tells of locks, and lets things through.

What a lie does to a locked version is really done, below the lock, or remembered and told from then on; so whoever
looks afterwards sees what he would see of such a store. Odd but healthy stores, and sick connections, are here too.
"""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.support.s3_server import S3Server

_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}
_RETENTION = re.compile(rb"<Mode>(\w+)</Mode>|<RetainUntilDate>([^<]+)</RetainUntilDate>")


@dataclass
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, str]:
        found = parse_qs(urlsplit(self.target).query, keep_blank_values=True)
        return {name: values[0] for name, values in found.items()}

    @property
    def bucket(self) -> str:
        return self.path.strip("/").partition("/")[0]

    @property
    def key(self) -> str:
        return self.path.strip("/").partition("/")[2]

    @property
    def version(self) -> str:
        return self.query.get("versionId", "")

    @property
    def bypasses(self) -> bool:
        return self.headers.get("x-amz-bypass-governance-retention", "").lower() == "true"

    @property
    def deletes_version(self) -> bool:
        return self.method == "DELETE" and bool(self.version)

    @property
    def deletes_batch(self) -> bool:
        return self.method == "POST" and "delete" in self.query

    @property
    def sets_retention(self) -> bool:
        return self.method == "PUT" and "retention" in self.query

    @property
    def asks_retention(self) -> bool:
        return self.method == "GET" and "retention" in self.query


@dataclass
class Response:
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: bool = False
    """The connection ends before all of it was sent."""


Lie = Callable[["LyingStore", Request], Response | None]
"""What is answered to a request; None: what the real store says."""


class LyingStore:
    """Listens on loopback while it is entered; ``lie`` may be changed at any time."""

    def __init__(self, server: S3Server, lie: Lie | None = None) -> None:
        self.server, self.lie = server, lie
        self.requests: list[Request] = []
        self._admin = server.client("admin")
        self.retention: dict[tuple[str, str], bytes] = {}
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=lambda: self._http.serve_forever(poll_interval=0.02), daemon=True)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def forward(self, request: Request) -> Response:
        """Return what the real store says."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.ports["s3"], timeout=20)
        try:
            connection.request(request.method, request.target, body=request.body, headers=request.headers)
            answer = connection.getresponse()
            body = answer.read()
            return Response(answer.status, dict(answer.getheaders()), body)
        finally:
            connection.close()

    def signed_anew(self, request: Request, target: str, drop: tuple[str, ...] = ()) -> Response:
        """Return what the real store says to the request of the same user, changed."""
        access = request.headers["authorization"].partition("Credential=")[2].partition("/")[0]
        user = next(each for each in self.server.identities.values() if each.access_key == access)
        kept = {
            name: value
            for name, value in request.headers.items()
            if name in {"content-type", "content-md5"}
            or (name.startswith("x-amz-") and not name.startswith(("x-amz-date", "x-amz-content", *drop)))
        }
        made = AWSRequest(method=request.method, url=f"{self.server.endpoint}{target}", data=request.body, headers=kept)
        S3SigV4Auth(Credentials(user.access_key, user.secret_key), "s3", "us-east-1").add_auth(made)
        headers = {**dict(made.headers.items()), "content-length": str(len(request.body))}
        return self.forward(Request(request.method, target, headers, request.body))

    def delete_below_lock(self, bucket: str, key: str, version: str) -> None:
        """Really delete a version, whatever locks it."""
        if self.is_version(bucket, key, version):
            self.server._filer("DELETE", f"/buckets/{bucket}/{key}.versions/v_{version}")

    def is_version(self, bucket: str, key: str, version: str) -> bool:
        """Return whether there is such a version, and it is no delete marker."""
        found = self._admin.list_object_versions(Bucket=bucket, Prefix=key).get("Versions", [])
        return any((each["Key"], each["VersionId"]) == (key, version) for each in found)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        store = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def _any(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                headers = {name.lower(): value for name, value in self.headers.items()}
                if headers.pop("expect", ""):
                    self.send_response_only(100)
                    self.end_headers()
                request = Request(self.command, self.path, headers, self.rfile.read(length))
                store.requests.append(request)
                response = (store.lie(store, request) if store.lie else None) or store.forward(request)
                if response.cut:
                    self.close_connection = True
                    return
                self.send_response_only(response.status)
                for name, value in response.headers.items():
                    if name.lower() not in _HOP:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(response.body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(response.body)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _any

        return Handler


def error(status: int, code: str) -> Response:
    body = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>no</Message></Error>'
    return Response(status, {"Content-Type": "application/xml", "x-amz-request-id": "LIES"}, body.encode())


def done(status: int = 204) -> Response:
    return Response(status, {"x-amz-request-id": "LIES"})


def _locked(store: LyingStore, request: Request) -> bool:
    return store.is_version(request.bucket, request.key, request.version)


def _batch(request: Request) -> list[tuple[str, str]]:
    keys = re.findall(rb"<Key>([^<]+)</Key>", request.body)
    versions = re.findall(rb"<VersionId>([^<]+)</VersionId>", request.body)
    return [(key.decode(), version.decode()) for key, version in zip(keys, versions, strict=True)]


def deletes_anyway(store: LyingStore, request: Request) -> Response | None:
    if request.deletes_version and _locked(store, request):
        store.delete_below_lock(request.bucket, request.key, request.version)
        return done()
    return None


def deletes_in_batches(store: LyingStore, request: Request) -> Response | None:
    if not request.deletes_batch:
        return None
    answer = store.forward(request)
    for key, version in _batch(request):
        store.delete_below_lock(request.bucket, key, version)
    body = b'<?xml version="1.0"?><DeleteResult></DeleteResult>' if answer.status == 200 else answer.body
    return Response(answer.status, {"Content-Type": "application/xml"}, body)


def refuses_and_deletes(store: LyingStore, request: Request) -> Response | None:
    if not request.deletes_version or not _locked(store, request):
        return None
    answer = store.forward(request)
    store.delete_below_lock(request.bucket, request.key, request.version)
    return answer


def lets_bypass_through(store: LyingStore, request: Request) -> Response | None:
    return deletes_anyway(store, request) if request.bypasses else None


def does_nothing(store: LyingStore, request: Request) -> Response | None:
    return done() if request.deletes_version and _locked(store, request) else None


def takes_any_retention(store: LyingStore, request: Request) -> Response | None:
    """Remember what was asked, and tell it from then on."""
    name = (request.key, request.version)
    if request.sets_retention:
        store.retention[name] = request.body
        return done(200)
    if request.asks_retention and name in store.retention:
        wanted = dict(zip(("mode", "until"), _parts(store.retention[name]), strict=True))
        if not wanted["mode"]:
            return error(404, "NoSuchObjectLockConfiguration")
        body = (
            f"<Retention><Mode>{wanted['mode']}</Mode><RetainUntilDate>{wanted['until']}</RetainUntilDate></Retention>"
        )
        return Response(200, {"Content-Type": "application/xml"}, body.encode())
    return None


def _parts(body: bytes) -> tuple[str, str]:
    found = {b"".join(match.groups(b"")).decode() for match in _RETENTION.finditer(body)}
    mode = next((each for each in found if each in {"COMPLIANCE", "GOVERNANCE"}), "")
    return mode, next((each for each in found if each != mode), "")


def ignores_retention(store: LyingStore, request: Request) -> Response | None:
    return done(200) if request.sets_retention else None


def strips_versions(store: LyingStore, request: Request) -> Response | None:
    """Take every request as one about the newest version."""
    if not request.version:
        return None
    parts = [part for part in urlsplit(request.target).query.split("&") if not part.startswith("versionId=")]
    return store.signed_anew(request, urlsplit(request.target).path + ("?" + "&".join(parts) if parts else ""))


def hides_versions(store: LyingStore, request: Request) -> Response | None:
    """Answer as one that keeps no versions."""
    answer = store.forward(request)
    answer.headers = {name: value for name, value in answer.headers.items() if name.lower() != "x-amz-version-id"}
    return answer


def forgets_locks(store: LyingStore, request: Request) -> Response | None:
    """Take an object with a lock, and keep it without."""
    if request.method != "PUT" or "x-amz-object-lock-mode" not in request.headers:
        return None
    return store.signed_anew(request, request.target, drop=("x-amz-object-lock",))


def overwrites_in_place(store: LyingStore, request: Request) -> Response | None:
    if request.method != "PUT" or request.query or "overwritten" not in request.headers.get("x-drp", "overwritten"):
        return None
    there = [each for each in store.server.versions(request.bucket) if each[0] == request.key and not each[2]]
    for key, version, _, _ in there:
        store.server.rewrite_below_lock(request.bucket, key, version, lambda _: request.body)
    return None


def refusing_with(status: int, code: str) -> Lie:
    """Refuse as the real store does, in other words."""

    def lie(store: LyingStore, request: Request) -> Response | None:
        answer = store.forward(request)
        if answer.status == 403:
            return error(status, code)
        if request.deletes_batch and b"<Code>AccessDenied</Code>" in answer.body:
            answer.body = answer.body.replace(b"AccessDenied", code.encode())
        return answer

    return lie


def failing_on(wanted: Callable[[Request], bool], answer: Callable[[], Response]) -> Lie:
    """Answer some requests otherwise, always."""
    return lambda _, request: answer() if wanted(request) else None


def failing_after(count: int, answer: Callable[[], Response]) -> Lie:
    """Answer all requests otherwise from one on."""
    return lambda store, _: answer() if len(store.requests) > count else None


def failing_each(every: int, answer: Callable[[], Response]) -> Lie:
    """Answer each so-manieth request otherwise."""
    return lambda store, _: answer() if len(store.requests) % every == 0 else None
