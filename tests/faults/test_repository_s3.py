"""S3 repositories in trouble, on a real server: silent, refusing, absent, emptied, replaced."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from drp.domain.ports import Repository
from drp.errors import AccessDenied, RepositoryError, Unreachable
from tests.support.fixtures_buckets import Bucket, make_repository
from tests.support.fixtures_repositories import application
from tests.support.loopback import black_hole, free_ports
from tests.support.restic_tools import KINDS, executable

pytestmark = pytest.mark.real
EHR = application(tags=("ehr",))
SECONDS = 180.0
"""restic alone would take 15 minutes to give up."""


def assert_raises_soon(kind: type[RepositoryError], *calls: Callable[[], object]) -> None:
    for call in calls:
        begun = time.monotonic()
        with pytest.raises(kind) as caught:
            call()
        assert type(caught.value) is kind
        assert time.monotonic() - begun < SECONDS


def test_a_dead_endpoint_is_unreachable_within_seconds(
    bucket: Bucket, repository_in: Callable[..., Repository]
) -> None:
    repository = repository_in(bucket, url=f"s3:http://127.0.0.1:{free_ports(1)[0]}/nobody")
    assert_raises_soon(Unreachable, repository.preflight, lambda: repository.points(EHR))


def test_a_silent_endpoint_is_unreachable_within_seconds(
    bucket: Bucket, repository_in: Callable[..., Repository]
) -> None:
    with black_hole() as port:
        repository = repository_in(bucket, url=f"s3:http://127.0.0.1:{port}/nobody")
        assert_raises_soon(Unreachable, repository.preflight)


def test_a_bucket_that_is_not_there_is_an_error(bucket: Bucket, repository_in: Callable[..., Repository]) -> None:
    repository = repository_in(bucket, url=f"s3:{bucket.server.endpoint}/no-such-bucket")
    assert_raises_soon(RepositoryError, repository.preflight, lambda: repository.points(EHR))


def test_a_bucket_without_a_repository_is_an_error(bucket: Bucket, repository_in: Callable[..., Repository]) -> None:
    repository = repository_in(bucket, url=f"{bucket.url}/elsewhere")
    assert_raises_soon(RepositoryError, repository.preflight, lambda: repository.points(EHR))


@pytest.mark.parametrize("wrong", ["secret", "key"])
def test_wrong_keys_are_refused(wrong: str, bucket: Bucket, repository_in: Callable[..., Repository]) -> None:
    good = bucket.server.identities["ro_lock"]
    bad = replace(good, secret_key="f" * 40) if wrong == "secret" else replace(good, access_key="KNOBODY000000000000")
    repository = repository_in(bucket, identity=bad)
    assert_raises_soon(AccessDenied, repository.preflight, lambda: repository.points(EHR))


def test_a_wrong_password_is_refused(bucket: Bucket, repository_in: Callable[..., Repository]) -> None:
    repository = repository_in(bucket, password="not-the-password")
    assert_raises_soon(AccessDenied, repository.preflight, lambda: repository.points(EHR))


@pytest.mark.parametrize("kind", KINDS)
def test_a_repository_emptied_behind_delete_markers_is_told(
    kind: str, own_bucket: Bucket, repository_in: Callable[..., Repository]
) -> None:
    emptied = replace(own_bucket, writer=replace(own_bucket.writer, program=executable(kind)))  # type: ignore[arg-type]
    before = repository_in(emptied).points(EHR)
    assert [point.id for point in before.points] == [own_bucket.point]
    own_bucket.server.hide_everything(own_bucket.name)
    repository = repository_in(emptied)
    listing = repository.points(EHR)
    assert listing.points == ()
    assert "delete markers" in listing.emptied
    assert listing.unreadable == (listing.emptied,)
    assert repository.preflight().remarks == (listing.emptied,)


def test_a_replaced_config_is_told_instead_of_a_wrong_password(
    own_bucket: Bucket, repository_in: Callable[..., Repository]
) -> None:
    client = own_bucket.server.client("writer")
    (key,) = [
        key for key, _, marker, _ in own_bucket.server.versions(own_bucket.name) if "/keys/" in key and not marker
    ]
    foreign = make_repository(own_bucket.server, own_bucket.writer.program, own_bucket.source.parent)
    (other,) = [key for key, _, marker, _ in foreign.server.versions(foreign.name) if "/keys/" in key and not marker]
    body = client.get_object(Bucket=foreign.name, Key=other)["Body"].read()
    client.put_object(Bucket=own_bucket.name, Key=key, Body=body)
    listing = repository_in(own_bucket).points(EHR)
    assert listing.points == ()
    assert listing.unreadable, listing
