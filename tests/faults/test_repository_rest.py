"""A repository behind a REST server in trouble: silent, refusing, malformed; its secrets stay where they are."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from drp.config.locations import Given
from drp.config.site import load_site
from drp.config.whereabouts import Secrets, place_of
from drp.domain.ports import Repository
from drp.domain.repository import DirectoryLocation, WaitLimits
from drp.errors import AccessDenied, ObjectAbsent, RepositoryError, ShortBody, Unreachable, UsageError
from drp.repositories.kind import create
from drp.repositories.locations.rest.backend import RestBackend
from drp.repositories.locations.rest.entry import rest_address
from drp.repositories.locations.rest.location import RestLocation
from drp.repositories.locations.stored import stored_objects
from drp.repositories.restic.settings import ResticSettings
from drp.service.survey import describe
from tests.support import rest_server
from tests.support.fixtures_repositories import application, carry_out, keep_secret, resolve
from tests.support.loopback import black_hole, free_ports, served_by
from tests.support.rest_server import RestServer
from tests.support.restic_tools import PASSWORD, Restic, executable, make_tree

pytestmark = pytest.mark.real
EHR = application(tags=("ehr",))
NAME = "ab" * 32
LIMITS = WaitLimits(connect_seconds=3, answer_seconds=3, command_seconds=60, idle_seconds=60)


@dataclass
class Place:
    server: RestServer
    folder: Path
    point: str
    source: Path

    def location(self, url: str, *, password: str = rest_server.PASSWORD, **more: Any) -> RestLocation:
        return RestLocation(
            address=rest_address(url),
            user=keep_secret(self.folder, "user", rest_server.USER),
            password=keep_secret(self.folder, f"server-{abs(hash(password))}", password),
            **more,
        )

    def repository(self, url: str = "", *, password: str = PASSWORD, **more: Any) -> Repository:
        settings = ResticSettings(
            name="main",
            location=self.location(url or f"{self.server.url}/ehr", **more),
            password=keep_secret(self.folder, f"repository-{password[:3]}", password),
            executable=str(executable("current")),
            limits=LIMITS,
        )
        return create(settings, resolve=resolve, cache_directory=self.folder / "cache")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("rest")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650",
         "-subj", "/CN=drp test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    (served := folder / "served").mkdir()
    source = make_tree(folder / "source", files=4)
    writer = Restic(executable("current"), str(served / "ehr")).init()
    point = writer.backup(source, tags=["ehr"])
    more = ("--cert", str(certificate), "--key", str(key))
    with rest_server.rest_server(served, append_only=True, more=more) as server:
        yield Place(server=server, folder=folder, point=point, source=source)


def test_a_point_is_restored_over_tls_by_the_authority_that_the_site_names(place: Place, tmp_path: Path) -> None:
    repository = place.repository(ca_file=place.folder / "certificate.pem")
    abilities = repository.preflight()
    assert abilities.clock_ahead_ms is not None
    assert abs(abilities.clock_ahead_ms) < 600_000
    (point,) = repository.points(EHR).points
    assert point.id == place.point
    order = repository.restore_order(point)
    assert order.endpoint == ("127.0.0.1", place.server.port)
    assert "--repo" not in order.argv
    receipt = repository.receipt(point, carry_out(order, repository.secrets(), tmp_path / "restored"))
    assert receipt.unrestored == ()
    for path in (path for path in place.source.rglob("*") if path.is_file()):
        restored = tmp_path / "restored" / order.source_root.lstrip("/") / path.relative_to(place.source)
        assert restored.read_bytes() == path.read_bytes()
    said = repr((order, repository.secrets()))
    assert rest_server.PASSWORD not in said
    assert PASSWORD not in said


def test_a_certificate_that_nobody_vouches_for_is_not_spoken_to(place: Place) -> None:
    with pytest.raises(Unreachable, match="certificate") as caught:
        place.repository().preflight()
    assert "ca_file" in str(caught.value.hint)


def test_wrong_credentials_and_a_wrong_password_are_told_apart(place: Place) -> None:
    ca = place.folder / "certificate.pem"
    with pytest.raises(AccessDenied, match="401") as refused:
        RestBackend(
            "main", place.location(f"{place.server.url}/ehr", password="wrong-one", ca_file=ca), resolve, LIMITS
        ).look()
    assert "wrong-one" not in str(refused.value)
    with pytest.raises(AccessDenied, match="password"):
        place.repository(ca_file=ca, password="not-it").preflight()


def test_there_is_no_repository_at_another_path(place: Place) -> None:
    repository = place.repository(f"{place.server.url}/nowhere", ca_file=place.folder / "certificate.pem")
    with pytest.raises(RepositoryError, match="no repository at https://"):
        repository.preflight()


def test_silence_is_unreachable_within_seconds(place: Place) -> None:
    with black_hole() as port:
        for url in (f"http://127.0.0.1:{free_ports(1)[0]}/", f"http://127.0.0.1:{port}/"):
            begun = time.monotonic()
            with pytest.raises(Unreachable):
                place.repository(url).preflight()
            assert time.monotonic() - begun < 120  # restic goes on for a quarter of an hour


Said = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def scripted(say: Said) -> Iterator[str]:
    """A server that answers every request in one way."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            say(self)

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with served_by(Handler) as address:
        yield f"{address}/ehr"


