"""S3 repositories in trouble, on a real server: silent, refusing, emptied, rewritten; and that drp only reads."""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC
from pathlib import Path
from typing import Self

import pytest

from drp.domain.ports import Repository
from drp.errors import AccessDenied, RepositoryError, Unreachable
from drp.repositories.registry import create
from drp.repositories.s3 import S3Reader
from drp.repositories.settings import Limits, ResticSettings, S3Location
from tests.support.fixtures_repositories import application, carry_out, keep_secret, resolve
from tests.support.restic_tools import KINDS, Restic, executable, make_tree
from tests.support.s3_server import Identity, S3Server, black_hole, free_ports

pytestmark = pytest.mark.real
EHR = application(tags=("ehr",))
SECONDS = 15.0
"""restic alone would take 15 minutes to give up."""


@dataclass(frozen=True)
class Bucket:
    server: S3Server
    name: str
    url: str
    writer: Restic
    password: str
    point: str
    source: Path


def make(
    server: S3Server, program: Path, folder: Path, *, locked: bool = True, days: int = 1, mode: str = "COMPLIANCE"
) -> Bucket:
    name = f"faults-{uuid.uuid4().hex[:10]}"
    url = server.make_bucket(name, locked=locked, days=days, mode=mode)
    password = secrets.token_urlsafe(18)
    writer = Restic(program, f"{url}/site/ehr", password=password, environment=server.environment("writer")).init()
    source = make_tree(folder / name, files=4)
    return Bucket(server, name, f"{url}/site/ehr", writer, password, writer.backup(source, tags=("ehr",)), source)


