"""A heartbeat over https goes to whom the declared authority vouches for, and to nobody else."""

from __future__ import annotations

import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from drp import canaries
from drp.canaries import Heartbeat
from drp.config.canaries import OrthancCanary
from drp.domain.restore import SecretReference
from drp.errors import Unreachable

pytestmark = pytest.mark.real
AT = datetime(2026, 11, 20, 7, 55, tzinfo=UTC)


class Pacs(BaseHTTPRequestHandler):
    """Answers like Orthanc with revisions: a metadatum is only replaced by who knows its revision."""

    kept: bytes | None = None
    revision = 0
    headers_seen: ClassVar[list[str]] = []

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("ETag", f'"{Pacs.revision}"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        Pacs.headers_seen.append(self.headers.get("Authorization", ""))
        self._answer(200, json.dumps([{"ID": "a-b", "Type": "Study"}]).encode())

    def do_GET(self) -> None:
        self._answer(200, Pacs.kept) if Pacs.kept is not None else self._answer(404)

    def do_PUT(self) -> None:
        if Pacs.kept is not None and self.headers.get("If-Match") != f'"{Pacs.revision}"':
            self._answer(409)
            return
        Pacs.kept = self.rfile.read(int(self.headers["Content-Length"]))
        Pacs.revision += 1
        self._answer(200)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and its self-signed certificate for 127.0.0.1 in one file."""
    path = tmp_path / "pacs.pem"
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    words += ["-subj", "/CN=pacs", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(path), "-out", str(path)]
    subprocess.run(words, check=True, capture_output=True)
    return path


@pytest.fixture
def url(certificate: Path) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pacs)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Pacs.kept, Pacs.revision = None, 0
    Pacs.headers_seen.clear()
    yield f"https://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def write(url: str, ca_file: Path | None, at: datetime = AT) -> None:
    settings = OrthancCanary(
        url=url, user="drp", password=SecretReference(kind="credential", value=("pacs",)), ca_file=ca_file, study="2.25.1", metadata=1024,
        timeout_seconds=5,
    )  # fmt: skip
    canaries.write(settings, Heartbeat(at=at, nonce="0" * 16), lambda _: "word")


def test_a_declared_authority_is_trusted_and_revisions_are_kept(url: str, certificate: Path) -> None:
    write(url, certificate)
    write(url, certificate, AT.replace(hour=8))
    assert Pacs.kept == b"2026-11-20T08:55:00.000000+00:00"
    assert Pacs.revision == 2


def test_nobody_else_gets_the_password(url: str) -> None:
    with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
        write(url, None)
    assert Pacs.headers_seen == []
    assert Pacs.kept is None
