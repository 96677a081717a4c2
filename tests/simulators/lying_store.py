"""A store that is not what it says: a proxy before a real one, which tells of locks, and lets things through.

What a lie does to a locked version is really done, below the lock, or remembered and told from then on; so whoever
looks afterwards sees what he would see of such a store. Odd but healthy stores, and sick connections, are here too.
"""

from __future__ import annotations

import http.client
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
