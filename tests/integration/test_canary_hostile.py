"""A heartbeat is given up in time, and told in drp's words, whatever answers in place of production; no secret leaves."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drp import canaries
from drp.config.canaries import DatabaseCanary, OrthancCanary
from drp.domain.restore import SecretReference
from drp.errors import AccessDenied, ConfigError, DrpError, NotFound, Unreachable
from tests.support import rogues
from tests.support.dripping import dripping
from tests.support.rogues import Serve, message, rogue
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.real

HEARTBEAT = canaries.Heartbeat(at=datetime(2026, 11, 20, tzinfo=UTC), nonce="0" * 16)
SECRET = SecretReference(kind="credential", value=("x",))
PASSWORD = "s3cret-of-production"
SECONDS = 0.5
HTTP = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
STRANGE = '[{"ID":"aébc/../","Type":"Study"}]'.encode()
ALLOWED = message(b"R", bytes(4))
NOTICE = message(b"N", b"SNOTICE\0C00000\0Mx\0\0")
READY = message(b"Z", b"I")
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def settings(kind: str, port: int, **changes: object) -> OrthancCanary | DatabaseCanary:
    words: dict[str, object] = {"user": "u", "password": SECRET, "ca_file": None, "timeout_seconds": SECONDS, **changes}
    if kind == "orthanc":
        words = {"url": f"http://127.0.0.1:{port}", **words}
        return OrthancCanary(study="1.2.3", metadata=1024, **words)  # type: ignore[arg-type]
    return DatabaseCanary(kind=kind, **{"host": "127.0.0.1", **words}, port=port, database="d", keep=10)  # type: ignore[arg-type]


def beat(kind: str, port: int, **changes: object) -> None:
    canaries.write(settings(kind, port, **changes), HEARTBEAT, lambda _: PASSWORD)


@pytest.mark.parametrize(
    ("kind", "head"),
    [
        ("orthanc", b""),
        ("orthanc", HTTP % 10**6),
        ("orthanc", b"HTTP/1.1 200 OK\r\nX: "),
        ("postgres", b"NS\0\0\xff\xff"),
        ("mariadb", b"\xff\xff\xff\0"),
        ("mariadb", bytes(200)),
    ],
)
def test_an_answer_that_never_ends_is_given_up(kind: str, head: bytes) -> None:
    started = time.monotonic()
    with dripping(head) as port, pytest.raises(Unreachable, match=r"no whole answer within 0\.5 s"):
        beat(kind, port)
    assert time.monotonic() - started < 60, "dripping never ends"


@pytest.mark.parametrize(
    ("kind", "serve"),
    [
        ("orthanc", rogues.http(b"", again=CONTINUE)),
        ("postgres", rogues.postgres(ALLOWED, again=NOTICE)),
        ("postgres", rogues.postgres(ALLOWED, again=message(b"S", b"a" * 5000 + b"\0b\0"))),
        ("postgres", rogues.postgres(message(b"\x52", b"")[:1] + b"\xff\xff\xff\xfb")),
        ("mariadb", rogues.mariadb(answer=b"\x01" + b"\xfe" * 9)),
    ],
)
def test_a_flood_of_good_manners_is_given_up(kind: str, serve: Serve) -> None:
    with rogue(serve) as heard, pytest.raises(Unreachable):
        beat(kind, heard.port)


@pytest.mark.parametrize(
    ("kind", "serve"),
    [
        ("orthanc", rogues.http(HTTP % 900_000 + b"[" * 900_000)),
        ("orthanc", rogues.http(HTTP % 2 + b"17")),
        ("orthanc", rogues.http(HTTP % len(STRANGE) + STRANGE)),
        ("orthanc", rogues.http(b"\xff\xff\r\n\r\n")),
        ("orthanc", rogues.http(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000)),
        ("postgres", rogues.postgres(message(b"R", b"\0\0\0\x63"))),
        ("postgres", rogues.postgres(message(b"E", b"abcd"))),
        ("postgres", rogues.postgres(message(b"E", b"\xff\xfe\xfd\0\0\0\0"))),
        ("postgres", rogues.postgres(b"\xff" * 64)),
        ("postgres", rogues.postgres(message(b"R", b""))),
        ("postgres", rogues.postgres(ALLOWED + READY, message(b"T", b"\xff\xff"))),
        ("postgres", rogues.postgres(b"R\x7f\xff\xff\xff", again=bytes(1 << 20))),
        ("mariadb", rogues.mariadb(answer=b"\xfb/etc/shadow")),
        ("mariadb", rogues.mariadb(login=b"\xff\x15\x04#28000" + b"\x1b[2J" * 100)),
    ],
)
def test_nonsense_is_told_and_no_fault_of_drp(kind: str, serve: Serve) -> None:
    with rogue(serve) as heard, pytest.raises((Unreachable, AccessDenied)) as told:
        beat(kind, heard.port, timeout_seconds=5)
    assert told.value.hint
    assert len(told.value.message) < 600
    assert told.value.message.isprintable()
    assert b"root:" not in heard.said


def test_an_archive_without_the_study_is_one_all_the_same() -> None:
    with rogue(rogues.http(HTTP % 2 + b"[]")) as heard, pytest.raises(NotFound, match="no study"):
        beat("orthanc", heard.port, timeout_seconds=5)


def test_nobody_is_followed_elsewhere() -> None:
    with rogue(rogues.http(HTTP % 2 + b"[]")) as other:
        for place in (f"http://127.0.0.1:{other.port}/", "file:///etc/passwd"):
            moved = f"HTTP/1.1 302 x\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode()
            with rogue(rogues.http(moved)) as heard, pytest.raises(Unreachable, match="302"):
                beat("orthanc", heard.port, timeout_seconds=5)
        assert not other.said


def _asks(method: int) -> Serve:
    return rogues.postgres(message(b"R", method.to_bytes(4, "big") + b"salt"), ALLOWED + READY)


@pytest.mark.parametrize(
    ("kind", "serve", "error"),
    [
        ("postgres", _asks(3), AccessDenied),
        ("mariadb", rogues.mariadb(login=b"\xfemysql_clear_password\0"), AccessDenied),
        ("mariadb", rogues.mariadb(login=b"\xfedialog\0\x04Password: \0"), AccessDenied),
        ("mariadb", rogues.mariadb(login=b"\xfesha256_password\0" + b"A" * 20), AccessDenied),
        ("mariadb", rogues.mariadb(login=b"\xfecaching_sha2_password\0" + b"A" * 20, more=b"\x01\x04"), AccessDenied),
        ("mariadb", rogues.mariadb(login=b"\xfemysql_old_password\0AAAAAAAA"), DrpError),
        ("mariadb", rogues.mariadb(login=b"\xfe"), DrpError),
    ],
)
def test_the_password_itself_goes_to_nobody_who_is_not_known(kind: str, serve: Serve, error: type[Exception]) -> None:
    with rogue(serve) as heard, pytest.raises(error) as told:
        beat(kind, heard.port, timeout_seconds=5)
    assert PASSWORD.encode() not in heard.said
    assert PASSWORD not in str(told.value)
    assert heard.said, "it was asked, and said something else"


@pytest.mark.parametrize("kind", ["postgres", "mariadb"])
def test_a_server_that_must_be_known_and_refuses_tls_learns_nothing(kind: str) -> None:
    authority = Path("/etc/ssl/certs/ca-certificates.crt")
    serve = rogues.mariadb() if kind == "mariadb" else rogues.postgres(ALLOWED + READY)
    with rogue(serve) as heard, pytest.raises(DrpError) as told:
        beat(kind, heard.port, ca_file=authority, timeout_seconds=5)
    assert "TLS" in told.value.message or "SSL" in told.value.message
    assert PASSWORD.encode() not in heard.said
    assert b"user" not in heard.said, "not even who asks"


def test_certificates_that_cannot_be_read_are_a_matter_of_configuration(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    for path in (tmp_path / "ca.pem", tmp_path / "absent.pem"):
        with pytest.raises(ConfigError, match="certificates cannot be read"):
            beat("postgres", 9, ca_file=path, timeout_seconds=PATIENCE)
        with pytest.raises(ConfigError, match="certificates cannot be read"):
            beat("orthanc", 9, ca_file=path, url="https://127.0.0.1:9", timeout_seconds=PATIENCE)


def test_basic_authentication_is_all_that_a_pacs_on_loopback_hears() -> None:
    with rogue(rogues.http(HTTP % 2 + b"[]")) as heard, pytest.raises(NotFound):
        beat("orthanc", heard.port, timeout_seconds=5)
    assert base64.b64encode(f"u:{PASSWORD}".encode()) in heard.said
