"""Who writes to a repository now shows in its locks; a job that died holds nobody up; declared windows come first."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from drp.clock import utc_now
from drp.config.site import check_site, load_site
from drp.domain.repository import DirectoryLocation
from drp.domain.repository_port import Repository, WritersSeen
from drp.domain.schedule.policy import Window
from drp.domain.schedule.windows import open_now
from drp.repositories.kind import create
from drp.repositories.restic.locks import STALE, sign_of
from drp.repositories.restic.settings import ResticSettings
from drp.service.precheck import precheck, why_wait
from drp.service.wiring import Wiring
from tests.support.copies import copies
from tests.support.fixtures_buckets import Bucket
from tests.support.fixtures_repositories import keep_secret, resolve
from tests.support.restic_tools import KINDS, PASSWORD, Restic, executable
from tests.support.sites import REPOSITORIES, write_site
from tests.support.waiting import eventually

pytestmark = pytest.mark.real
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
NIGHT = (Window(days=tuple(range(7)), begins=time(22), ends=time(6)),)


@pytest.fixture(params=KINDS)
def writer(request: pytest.FixtureRequest, tmp_path: Path) -> Restic:
    return Restic(executable(request.param), str(tmp_path / "repository")).init()


def read_by_drp(writer: Restic, folder: Path) -> Repository:
    settings = ResticSettings(
        name="main",
        location=DirectoryLocation(path=Path(writer.repository)),
        password=keep_secret(folder, "password", PASSWORD),
        executable=str(writer.program),
    )
    return create(settings, resolve=resolve, cache_directory=folder / "cache")


def locks(writer: Restic) -> list[Path]:
    return list((Path(writer.repository) / "locks").iterdir())


@contextmanager
def backing_up(writer: Restic, seen: Callable[[], object]) -> Iterator[subprocess.Popen[bytes]]:
    """A backup that goes on until it is ended: its input has no end."""
    environment = {"PATH": os.defpath, "HOME": "/nonexistent", "RESTIC_PASSWORD": writer.password, **writer.environment}
    argv = [str(writer.program), "--repo", writer.repository, "--no-cache", "backup", "--stdin"]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment)
    try:
        assert eventually(seen)
        yield process
    finally:
        process.kill()
        process.communicate()


def kinds(repository: Repository, now: datetime | None = None) -> list[str]:
    assert isinstance(repository, WritersSeen)
    return [sign.kind for sign in repository.writers(now or utc_now())]


def test_a_backup_at_work_is_seen_and_one_that_died_holds_nobody_up(writer: Restic, tmp_path: Path) -> None:
    repository = read_by_drp(writer, tmp_path)
    assert kinds(repository) == []
    with backing_up(writer, lambda: kinds(repository)) as process:  # a file that is being written is no lock yet
        assert isinstance(repository, WritersSeen)
        (sign,) = repository.writers(utc_now())
        assert (sign.kind, sign.repository, sign.host) == ("lock", "main", socket.gethostname())
        assert sign.since is not None
        process.kill()  # it leaves its lock
        process.wait()
        assert kinds(repository) == ["lock"], "nobody can tell yet"
        assert kinds(repository, sign.since + STALE) == ["stale-lock"]
        assert kinds(repository, sign.since - STALE) == ["stale-lock"], "of a clock that is wrong"
    assert len(locks(writer)) == 1, "drp removes none"


def test_a_lock_that_nobody_can_read_is_told_and_not_passed_over(writer: Restic, tmp_path: Path) -> None:
    (Path(writer.repository) / "locks" / secrets.token_hex(32)).write_bytes(b"no lock")
    (Path(writer.repository) / "locks" / "README").write_text("no lock's name")
    assert kinds(read_by_drp(writer, tmp_path)) == ["unreadable-lock"]


def test_in_a_bucket_locks_are_seen_by_an_identity_that_only_reads(
    own_bucket: Bucket, repository_in: Callable[..., Repository]
) -> None:
    repository = repository_in(own_bucket)
    assert kinds(repository) == []
    with backing_up(own_bucket.writer, lambda: kinds(repository)):
        assert kinds(repository) == ["lock"]


def test_kinds_that_show_nothing_are_asked_nothing(tmp_path: Path) -> None:
    assert not isinstance(copies(tmp_path, "%Y-%m-%d"), WritersSeen)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"time": 5}', '{"time": "0000-00-00T00:00:00Z"}', '{"time":"2026-13-01T00:00:00Z"}', "\ud800"],
)
def test_what_is_no_lock_holds_nobody_up(text: str) -> None:
    assert sign_of(text, "main", NOW).kind == "unreadable-lock"


def test_what_a_lock_says_of_its_host_is_made_printable() -> None:
    said = json.dumps({"time": "2026-11-29T12:59:59.123456789+01:00", "hostname": "a\u001b[2J\n" + "b" * 500})
    sign = sign_of(said, "main", NOW)
    assert sign.kind == "lock"
    assert sign.host.isprintable()
    assert len(sign.host) <= 100


@pytest.mark.parametrize(
    ("hour", "within", "begins"), [(23, 0, 22), (5, 0, 22), (12, 0, None), (12, 9, None), (12, 10, 22), (6, 0, None)]
)
def test_a_window_is_open_or_comes_so_soon(hour: int, within: int, begins: int | None) -> None:
    span = open_now(NIGHT, "UTC", datetime(2026, 11, 29, hour, tzinfo=UTC), timedelta(hours=within))
    assert (span[0].hour if span else None) == begins
    assert open_now((), "UTC", NOW) is None


@pytest.fixture
def windowed(tmp_path: Path) -> Callable[[str], Wiring]:
    """Return a site whose first repository is written to in a window."""

    def build(window: str) -> Wiring:
        said = f"    backup_window: {{windows: [{window!r}], zone: UTC}}\n    password: {{file: secrets/vault}}\n"
        changed = REPOSITORIES.replace("    password: {file: secrets/vault}\n", said)
        return Wiring(load_site(write_site(tmp_path / "site", {"inventory/repositories.yml": changed})))

    return build


def test_while_backups_run_a_drill_waits_and_a_person_is_refused(windowed: Callable[[str], Wiring]) -> None:
    wiring = windowed("00:00-24:00")
    plan = wiring.site.plan("hospital")
    found = precheck(wiring, plan, repositories=False)
    assert "backup-window" in [reason.code for reason in found.blocking]
    why = why_wait(wiring, plan)
    assert why is not None
    assert (why.code, why.values["repository"]) == ("backup-window", "vault")


def test_a_drill_that_would_meet_backups_waits_and_a_person_is_only_told(windowed: Callable[[str], Wiring]) -> None:
    soon = utc_now() + timedelta(hours=2)
    wiring = windowed(f"{soon:%H:00}-{soon + timedelta(hours=1):%H:00}")
    plan = wiring.site.plan("hospital")
    assert not [reason for reason in precheck(wiring, plan, repositories=False).reasons if "backup" in reason.code]
    found = precheck(wiring, plan, repositories=False, lasting=timedelta(hours=3))
    assert [(reason.code, reason.weight) for reason in found.reasons if "backup" in reason.code] == [
        ("backup-due", "degraded")
    ]
    assert found.waits is not None


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("{windows: [22:00-22:00]}", "is empty"),
        ("{windows: []}", "too few items"),
        ('{windows: ["22:00-06:00"], zone: Europe/Pari}', "did you mean `Europe/Paris`"),
        ("{zone: UTC}", "windows"),
    ],
)
def test_a_window_that_says_nothing_is_refused_where_it_stands(tmp_path: Path, said: str, words: str) -> None:
    changed = REPOSITORIES.replace("    password: {file", f"    backup_window: {said}\n    password: {{file", 1)
    problems = check_site(write_site(tmp_path, {"inventory/repositories.yml": changed}))
    assert any(words in str(problem) and "repositories.yml:4:" in str(problem) for problem in problems), problems
