"""What is observed of Object Lock on a real server: whole, in part, not at all, and undermined."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC
from pathlib import Path

import pytest

from drp.domain.ports import Repository
from drp.domain.repository_port import LocksSeen
from drp.domain.worm.attestation import LockDemand
from tests.support.fixtures_buckets import Bucket, make_repository
from tests.support.fixtures_repositories import application, carry_out
from tests.support.restic_tools import executable
from tests.support.s3_server import S3Server

pytestmark = pytest.mark.real
EHR = application(tags=("ehr",))


def test_locks_are_observed_on_every_object(bucket: Bucket, repository_in: Callable[..., Repository]) -> None:
    repository = repository_in(bucket)
    (point,) = repository.points(EHR).points
    seen = repository.immutability(point)
    objects = [key for key, _, marker, _ in bucket.server.versions(bucket.name) if not marker and "/locks/" not in key]
    assert (seen.mode, seen.provenance) == ("compliance", "observed"), seen
    assert seen.objects_observed == seen.objects_total == len(objects)
    assert seen.retained_until is not None
    assert seen.retained_until.tzinfo is UTC
    assert seen.holds_at(point.consistent_at)
    assert seen.remarks == ()


def test_a_sample_is_said_to_be_one(bucket: Bucket, repository_in: Callable[..., Repository]) -> None:
    repository = repository_in(bucket, audited=1)
    (point,) = repository.points(EHR).points
    seen = repository.immutability(point)
    assert seen.objects_observed == 4  # snapshot, config, key, and one of the bulk
    assert seen.objects_total > seen.objects_observed
    (remark,) = seen.remarks
    assert re.fullmatch(r"a sample of 4 of \d+ objects was looked at, drawn with the seed [0-9a-f]{16}", remark)
    again = repository_in(bucket, audited=1).immutability(point)
    assert again.remarks != seen.remarks, "nobody knows beforehand which objects are looked at"
    assert again.mode == seen.mode
    assert again.objects_observed >= seen.objects_observed, "what is remembered takes no place in a sample"


def test_where_something_is_demanded_every_object_is_asked(
    bucket: Bucket, repository_in: Callable[..., Repository]
) -> None:
    repository = repository_in(bucket, audited=1)
    (point,) = repository.points(EHR).points
    assert isinstance(repository, LocksSeen)
    for demand in (LockDemand(required=True), LockDemand(until={point.id: point.consistent_at})):
        seen = repository.attest((point,), demand)
        assert seen.asked == seen.needed > 4


def test_a_key_that_may_not_see_locks_knows_nothing(bucket: Bucket, repository_in: Callable[..., Repository]) -> None:
    repository = repository_in(bucket, identity=bucket.server.identities["ro"])
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
    repository_in: Callable[..., Repository],
) -> None:
    bucket = make_repository(s3_server, executable("current"), tmp_path, locked=locked, days=days, mode=mode)
    repository = repository_in(bucket)
    (point,) = repository.points(EHR).points
    seen = repository.immutability(point)
    assert (seen.mode, seen.holds_at(point.consistent_at)) == (expected, False)
    assert seen.remarks
    if locked and not days:
        assert any("not protected: config" in remark for remark in seen.remarks), seen


def test_one_object_rewritten_below_the_lock_is_named(
    own_bucket: Bucket, repository_in: Callable[..., Repository], tmp_path: Path
) -> None:
    repository = repository_in(own_bucket)
    (point,) = repository.points(EHR).points
    victim, version = next(
        (key, version) for key, version, _, _ in own_bucket.server.versions(own_bucket.name) if "/data/" in key
    )
    own_bucket.server.rewrite_below_lock(own_bucket.name, victim, version, lambda body: body[:500] + b"?" + body[501:])
    seen = repository_in(own_bucket).immutability(point)
    assert seen.mode == "none"
    assert any(victim.removeprefix("site/ehr/") in remark for remark in seen.remarks), seen
    order = repository.restore_order(point)
    receipt = repository.receipt(point, carry_out(order, repository.secrets(), tmp_path / "restored"))
    assert receipt.unrestored
