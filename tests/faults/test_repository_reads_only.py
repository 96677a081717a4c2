"""drp only reads, and its secrets stay where they are: watched from outside while it works."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

import pytest
from botocore.exceptions import ClientError

from drp.domain.ports import Repository
from drp.domain.repository import WaitLimits
from drp.errors import AccessDenied, RepositoryError, Unreachable
from drp.repositories.locations.s3 import S3Reader
from drp.repositories.restic.bucket import BucketBackend
from tests.support.fixtures_buckets import Bucket
from tests.support.fixtures_repositories import application, carry_out, keep_secret, resolve
from tests.support.locations import s3_location

pytestmark = pytest.mark.real
EHR = application(tags=("ehr",))


def test_reading_everything_changes_nothing(
    bucket: Bucket, repository_in: Callable[..., Repository], tmp_path: Path
) -> None:
    before = bucket.server.versions(bucket.name)
    repository = repository_in(bucket)
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
    client = bucket.server.client("ro_lock")
    for attempt in (
        lambda: client.put_object(Bucket=bucket.name, Key="x", Body=b""),
        lambda: client.delete_object(Bucket=bucket.name, Key="site/ehr/config"),
    ):
        with pytest.raises(ClientError) as caught:
            attempt()
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    writer = bucket.server.identities["admin"]
    location = s3_location(
        bucket.url,
        access_key=keep_secret(tmp_path, "access", writer.access_key),
        secret_key=keep_secret(tmp_path, "secret", writer.secret_key),
    )
    reader = S3Reader("worm", location, resolve, WaitLimits())
    before = bucket.server.versions(bucket.name)
    for name, more in (("put_object", {"Body": b""}), ("delete_object", {})):
        with pytest.raises(RepositoryError, match="never sends"):
            getattr(reader._client, name)(Bucket=bucket.name, Key="site/ehr/config", **more)
    with pytest.raises(RepositoryError, match="never sends"):
        reader._client.delete_objects(Bucket=bucket.name, Delete={"Objects": [{"Key": "site/ehr/config"}]})
    assert bucket.server.versions(bucket.name) == before


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
    bucket: Bucket, repository_in: Callable[..., Repository], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reader = bucket.server.identities["ro_lock"]
    texts = (bucket.password, reader.secret_key)
    repository = repository_in(bucket)
    with Watcher(*texts) as watcher, caplog.at_level(logging.DEBUG):
        repository.preflight()
        (point,) = repository.points(EHR).points
        order = repository.restore_order(point)
        outcome = carry_out(order, repository.secrets(), tmp_path / "restored")
        receipt = repository.receipt(point, outcome)
        with pytest.raises(AccessDenied) as caught:
            repository_in(bucket, password=texts[0] + "-almost").preflight()
    assert watcher.restic_seen
    assert watcher.found == set()
    said = "\n".join((caplog.text, repr((point, order, outcome, receipt)), str(caught.value), repr(repository)))
    assert not [text for text in texts if text in said]


def test_the_callers_amazon_settings_do_not_matter(
    bucket: Bucket, repository_in: Callable[..., Repository], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "AWS_PROFILE": "nobody",
        "AWS_CA_BUNDLE": "/nonexistent",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "http_proxy": "http://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(name, value)
    assert repository_in(bucket).preflight().object_lock


def test_objects_are_read_whole_or_not_at_all(own_bucket: Bucket, tmp_path: Path) -> None:
    server, who = own_bucket.server, own_bucket.server.identities["ro_lock"]
    location = s3_location(
        f"s3:{server.endpoint}/{own_bucket.name}/manifests",
        access_key=keep_secret(tmp_path, "access", who.access_key),
        secret_key=keep_secret(tmp_path, "secret", who.secret_key),
    )
    reader = S3Reader("manifests", location, resolve, WaitLimits(answer_seconds=20))
    content = os.urandom(70_000)
    for name in ("a/1", "a/2", "b/3"):
        server.client("writer").put_object(Bucket=own_bucket.name, Key=f"manifests/{name}", Body=content)
    assert list(reader.names()) == ["a/1", "a/2", "b/3"]
    assert list(reader.names("a/", limit=1)) == ["a/1"]
    assert reader.read_object("a/1", limit=100_000) == content
    assert reader.read_object("a/9", limit=100_000) is None
    with pytest.raises(RepositoryError, match="larger than"):
        reader.read_object("a/1", limit=10)
    server.flip_stored_byte(own_bucket.name, content[:64])
    with pytest.raises(Unreachable):
        reader.read_object("a/1", limit=100_000)
    assert reader.read_object("a/2", limit=100_000) == content


def test_a_session_token_travels_with_the_keys(tmp_path: Path) -> None:
    reference = {name: keep_secret(tmp_path, name, f"{name}-value") for name in ("access", "secret", "token")}
    location = s3_location(
        "s3:https://s3.example.org/b",
        access_key=reference["access"],
        secret_key=reference["secret"],
        session_token=reference["token"],
    )
    backend = BucketBackend("worm", location, resolve, WaitLimits(), audited_objects=1)
    (secret,) = backend.secrets()
    rendered = secret.rendered(resolve)
    assert backend.host_secrets() == {"AWS_SHARED_CREDENTIALS_FILE": rendered}
    assert rendered.splitlines() == [
        "[default]",
        "aws_access_key_id = access-value",
        "aws_secret_access_key = secret-value",
        "aws_session_token = token-value",
    ]
