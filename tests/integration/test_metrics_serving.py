"""Who may ask for metrics gets them, read-only; who may not, or hangs, gets nothing and keeps nobody out."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from drp.errors import Busy, ConfigError, UsageError
from drp.monitoring.serving import MetricsServer, serve_metrics
from tests.simulators.world import Script
from tests.support.monitored import MonitoredSite, monitored, put_secret
from tests.support.receivers import samples, value


@pytest.fixture
def site(tmp_path: Path) -> MonitoredSite:
    made = monitored(tmp_path, {"oncall": "json://127.0.0.1:1/x"})
    made.hold()
    made.hold(Script(checks=("failed",)), name="documents")
    return made


@pytest.fixture
def server(site: MonitoredSite) -> Iterator[MetricsServer]:
    with serve_metrics("127.0.0.1:0", site.wiring()) as serving:
        yield serving


def get(server: MetricsServer, path: str = "/metrics", **headers: str) -> tuple[int, str]:
    host, port = server.address
    request = urllib.request.Request(f"http://{host}:{port}{path}", headers=headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_whoever_is_on_loopback_reads_and_only_reads(server: MetricsServer, site: MonitoredSite) -> None:
    status, text = get(server)
    assert status == 200
    assert value(samples(text), "drp_drills") == 2
    site.hold()
    assert value(samples(get(server)[1]), "drp_drills") == 3
    assert get(server, "/metrics?name[]=drp_up")[0] == 200
    assert get(server, "/")[0] == 404
    assert get(server, "/metrics/../../etc/passwd")[0] == 404


def spoken(server: MetricsServer, words: bytes) -> bytes:
    with socket.create_connection(server.address, timeout=60) as client:
        client.sendall(words)
        answer = b""
        while piece := client.recv(65_536):
            answer += piece
        return answer


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcde", b"405"),
        (b"DELETE /metrics HTTP/1.0\r\n\r\n", b"405"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET /metrics FTP/1\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", b"400"),
    ],
)
def test_everything_else_is_refused(server: MetricsServer, words: bytes, status: bytes) -> None:
    assert spoken(server, words).split(b" ")[1] == status
    assert get(server)[0] == 200


def test_a_head_has_no_body(server: MetricsServer) -> None:
    assert spoken(server, b"HEAD /metrics HTTP/1.1\r\n\r\n").endswith(b"\r\n\r\n")


def cut_off(client: socket.socket) -> bool:
    """Send headers without an end, and return whether the server had enough of them."""
    try:
        for _ in range(1_000):
            client.sendall(b"X-Long: " + b"x" * 8_000 + b"\r\n")
        return client.recv(1) == b""
    except OSError:
        return True


def test_clients_that_hang_drip_or_never_end_keep_nobody_out(server: MetricsServer) -> None:
    with ExitStack() as stack:
        for words in (b"", b"GET /metrics HTTP/1.1\r\n", b"GET /metrics HTTP/1.1\r\nX: "):
            client = stack.enter_context(socket.create_connection(server.address))
            client.sendall(words)
        assert get(server)[0] == 200
        endless = stack.enter_context(socket.create_connection(server.address, timeout=60))
        assert cut_off(endless)
        assert get(server)[0] == 200
        deaf = stack.enter_context(socket.create_connection(server.address))
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        deaf.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        assert get(server)[0] == 200


def test_who_drips_is_cut_off_by_the_clock(server: MetricsServer) -> None:
    with socket.create_connection(server.address, timeout=120) as client:
        over = threading.Event()

        def drip() -> None:
            while not over.wait(0.05):
                try:
                    client.sendall(b"x")
                except OSError:
                    return

        dripping = threading.Thread(target=drip, daemon=True)
        dripping.start()
        try:
            assert client.recv(1) == b""
        except ConnectionResetError:
            pass
        finally:
            over.set()
            dripping.join()


def test_many_questions_leave_no_descriptor_and_no_thread_behind(server: MetricsServer) -> None:
    get(server)
    threads, before = threading.active_count(), len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        get(server)
    deadline = threading.Event()
    for _ in range(600):
        if threading.active_count() <= threads:
            break
        deadline.wait(0.05)
    assert threading.active_count() <= threads
    assert len(os.listdir("/proc/self/fd")) <= before + 4


@pytest.mark.parametrize(
    "address", ["", "9187", "localhost:9187", "127.0.0.1", "127.0.0.1:99999", "127.0.0.1:-1", "[::1"]
)
def test_what_is_no_address_is_refused(site: MonitoredSite, address: str) -> None:
    with pytest.raises(UsageError):
        serve_metrics(address, site.wiring())


def test_a_port_that_is_taken_is_said(site: MonitoredSite, server: MetricsServer) -> None:
    with pytest.raises(Busy):
        serve_metrics(f"127.0.0.1:{server.address[1]}", site.wiring())


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


TLS = "certificate: tls.pem, key: {file: secrets/key}"
TOKEN = "token: {file: secrets/token}"
LOGIN = "user: prometheus, password: {file: secrets/password}"


def secured(directory: Path, said: str, pair: tuple[Path, Path]) -> MonitoredSite:
    made = monitored(directory, {}, more=f"metrics: {{{said}}}\n")
    (directory / "tls.pem").write_text(pair[0].read_text())
    put_secret(directory, "key", pair[1].read_text())
    put_secret(directory, "token", "token-of-the-scraper")
    put_secret(directory, "password", "pass:word")
    return made


@pytest.mark.parametrize("said", ["", TLS, TOKEN, LOGIN, f"{TOKEN}, {LOGIN}"])
@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"])
def test_beyond_loopback_nothing_is_served_without_tls_and_a_secret(
    tmp_path: Path, pair: tuple[Path, Path], said: str, address: str
) -> None:
    with pytest.raises(ConfigError, match="loopback"):
        serve_metrics(address, secured(tmp_path, said, pair).wiring())


def test_with_both_it_is_served_to_who_shows_the_secret(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    made = secured(tmp_path, f"{TLS}, {TOKEN}, {LOGIN}", pair)
    context = ssl.create_default_context(cafile=str(pair[0]))
    with pytest.raises(Busy):  # allowed; no address of this machine
        serve_metrics("192.0.2.1:0", made.wiring())
    with serve_metrics("127.0.0.1:0", made.wiring()) as server:

        def shown(*lines: str) -> bytes:
            with (
                socket.create_connection(("127.0.0.1", server.address[1]), timeout=60) as raw,
                context.wrap_socket(raw, server_hostname="127.0.0.1") as client,
            ):
                client.sendall("\r\n".join(["GET /metrics HTTP/1.1", *lines, "", ""]).encode())
                answer = b""
                while piece := client.recv(65_536):
                    answer += piece
                return answer

        assert b" 200 " in shown("Authorization: Bearer token-of-the-scraper")[:20]
        assert b" 200 " in shown("authorization: Basic cHJvbWV0aGV1czpwYXNzOndvcmQ=")[:20]
        for wrong in (
            [],
            ["Authorization: Bearer token-of-the-scrapeR"],
            ["Authorization: Bearer "],
            ["Authorization: token-of-the-scraper"],
            ["Authorization: Bearer x", "Authorization: Bearer token-of-the-scraper"],
            ["X-Authorization: Bearer token-of-the-scraper"],
        ):
            answer = shown(*wrong)
            assert b" 401 " in answer[:20], wrong
            assert b"drp_" not in answer
        with socket.create_connection(("127.0.0.1", server.address[1]), timeout=60) as plain:
            plain.sendall(b"GET /metrics HTTP/1.1\r\nAuthorization: Bearer token-of-the-scraper\r\n\r\n")
            with suppress(ConnectionResetError):
                assert b"drp_" not in plain.recv(65_536)


def test_a_secret_holds_on_loopback_too(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    with serve_metrics("127.0.0.1:0", secured(tmp_path, TOKEN, pair).wiring()) as server:
        assert get(server)[0] == 401
        assert get(server, Authorization="Bearer token-of-the-scraper")[0] == 200


def test_a_key_of_another_certificate_is_refused(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    made = secured(tmp_path, f"{TLS}, {TOKEN}", pair)
    put_secret(tmp_path, "key", "no key")
    with pytest.raises(ConfigError, match="cannot be used"):
        serve_metrics("127.0.0.1:0", made.wiring())
