"""How locks are asked for: signed as botocore signs, read strictly, remembered only where that is safe."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from drp.domain.worm.objects import ObjectLock
from drp.repositories.locations.lock_memory import LockMemory, growing
from drp.repositories.locations.locks_known import KnownLocks
from drp.repositories.locations.s3_connection import Keys
from drp.repositories.locations.s3_heads import Version
from drp.repositories.locations.s3_signing import Signer, encoded, encoded_path
from drp.repositories.locations.s3_wire import BadAnswerError, parsed

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=30)


@given(
    key=st.text(min_size=1, max_size=20),
    version=st.text(min_size=1, max_size=20),
    token=st.sampled_from([None, "t/+="]),
)
def test_a_request_is_signed_as_botocore_signs_it(key: str, version: str, token: str | None) -> None:
    keys = Keys(access="AKID", secret="secret/+", token=token)
    try:
        path, query = encoded_path(f"/bucket/{key}"), f"versionId={encoded(version)}"
    except UnicodeEncodeError:
        return
    ours = Signer(keys, host="store.example:9000", region="eu-west-3").headers("HEAD", path, query, NOW)
    request = AWSRequest(method="HEAD", url=f"https://store.example:9000{path}?{query}")
    signer: Any = S3SigV4Auth(Credentials("AKID", "secret/+", token), "s3", "eu-west-3")
    request.context["timestamp"] = ours["x-amz-date"]
    request.headers["X-Amz-Content-SHA256"] = ours["x-amz-content-sha256"]
    request.headers["X-Amz-Date"] = ours["x-amz-date"]
    if token:
        request.headers["X-Amz-Security-Token"] = token
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    assert ours["authorization"].endswith(f"Signature={signature}")


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"HTTP/2 200",
        b"HTTP/1.1 20 OK",
        b"HTTP/1.1 200 OK\r\nno colon",
        b"HTTP/1.1 200 OK\r\nname : value",
        b"HTTP/1.1 200 OK\r\n folded: x",
        b"HTTP/1.1 200\r\nx-amz-object-lock-mode: COMPLIANCE\r\nX-Amz-Object-Lock-Mode: GOVERNANCE",
    ],
)
def test_an_answer_that_is_none_is_refused(head: bytes) -> None:
    with pytest.raises(BadAnswerError):
        parsed(head)


def test_an_answer_is_read_whatever_the_case_of_its_names() -> None:
    status, headers, lasts = parsed(b"HTTP/1.1 200 OK\r\nX-AMZ-Object-Lock-Mode:  COMPLIANCE \r\nConnection: close")
    assert (status, headers["x-amz-object-lock-mode"], lasts) == (200, "COMPLIANCE", False)


@pytest.mark.parametrize(
    ("version", "lock"),
    [
        ("v1", None),
        ("v1", ObjectLock(mode="governance", until=LATER, legal_hold=False)),
        ("v1", ObjectLock(mode="compliance", until=LATER, legal_hold=True)),
        ("v1", ObjectLock(mode="none", until=None, legal_hold=True)),
        ("null", ObjectLock(mode="compliance", until=LATER, legal_hold=False)),
        (None, ObjectLock(mode="compliance", until=LATER, legal_hold=False)),
    ],
)
def test_what_can_be_taken_away_is_not_remembered(version: str | None, lock: ObjectLock | None) -> None:
    assert growing(version, lock) is None


def test_memory_keeps_dates_and_is_its_users_alone(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "locks.sqlite"
    memory = LockMemory(path, "place")
    assert memory.read() == {}
    memory.keep({("data/a", "v"): LATER})
    assert memory.read() == {("data/a", "v"): LATER}
    assert path.stat().st_mode & 0o077 == 0
    assert LockMemory(path, "another place").read() == {}, "another repository's"
    memory.keep({("data/a", "v"): LATER})
    path.chmod(0o644)
    assert memory.read() == {}, "others could have read it, and a laxer mode is not ours"


@pytest.mark.parametrize("ruin", ["text", "empty", "link", "rows", "folder"])
def test_memory_that_is_malformed_is_made_anew(ruin: str, tmp_path: Path) -> None:
    path = tmp_path / "locks.sqlite"
    memory = LockMemory(path, "place")
    memory.keep({("data/a", "v"): LATER})
    if ruin == "rows":
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE locks SET until = 'for ever'")
    else:
        path.unlink()
        if ruin == "link":
            (tmp_path / "other").write_bytes(b"")
            path.symlink_to(tmp_path / "other")
        elif ruin == "folder":
            path.mkdir()
        else:
            path.write_bytes(b"no database" * 100 if ruin == "text" else b"")
            path.chmod(0o600)
    assert memory.read() == {}
    memory.keep({("data/b", "v"): LATER})
    if ruin != "folder":  # nobody of drp's makes one; then nothing is remembered
        assert LockMemory(path, "place").read()["data/b", "v"] == LATER
    assert any(tmp_path.iterdir())


class Store:
    """Answers from a table, and counts."""

    def __init__(self, locks: dict[Version, ObjectLock | None]) -> None:
        self.locks, self.asked = locks, 0

    def ask(self, versions: Iterable[Version]) -> Iterator[tuple[Version, ObjectLock | None]]:
        for version in versions:
            self.asked += 1
            yield version, self.locks.get(version)


def known(store: Store, path: Path, at: datetime = NOW) -> KnownLocks:
    return KnownLocks(store, LockMemory(path, "place"), at)  # type: ignore[arg-type]


def locked(until: datetime) -> ObjectLock:
    return ObjectLock(mode="compliance", until=until, legal_hold=False)


def versions(number: int) -> list[Version]:
    return [(f"data/{each:04}", "v") for each in range(number)]


def test_the_second_time_only_a_sample_is_asked(tmp_path: Path) -> None:
    store = Store({version: locked(LATER) for version in versions(500)})
    known(store, tmp_path / "m").ask(versions(500))
    assert store.asked == 500
    second = known(store, tmp_path / "m")
    second.ask(versions(500))
    assert store.asked == 500 + 32 + 20
    assert second.asked_again == 32
    assert second.lock(("data/0003", "v")) == locked(LATER)


def test_a_date_that_is_not_enough_or_has_passed_is_asked_for_again(tmp_path: Path) -> None:
    store = Store({version: locked(LATER) for version in versions(100)})
    known(store, tmp_path / "m").ask(versions(100))
    store.locks = {version: locked(LATER + timedelta(days=9)) for version in versions(100)}
    asked = known(store, tmp_path / "m")
    asked.ask(versions(100), lambda _: LATER + timedelta(days=1))
    assert store.asked == 200
    assert asked.lock(versions(1)[0]) == locked(LATER + timedelta(days=9))
    over = known(store, tmp_path / "m", at=LATER + timedelta(days=20))
    over.ask(versions(100))
    assert store.asked == 300


def test_what_was_extended_is_not_told_to_end_early(tmp_path: Path) -> None:
    """A remembered date is a lower bound: what seems to end first is asked for until it is exact."""
    store = Store({version: locked(LATER) for version in versions(300)})
    known(store, tmp_path / "m").ask(versions(300))
    store.locks = {version: locked(LATER + timedelta(days=9)) for version in versions(300)}
    asked = known(store, tmp_path / "m")
    asked.ask(versions(300))
    ends = {lock.until for version in versions(300) if (lock := asked.lock(version)) is not None}
    assert ends == {LATER + timedelta(days=9)}


@pytest.mark.parametrize(
    "now", [None, locked(LATER - timedelta(seconds=1)), ObjectLock(mode="governance", until=LATER, legal_hold=False)]
)
def test_a_lock_that_became_weaker_takes_all_memory_with_it(now: ObjectLock | None, tmp_path: Path) -> None:
    store = Store({version: locked(LATER) for version in versions(20)})
    known(store, tmp_path / "m").ask(versions(20))
    store.locks["data/0007", "v"] = now
    asked = known(store, tmp_path / "m")
    asked.ask(versions(20))
    assert asked.shorter == ["data/0007"]
    assert asked.lock(("data/0007", "v")) == now
    assert not any(asked.is_remembered(version) for version in versions(20))


def test_a_version_that_is_gone_before_its_date_is_named(tmp_path: Path) -> None:
    store = Store({version: locked(LATER) for version in versions(5)})
    known(store, tmp_path / "m").ask(versions(5))
    del store.locks["data/0002", "v"]
    there = {("data/0000", "v"), ("data/0001", "v"), ("data/0003", "v")}
    assert known(store, tmp_path / "m").gone(there) == ["data/0002"], "0004 is there, although it was not listed"
    assert known(store, tmp_path / "m", at=LATER + timedelta(1)).gone(there) == [], "its lock had ended"