def answer(status: int, body: bytes, **headers: str) -> Said:
    def say(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response_only(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = True

    return say


CASES: dict[str, tuple[Said, type[Exception], str]] = {
    "no list": (answer(200, b"{}"), RepositoryError, "malformed"),
    "no JSON": (answer(200, b"<html>"), RepositoryError, "malformed"),
    "twice": (answer(200, b'[{"name": "a", "name": "b"}]'), RepositoryError, "malformed"),
    "cut off": (answer(200, b"[", Content_Length="1000"), Unreachable, "does not answer"),
    "moved": (answer(302, b"", Location="http://169.254.169.254/"), RepositoryError, "302"),
    "busy": (answer(503, b""), Unreachable, "503"),
    "too many requests": (answer(429, b""), Unreachable, "429"),
    "refused": (answer(403, b""), AccessDenied, "403"),
    "not asked for": (answer(206, b"[]"), RepositoryError, "206"),
    "nothing there": (answer(200, b"null"), RepositoryError, "keys/"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_a_server_answers_is_no_damage_of_the_backup(place: Place, case: str) -> None:
    said, kind, words = CASES[case]
    with scripted(said) as url:
        backend = RestBackend("main", place.location(url), resolve, LIMITS)
        if case == "nothing there":
            assert any(words in broken for broken in backend.look().broken)
            return
        with pytest.raises(kind, match=words) as caught:
            backend.look()
    assert type(caught.value) is kind


def test_names_that_restic_does_not_give_are_passed_over(place: Place) -> None:
    listed = b'["%s", {"name": "%s", "size": 9}, {"name": "../../etc/passwd"}, {"name": 7}, 5, null]'
    body = listed % (NAME.encode(), NAME[::-1].encode())
    with scripted(answer(200, body, Date="nonsense")) as url:
        backend = RestBackend("main", place.location(url), resolve, LIMITS)
        assert backend.look().snapshots == {NAME, NAME[::-1]}
        assert backend.clock_ahead_ms is None


def test_what_is_declared_of_a_server_is_never_told_as_seen(place: Place) -> None:
    point: Any = None
    for declared, said in ((False, ("none", "observed")), (True, ("governance", "declared"))):
        location = place.location(f"{place.server.url}/ehr", append_only=declared)
        seen = RestBackend("main", location, resolve, LIMITS).immutability(point)
        assert (seen.mode, seen.provenance) == said
        assert any("whoever has its disk" in remark for remark in seen.remarks)


def test_init_describes_what_is_behind_a_server(place: Place, tmp_path: Path) -> None:
    said = {name: tmp_path / name for name in ("user", "server", "password")}
    for name, value in (("user", rest_server.USER), ("server", rest_server.PASSWORD), ("password", PASSWORD)):
        said[name].write_text(value)
        said[name].chmod(0o600)
    given = Given(user_file=said["user"], secret_file=said["server"], ca_file=place.folder / "certificate.pem")
    found = describe(
        tmp_path / "site",
        f"rest:{place.server.url}/ehr",
        Secrets(password_file=said["password"]),
        given=given,
        executable=str(executable("current")),
    )
    assert found.entry["location"]["rest"]["url"] == f"{place.server.url}/ehr"
    settings = load_site(tmp_path / "site").repository("backups")
    assert settings.endpoint == ("127.0.0.1", place.server.port)
    assert settings.location.files == (place.folder / "certificate.pem",)
    with pytest.raises(UsageError, match="without a password"):
        place_of(f"rest:{place.server.url}/ehr", Given(user_file=said["user"]))
    with pytest.raises(UsageError, match="in the clear"):
        place_of("rest:http://backup.hospital.example/ehr", given)


def test_objects_behind_a_server_are_those_of_its_directory(place: Place) -> None:
    location = place.location(f"{place.server.url}/ehr", ca_file=place.folder / "certificate.pem")
    behind = stored_objects("main", location, resolve, LIMITS)
    direct = stored_objects("main", DirectoryLocation(path=place.server.folder / "ehr"), resolve, LIMITS)
    there = {each.key: each.size for each in direct.versions() if not each.key.startswith("locks/")}
    assert {each.key: each.size for each in behind.versions() if not each.key.startswith("locks/")} == there
    for folder in ("", "keys", "data"):
        assert {each.key for each in behind.versions(folder)} >= {key for key in there if key.startswith(folder)}
    for key, size in there.items():
        whole = b"".join(direct.read(key, None))
        assert b"".join(behind.read(key, "")) == whole == b"".join(map(bytes, behind.views(key, None)))
        assert b"".join(behind.read(key, None, offset=3, length=7)) == whole[3:10]
        assert b"".join(behind.read(key, None, offset=size - 2)) == whole[-2:]
        assert b"".join(behind.read(key, None, offset=size)) == b""
    for absent in ("data/ab/" + NAME, "data/" + NAME, "keys/../config", "nothing", "data/cd/" + NAME):
        with pytest.raises(ObjectAbsent):
            list(behind.read(absent, None))
    with pytest.raises(ObjectAbsent):
        list(behind.read("config", "a-version"))


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (answer(200, b"ab", Content_Length="10"), ShortBody),
        (answer(503, b""), Unreachable),
        (answer(403, b""), AccessDenied),
        (answer(404, b""), ObjectAbsent),
        (answer(302, b"", Location="http://169.254.169.254/"), RepositoryError),
    ],
)
def test_what_breaks_off_or_is_refused_is_no_damage_of_an_object(
    place: Place, said: Said, kind: type[Exception]
) -> None:
    with scripted(said) as url:
        objects = stored_objects("main", place.location(url), resolve, LIMITS)
        with pytest.raises(kind) as caught:
            list(objects.read("config", None))
    assert type(caught.value) is kind


def test_a_range_that_a_server_passes_over_is_not_taken_for_it(place: Place) -> None:
    with scripted(answer(200, b"the whole of it")) as url:
        objects = stored_objects("main", place.location(url), resolve, LIMITS)
        with pytest.raises(RepositoryError):
            list(objects.read("config", None, offset=4, length=5))