@pytest.fixture(scope="module", params=KINDS)
def bucket(request: pytest.FixtureRequest, s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Bucket:
    """A healthy repository that tests leave as it is."""
    return make(s3_server, executable(request.param), tmp_path_factory.mktemp("source"))


@pytest.fixture
def own_bucket(s3_server: S3Server, tmp_path: Path) -> Bucket:
    """A repository that the test may ruin."""
    return make(s3_server, executable("current"), tmp_path)


@pytest.fixture
def repository_of(tmp_path: Path) -> Callable[..., Repository]:
    def build(
        bucket: Bucket,
        *,
        identity: Identity | None = None,
        url: str | None = None,
        password: str | None = None,
        audited: int = 400,
    ) -> Repository:
        reader = identity or bucket.server.identities["ro_lock"]
        location = S3Location(
            url=url or bucket.url,
            access_key=keep_secret(tmp_path, "access", reader.access_key),
            secret_key=keep_secret(tmp_path, "secret", reader.secret_key),
        )
        settings = ResticSettings(
            name="worm",
            location=location,
            password=keep_secret(tmp_path, "password", password or bucket.password),
            executable=str(bucket.writer.program),
            limits=Limits(command_seconds=60, idle_seconds=30),
            audited_objects=audited,
        )
        return create(settings, resolve=resolve, cache_directory=tmp_path / "cache")

    return build


def assert_raises_soon(kind: type[RepositoryError], *calls: Callable[[], object]) -> None:
    for call in calls:
        begun = time.monotonic()
        with pytest.raises(kind) as caught:
            call()
        assert type(caught.value) is kind
        assert time.monotonic() - begun < SECONDS


def test_a_dead_endpoint_is_unreachable_within_seconds(
    bucket: Bucket, repository_of: Callable[..., Repository]
) -> None:
    repository = repository_of(bucket, url=f"s3:http://127.0.0.1:{free_ports(1)[0]}/nobody")
    assert_raises_soon(Unreachable, repository.preflight, lambda: repository.points(EHR))


def test_a_silent_endpoint_is_unreachable_within_seconds(
    bucket: Bucket, repository_of: Callable[..., Repository]
) -> None:
    with black_hole() as port:
        repository = repository_of(bucket, url=f"s3:http://127.0.0.1:{port}/nobody")
        assert_raises_soon(Unreachable, repository.preflight)


def test_a_bucket_that_is_not_there_is_an_error(bucket: Bucket, repository_of: Callable[..., Repository]) -> None:
    repository = repository_of(bucket, url=f"s3:{bucket.server.endpoint}/no-such-bucket")
    assert_raises_soon(RepositoryError, repository.preflight, lambda: repository.points(EHR))


def test_a_bucket_without_a_repository_is_an_error(bucket: Bucket, repository_of: Callable[..., Repository]) -> None:
    repository = repository_of(bucket, url=f"{bucket.url}/elsewhere")
    assert_raises_soon(RepositoryError, repository.preflight, lambda: repository.points(EHR))


@pytest.mark.parametrize("wrong", ["secret", "key"])
def test_wrong_keys_are_refused(wrong: str, bucket: Bucket, repository_of: Callable[..., Repository]) -> None:
    good = bucket.server.identities["ro_lock"]
    bad = replace(good, secret_key="f" * 40) if wrong == "secret" else replace(good, access_key="KNOBODY000000000000")
    repository = repository_of(bucket, identity=bad)
    assert_raises_soon(AccessDenied, repository.preflight, lambda: repository.points(EHR))


def test_a_wrong_password_is_refused(bucket: Bucket, repository_of: Callable[..., Repository]) -> None:
    repository = repository_of(bucket, password="not-the-password")
    assert_raises_soon(AccessDenied, repository.preflight, lambda: repository.points(EHR))


def test_reading_everything_changes_nothing(
    bucket: Bucket, repository_of: Callable[..., Repository], tmp_path: Path
) -> None:
    before = bucket.server.versions(bucket.name)
    repository = repository_of(bucket)
    assert repository.preflight().object_lock
    (point,) = repository.points(EHR).points
    repository.immutability(point)
    order = repository.restore_order(point)
    host, port = order.endpoint or ("", 0)
    assert f"http://{host}:{port}" == bucket.server.endpoint
    receipt = repository.receipt(point, carry_out(order, repository.secrets(), tmp_path / "restored"))
    assert (receipt.unrestored, receipt.files_restored > 0) == ((), True)
    for original in bucket.source.iterdir():
        assert (
            tmp_path / "restored" / order.source_root.lstrip("/") / original.name
        ).read_bytes() == original.read_bytes()
    assert bucket.server.versions(bucket.name) == before


def test_the_reading_identity_cannot_write_and_the_reader_does_not_try(bucket: Bucket, tmp_path: Path) -> None:
    from botocore.exceptions import ClientError

    client = bucket.server.client("ro_lock")
    for attempt in (
        lambda: client.put_object(Bucket=bucket.name, Key="x", Body=b""),
        lambda: client.delete_object(Bucket=bucket.name, Key="site/ehr/config"),
    ):
        with pytest.raises(ClientError) as caught:
            attempt()
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    writer = bucket.server.identities["admin"]
    location = S3Location(
        url=bucket.url,
        access_key=keep_secret(tmp_path, "access", writer.access_key),
        secret_key=keep_secret(tmp_path, "secret", writer.secret_key),
    )
    reader = S3Reader("worm", location, resolve, Limits())
    before = bucket.server.versions(bucket.name)
    for name, more in (("put_object", {"Body": b""}), ("delete_object", {})):
        with pytest.raises(RepositoryError, match="never sends"):
            getattr(reader._client, name)(Bucket=bucket.name, Key="site/ehr/config", **more)
    with pytest.raises(RepositoryError, match="never sends"):
        reader._client.delete_objects(Bucket=bucket.name, Delete={"Objects": [{"Key": "site/ehr/config"}]})
    assert bucket.server.versions(bucket.name) == before


def test_locks_are_observed_on_every_object(bucket: Bucket, repository_of: Callable[..., Repository]) -> None:
    repository = repository_of(bucket)
    (point,) = repository.points(EHR).points
    seen = repository.immutability(point)
    objects = [key for key, _, marker, _ in bucket.server.versions(bucket.name) if not marker and "/locks/" not in key]
    assert (seen.mode, seen.provenance) == ("compliance", "observed"), seen
    assert seen.objects_observed == seen.objects_total == len(objects)
    assert seen.retained_until is not None
    assert seen.retained_until.tzinfo is UTC
    assert seen.holds_at(point.consistent_at)
    assert seen.remarks == ()


def test_a_sample_is_said_to_be_one(bucket: Bucket, repository_of: Callable[..., Repository]) -> None:
    repository = repository_of(bucket, audited=1)
    (point,) = repository.points(EHR).points
    seen = repository.immutability(point)
    assert seen.objects_observed == 4  # snapshot, config, key, and one of the bulk
    assert seen.objects_total > seen.objects_observed
    assert any("sample of 4" in remark for remark in seen.remarks)
    assert seen == repository_of(bucket, audited=1).immutability(point)


def test_a_key_that_may_not_see_locks_knows_nothing(bucket: Bucket, repository_of: Callable[..., Repository]) -> None:
    repository = repository_of(bucket, identity=bucket.server.identities["ro"])
    (point,) = repository.points(EHR).points
    seen = repository.immutability(point)
    assert (seen.mode, seen.holds_at(point.consistent_at)) == ("unknown", False), seen


@pytest.mark.parametrize(
    ("locked", "days", "mode", "expected"),
    [(False, 0, "", "none"), (True, 0, "", "none"), (True, 1, "GOVERNANCE", "governance")],
)
def test_what_is_not_locked_in_compliance_mode_does_not_hold(
    locked: bool,
    days: int,
    mode: str,
    expected: str,
    s3_server: S3Server,
    tmp_path: Path,
    repository_of: Callable[..., Repository],
) -> None:
    bucket = make(s3_server, executable("current"), tmp_path, locked=locked, days=days, mode=mode)
    repository = repository_of(bucket)
    (point,) = repository.points(EHR).points
    seen = repository.immutability(point)
    assert (seen.mode, seen.holds_at(point.consistent_at)) == (expected, False)
    assert seen.remarks
    if locked and not days:
        assert any("not protected: config" in remark for remark in seen.remarks), seen


def test_one_object_rewritten_below_the_lock_is_named(
    own_bucket: Bucket, repository_of: Callable[..., Repository], tmp_path: Path
) -> None:
    repository = repository_of(own_bucket)
    (point,) = repository.points(EHR).points
    victim, version = next(
        (key, version) for key, version, _, _ in own_bucket.server.versions(own_bucket.name) if "/data/" in key
    )
    own_bucket.server.rewrite_below_lock(own_bucket.name, victim, version, lambda body: body[:500] + b"?" + body[501:])
    seen = repository_of(own_bucket).immutability(point)
    assert seen.mode == "none"
    assert any(victim.removeprefix("site/ehr/") in remark for remark in seen.remarks), seen
    order = repository.restore_order(point)
    receipt = repository.receipt(point, carry_out(order, repository.secrets(), tmp_path / "restored"))
    assert receipt.unrestored


@pytest.mark.parametrize("kind", KINDS)
def test_a_repository_emptied_behind_delete_markers_is_told(
    kind: str, own_bucket: Bucket, repository_of: Callable[..., Repository]
) -> None:
    emptied = replace(own_bucket, writer=replace(own_bucket.writer, program=executable(kind)))  # type: ignore[arg-type]
    before = repository_of(emptied).points(EHR)
    assert [point.id for point in before.points] == [own_bucket.point]
    own_bucket.server.hide_everything(own_bucket.name)
    repository = repository_of(emptied)
    listing = repository.points(EHR)
    assert listing.points == ()
    assert "delete markers" in listing.emptied
    assert listing.unreadable == (listing.emptied,)
    assert repository.preflight().remarks == (listing.emptied,)


def test_a_replaced_config_is_told_instead_of_a_wrong_password(
    own_bucket: Bucket, repository_of: Callable[..., Repository]
) -> None:
    client = own_bucket.server.client("writer")
    (key,) = [
        key for key, _, marker, _ in own_bucket.server.versions(own_bucket.name) if "/keys/" in key and not marker
    ]
    foreign = make(own_bucket.server, own_bucket.writer.program, own_bucket.source.parent)
    (other,) = [key for key, _, marker, _ in foreign.server.versions(foreign.name) if "/keys/" in key and not marker]
    body = client.get_object(Bucket=foreign.name, Key=other)["Body"].read()
    client.put_object(Bucket=own_bucket.name, Key=key, Body=body)
    listing = repository_of(own_bucket).points(EHR)
    assert listing.points == ()
    assert listing.unreadable, listing


class Watcher:
    """Looks for texts in the argv and environment of every process while a block runs."""

    def __init__(self, *texts: str) -> None:
        self._texts = [text.encode() for text in texts]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.found: set[str] = set()
        self.restic_seen = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.01):
            for entry in os.listdir("/proc"):
                if entry.isdigit():
                    for part in ("cmdline", "environ"):
                        try:
                            content = Path(f"/proc/{entry}/{part}").read_bytes()
                        except OSError:
                            continue
                        self.restic_seen += b"restic\0" in content
                        self.found |= {f"{entry}/{part}" for text in self._texts if text in content}


def test_no_secret_is_in_argv_environment_log_or_error(
    bucket: Bucket, repository_of: Callable[..., Repository], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reader = bucket.server.identities["ro_lock"]
    texts = (bucket.password, reader.secret_key)
    repository = repository_of(bucket)
    with Watcher(*texts) as watcher, caplog.at_level(logging.DEBUG):
        repository.preflight()
        (point,) = repository.points(EHR).points
        order = repository.restore_order(point)
        outcome = carry_out(order, repository.secrets(), tmp_path / "restored")
        receipt = repository.receipt(point, outcome)
        with pytest.raises(AccessDenied) as caught:
            repository_of(bucket, password=texts[0] + "-almost").preflight()
    assert watcher.restic_seen
    assert watcher.found == set()
    said = "\n".join((caplog.text, repr((point, order, outcome, receipt)), str(caught.value), repr(repository)))
    assert not [text for text in texts if text in said]


def test_the_callers_amazon_settings_do_not_matter(
    bucket: Bucket, repository_of: Callable[..., Repository], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "AWS_PROFILE": "nobody",
        "AWS_CA_BUNDLE": "/nonexistent",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "http_proxy": "http://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(name, value)
    assert repository_of(bucket).preflight().object_lock
