"""What is tried on sacrificial files: protections that hold, those that do not, and servers that say one thing and do another."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from drp.domain.repository import DirectoryLocation, RepositorySettings, WaitLimits, WormSettings, WriteKeys
from drp.domain.worm.probe import Probe
from drp.errors import RepositoryError, UsageError
from drp.repositories.locations.entries import DIRECTORY
from drp.repositories.locations.files_probe import SACRIFICE
from drp.repositories.locations.rest.connection import RestConnection
from drp.repositories.locations.rest.entry import REST, rest_address
from drp.repositories.locations.rest.location import RestLocation
from tests.support import rest_server
from tests.support.fixtures_repositories import keep_secret, resolve
from tests.support.loopback import served_by
from tests.support.rest_server import RestServer

pytestmark = pytest.mark.real
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def chattr(sign: str, *paths: Path) -> None:
    subprocess.run(["chattr", sign, *map(str, paths)], check=True, capture_output=True)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "kept"
    (folder / "repository").mkdir(parents=True)
    (folder / "sacrifice").write_bytes(SACRIFICE)
    yield folder
    chattr("-i", folder)
    chattr("-a", folder)
    for path in (path for path in folder.iterdir() if path.is_file() and not path.is_symlink()):
        chattr("-i", path)
        chattr("-a", path)


def probed(folder: Path, name: str = "sacrifice", **worm: Any) -> Probe:
    settings = RepositorySettings(
        name="main",
        kind="restic",
        location=DirectoryLocation(path=folder / "repository"),
        worm=WormSettings(**{"sacrifice": folder / name, **worm}),
    )
    return DIRECTORY.probe(settings, resolve, NOW)


def came(probe: Probe) -> list[tuple[str, str, str]]:
    return [(each.attempt, each.came, each.answer) for each in probe.tried]


def test_an_immutable_file_refuses_everything(place: Path) -> None:
    chattr("+i", place / "sacrifice")
    found = probed(place)
    assert {(each.came, each.ground, each.answer) for each in found.tried} == {("refused", "lock", "EPERM")}
    assert found.proven
    assert found.findings == ()
    assert (place / "sacrifice").read_bytes() == SACRIFICE
    assert came(probed(place)) == came(found)


def test_a_plain_file_is_condemned_and_put_right(place: Path) -> None:
    found = probed(place)
    assert {each.came for each in found.tried} == {"succeeded"}
    assert not found.proven
    assert {each.code for each in found.findings} == {"DRP-L075"}
    assert sorted(path.name for path in place.iterdir()) == ["repository", "sacrifice"]
    assert (place / "sacrifice").read_bytes() == SACRIFICE


@pytest.mark.parametrize(("sign", "where", "let_through"), [
    ("+a", ".", {"write-file", "change-file-mode"}),  # names stay, contents do not
    ("+a", "sacrifice", {"write-file"}),  # it may grow
    ("+i", ".", {"write-file", "change-file-mode"}),
])  # fmt: skip
def test_half_a_protection_is_no_protection(place: Path, sign: str, where: str, let_through: set[str]) -> None:
    chattr(sign, place / where)
    found = probed(place)
    assert {each.attempt for each in found.tried if each.came == "succeeded"} == let_through
    assert not found.proven


def test_nothing_is_touched_that_could_be_somebodys(place: Path, tmp_path: Path) -> None:
    (place / "real").write_bytes(b"a real object")
    (place / "longer").write_bytes(SACRIFICE + b"and more")
    (place / "hard").write_bytes(SACRIFICE)
    (place / "another name").hardlink_to(place / "hard")
    (place / "link").symlink_to(place / "sacrifice")
    before = {path.name: path.stat() for path in place.iterdir()}
    for name in ("real", "longer", "hard", "link", "repository", "nowhere"):
        with pytest.raises(UsageError, match="no sacrificial file"):
            probed(place, name)
    with pytest.raises(UsageError, match="names no file"):
        probed(place, sacrifice=None)
    elsewhere = Path("/dev/shm") / f"drp-sacrifice-{os.getpid()}"
    elsewhere.write_bytes(SACRIFICE)
    try:
        with pytest.raises(UsageError, match="another file system"):
            probed(place, sacrifice=elsewhere)
    finally:
        elsewhere.unlink()
    assert {path.name: path.stat().st_mtime_ns for path in place.iterdir()} == {
        n: s.st_mtime_ns for n, s in before.items()
    }


def test_a_want_of_rights_is_no_protection(place: Path) -> None:
    """The same as somebody who may only read: the kernel refuses, and nothing is proven."""
    place.chmod(0o755)
    for path in (place, *place.parents):
        path.chmod(path.stat().st_mode | 0o011) if path.is_relative_to("/tmp") else None
    program = (
        "import os, sys; from pathlib import Path; from tests.faults.test_hardened_probe import probed;"
        "import drp.repositories.locations.files_probe; os.setgroups([]); os.setgid(65534); os.setuid(65534);"
        "found = probed(Path(sys.argv[1]));"
        "print(sorted({(each.came, each.ground, each.answer) for each in found.tried}), found.proven,"
        " sorted({each.code for each in found.findings}))"
    )
    done = subprocess.run([sys.executable, "-c", program, str(place)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-800:]
    assert "[('undecided', 'rights', 'EACCES'), ('undecided', 'rights', 'EPERM')] False ['DRP-L076']" in done.stdout


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[bool, RestServer]]:
    folder = tmp_path_factory.mktemp("served")
    (folder / "appended").mkdir()
    (folder / "plain").mkdir()
    with (
        rest_server.rest_server(folder / "appended", append_only=True, more=("--cache-objects=false",)) as appended,
        rest_server.rest_server(folder / "plain", append_only=False, more=("--cache-objects=false",)) as plain,
    ):
        yield {True: appended, False: plain}


def settings_of(url: str, folder: Path, password: str = rest_server.PASSWORD) -> RepositorySettings:
    user, known = keep_secret(folder, "user", rest_server.USER), keep_secret(folder, "known", rest_server.PASSWORD)
    return RepositorySettings(
        name="main",
        kind="restic",
        location=RestLocation(address=rest_address(url), user=user, password=known),
        limits=WaitLimits(connect_seconds=3, answer_seconds=3, command_seconds=30),
        worm=WormSettings(probe=WriteKeys(access_key=user, secret_key=keep_secret(folder, "writes", password))),
    )


def held(server: RestServer, name: str) -> dict[str, bytes]:
    root = server.folder / name
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def fill(server: RestServer, name: str) -> dict[str, bytes]:
    for path in ("config", "keys/" + "ab" * 32, "data/cd/" + "cd" * 32):
        (server.folder / name / path).parent.mkdir(parents=True, exist_ok=True)
        (server.folder / name / path).write_bytes(path.encode())
    return held(server, name)


def test_an_append_only_server_is_probed_and_holds(servers: dict[bool, RestServer], tmp_path: Path) -> None:
    before = fill(servers[True], "ehr")
    settings = settings_of(f"{servers[True].url}/ehr", tmp_path)
    found = REST.probe(settings, resolve, NOW)
    assert {(each.attempt, each.came, each.ground) for each in found.tried if each.by == "probe"} == {
        ("write-file", "refused", "lock"),
        ("delete-file", "refused", "lock"),
    }
    assert {each.came for each in found.tried if each.by == "reader"} == {"refused"}
    assert all(each.answer.startswith("403 Forbidden") for each in found.tried)
    assert found.proven
    assert found.findings == ()
    after = held(servers[True], "ehr")
    assert {name: content for name, content in after.items() if not name.startswith("drp-probe/")} == before
    REST.probe(settings, resolve, NOW)  # again: nothing piles up
    assert held(servers[True], "ehr").keys() == after.keys()


def test_a_server_that_deletes_is_condemned_and_nothing_real_is_touched(
    servers: dict[bool, RestServer], tmp_path: Path
) -> None:
    before = fill(servers[False], "ehr")
    found = REST.probe(settings_of(f"{servers[False].url}/ehr", tmp_path), resolve, NOW)
    assert {each.attempt for each in found.tried if each.came == "succeeded"} == {"write-file", "delete-file"}
    assert not found.proven
    assert {each.code for each in found.findings} == {"DRP-L074"}
    assert {each.severity for each in found.findings} == {"critical"}
    after = held(servers[False], "ehr")
    assert {name: content for name, content in after.items() if not name.startswith("drp-probe/")} == before


def test_credentials_that_may_do_nothing_prove_nothing(servers: dict[bool, RestServer], tmp_path: Path) -> None:
    fill(servers[True], "ehr")
    found = REST.probe(settings_of(f"{servers[True].url}/ehr", tmp_path, "not-it"), resolve, NOW)
    assert {each.came for each in found.tried if each.by == "probe"} == {"undecided"}
    assert {each.code for each in found.findings} == {"DRP-L076"}
    assert not found.proven


def test_a_repository_in_the_probes_place_is_not_touched(servers: dict[bool, RestServer], tmp_path: Path) -> None:
    fill(servers[False], "lis/drp-probe")
    fill(servers[False], "drp-probe-lis")
    before = held(servers[False], ".")
    found = REST.probe(settings_of(f"{servers[False].url}/lis", tmp_path), resolve, NOW)
    assert {each.came for each in found.tried} == {"undecided"}
    after = held(servers[False], ".")
    assert {name: after.get(name) for name in before} == before


def test_without_credentials_nothing_is_tried(tmp_path: Path) -> None:
    settings = settings_of("http://127.0.0.1:9/ehr", tmp_path)
    with pytest.raises(UsageError, match="names no credentials"):
        REST.probe(replace(settings, worm=WormSettings()), resolve, NOW)
    assert isinstance(settings.location, RestLocation)
    connection = RestConnection("main", settings.location, lambda: None, WaitLimits())
    for method in ("DELETE", "POST", "PUT", "PATCH"):
        with pytest.raises(RepositoryError, match="never sends"):
            connection.ask(method, "config")


@contextmanager
def lying(upstream: RestServer, lie: str) -> Iterator[str]:
    """A server in front of a real one that deletes: what it answers is not what it does."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self, status: int, body: bytes = b"") -> None:
            self.send_response_only(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            forbidden = self.command == "DELETE" and "/locks/" not in self.path
            if lie == "does nothing" and forbidden:
                return self.answer(200)
            if lie == "breaks down" and forbidden:
                return self.answer(503)
            connection = HTTPConnection("127.0.0.1", upstream.port)
            connection.request(self.command, self.path, body, {"Authorization": self.headers["Authorization"]})
            said = connection.getresponse()
            content = said.read()
            connection.close()
            if lie == "refuses and deletes" and forbidden:
                return self.answer(403)
            return self.answer(said.status, content)

        do_POST = do_DELETE = do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with served_by(Handler) as address:
        yield f"{address}/liar-{lie.replace(' ', '-')}"


@pytest.mark.parametrize(("lie", "expected", "code"), [
    ("refuses and deletes", "succeeded", "DRP-L074"),
    ("does nothing", "ignored", "DRP-L074"),
    ("breaks down", "undecided", "DRP-L076"),
])  # fmt: skip
def test_what_counts_is_what_is_there_afterwards(
    servers: dict[bool, RestServer], tmp_path: Path, lie: str, expected: str, code: str
) -> None:
    upstream = servers[lie == "breaks down"]
    with lying(upstream, lie) as url:
        found = REST.probe(settings_of(url, tmp_path), resolve, NOW)
    assert {each.came for each in found.tried if each.attempt == "delete-file" and each.by == "probe"} == {expected}
    assert code in {each.code for each in found.findings}
    assert not found.proven
