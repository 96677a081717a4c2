"""What a repository's locks are attested to be on a real server, and every departure that must be found."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from drp.domain.recovery_point import RecoveryPoint
from drp.domain.worm.attestation import Attestation, LockDemand
from drp.repositories.locations.s3_heads import LockQuestions
from tests.support.fixtures_buckets import Bucket, make_repository
from tests.support.fixtures_repositories import application
from tests.support.restic_tools import executable
from tests.support.s3_server import S3Server

pytestmark = pytest.mark.real
EHR = application(tags=("ehr",))
NOW = LockDemand(required=True)


def codes(seen: Attestation) -> set[str]:
    return {finding.code for finding in seen.findings}


def only_point(repository: Any) -> RecoveryPoint:
    (point,) = repository.points(EHR).points
    return point


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many HEADs each turn of questions took."""
    asked: list[int] = []
    ask = LockQuestions.ask

    def counted(self: LockQuestions, versions: Any) -> Iterator[Any]:
        wanted = list(versions)
        asked.append(len(wanted))
        return ask(self, wanted)

    monkeypatch.setattr(LockQuestions, "ask", counted)
    return asked


def test_a_healthy_repository_is_attested_object_by_object(
    own_bucket: Bucket, repository_in: Callable[..., Any], questions: list[int]
) -> None:
    repository = repository_in(own_bucket)
    point = only_point(repository)
    seen = repository.attest((point,), NOW)
    assert (seen.unknown, seen.needed, seen.hidden) == ("", seen.asked, 0)
    assert seen.modes == {"compliance": seen.needed}
    assert seen.earliest is not None
    assert seen.earliest > seen.at + timedelta(hours=20)
    assert (seen.bucket.object_lock, seen.bucket.versioning) == (True, "Enabled")
    assert (seen.bucket.default_mode, seen.bucket.default_days) == ("compliance", 1)
    assert codes(seen) <= {"DRP-L014"}, "rights that the key lacks are told, and nothing else"
    assert sum(questions) == seen.needed, "one question an object version"

    questions.clear()
    again = repository_in(own_bucket).attest((point,), NOW)
    assert again.modes == seen.modes
    assert again.earliest == seen.earliest
    assert sum(questions) == again.asked_again + min(20, again.needed - again.asked_again)
    assert again.remembered == again.needed - sum(questions)


def test_what_the_application_asks_is_held_against_every_object(
    bucket: Bucket, repository_in: Callable[..., Any]
) -> None:
    repository = repository_in(bucket)
    point = only_point(repository)
    longer = repository.attest((point,), LockDemand(until={point.id: point.consistent_at + timedelta(days=30)}))
    assert "DRP-L003" in codes(longer)
    assert longer.required_until == point.consistent_at + timedelta(days=30)
    shorter = repository.attest((point,), LockDemand(until={point.id: point.consistent_at + timedelta(hours=2)}))
    assert codes(shorter) <= {"DRP-L014"}
    soon = LockDemand(required=True, next_drill=datetime.now(UTC) + timedelta(days=3))
    assert "DRP-L013" in codes(repository.attest((point,), soon))
    over = repository.attest((point,), LockDemand(until={point.id: point.consistent_at - timedelta(days=1)}))
    assert codes(over) <= {"DRP-L014"}, "what is no longer asked is no finding"


@pytest.mark.parametrize(
    ("locked", "days", "mode", "code"),
    [(False, 0, "", "DRP-L001"), (True, 0, "", "DRP-L001"), (True, 1, "GOVERNANCE", "DRP-L002")],
)
def test_what_is_not_locked_as_demanded_is_critical(
    locked: bool,
    days: int,
    mode: str,
    code: str,
    s3_server: S3Server,
    tmp_path: Path,
    repository_in: Callable[..., Any],
) -> None:
    bucket = make_repository(s3_server, executable("current"), tmp_path, locked=locked, days=days, mode=mode)
    repository = repository_in(bucket)
    point = only_point(repository)
    assert code in codes(repository.attest((point,), NOW))
    assert code not in codes(repository.attest((point,), LockDemand())), "where nothing is demanded, nothing is short"


def test_objects_that_are_locked_one_by_one_need_no_default(
    s3_server: S3Server, tmp_path: Path, repository_in: Callable[..., Any]
) -> None:
    bucket = make_repository(s3_server, executable("current"), tmp_path, days=0)
    admin = s3_server.client("admin")
    until = datetime.now(UTC) + timedelta(days=2)
    for number, (key, version, marker, _) in enumerate(s3_server.versions(bucket.name)):
        if marker or "/locks/" in key:
            continue
        if number % 2:
            admin.put_object_legal_hold(Bucket=bucket.name, Key=key, VersionId=version, LegalHold={"Status": "ON"})
            continue
        admin.put_object_retention(
            Bucket=bucket.name,
            Key=key,
            VersionId=version,
            Retention={"Mode": "COMPLIANCE", "RetainUntilDate": until},
        )
    repository = repository_in(bucket)
    seen = repository.attest((only_point(repository),), NOW)
    assert set(seen.modes) == {"compliance", "legal-hold"}
    assert codes(seen) <= {"DRP-L014"}
    assert repository.immutability(only_point(repository)).holds_at(datetime.now(UTC))


def test_what_lies_over_a_locked_version_is_found(own_bucket: Bucket, repository_in: Callable[..., Any]) -> None:
    server, name = own_bucket.server, own_bucket.name
    repository = repository_in(own_bucket)
    point = only_point(repository)
    writer = server.client("writer")
    sizes = {
        each["Key"]: each["Size"] for each in writer.list_objects_v2(Bucket=name)["Contents"] if "/data/" in each["Key"]
    }
    data = sorted(sizes, key=lambda key: -sizes[key])  # content first: trees tell what is needed
    same = writer.get_object(Bucket=name, Key=data[0])["Body"].read()
    writer.put_object(Bucket=name, Key=data[0], Body=same)
    assert "DRP-L005" not in codes(repository_in(own_bucket).attest((point,), NOW)), "the same written twice is whole"
    writer.put_object(Bucket=name, Key=data[0], Body=b"other")
    seen = repository_in(own_bucket).attest((point,), NOW)
    assert "DRP-L005" in codes(seen)
    assert seen.hidden == 1
    writer.delete_object(Bucket=name, Key=data[-1])  # the trees themselves: what is known to be gone counts
    hidden = repository_in(own_bucket).attest((point,), NOW)
    assert "DRP-L006" in codes(hidden)
    assert hidden.modes == {"compliance": hidden.needed}, "nothing is lost: the versions are locked"


def test_what_nobody_could_count_is_said(own_bucket: Bucket, repository_in: Callable[..., Any]) -> None:
    server, name = own_bucket.server, own_bucket.name
    point = only_point(repository_in(own_bucket))
    writer = server.client("writer")
    listed = writer.list_objects_v2(Bucket=name)["Contents"]
    trees, content = sorted((each["Size"], each["Key"]) for each in listed if "/data/" in each["Key"])[:2]
    writer.put_object(Bucket=name, Key=trees[1], Body=b"other")
    writer.delete_object(Bucket=name, Key=content[1])
    seen = repository_in(own_bucket).attest((point,), NOW)
    assert seen.superset
    assert "1 object behind a delete marker was not counted" in " ".join(seen.remarks)
    writer.put_object(Bucket=name, Key=content[1], Body=b"back")
    assert "not counted" not in " ".join(repository_in(own_bucket).attest((point,), NOW).remarks)


def test_a_key_that_lacks_rights_says_so_and_never_that_it_is_locked(
    bucket: Bucket, repository_in: Callable[..., Any]
) -> None:
    repository = repository_in(bucket, identity=bucket.server.identities["ro"])
    seen = repository.attest((only_point(repository),), NOW)
    assert "s3:GetBucketObjectLockConfiguration" in seen.unknown
    assert (seen.asked, seen.earliest, seen.modes) == (0, None, {})
    assert codes(seen) == {"DRP-L010"}


def test_lifecycle_rules_and_policies_are_read_where_they_may_be(
    own_bucket: Bucket, repository_in: Callable[..., Any]
) -> None:
    admin = own_bucket.server.client("admin")
    rules = [
        {
            "ID": "old-versions",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 90},
        },
        {"ID": "elsewhere", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 3}},
        {"ID": "everything", "Status": "Enabled", "Filter": {"Prefix": "site/"}, "Expiration": {"Days": 3}},
    ]
    admin.put_bucket_lifecycle_configuration(Bucket=own_bucket.name, LifecycleConfiguration={"Rules": rules})
    repository = repository_in(own_bucket, identity=own_bucket.server.identities["admin"])
    seen = repository.attest((only_point(repository),), NOW)
    assert seen.bucket.hides == ("everything",)
    assert "elsewhere" not in seen.bucket.expires
    assert codes(seen) == {"DRP-L008"}
    assert seen.bucket.not_seen == ()


def test_a_version_that_is_rewritten_or_gone_below_the_lock_is_critical(
    own_bucket: Bucket, repository_in: Callable[..., Any]
) -> None:
    server, name = own_bucket.server, own_bucket.name
    repository = repository_in(own_bucket)
    point = only_point(repository)
    assert codes(repository.attest((point,), NOW)) <= {"DRP-L014"}
    key, version = next((key, version) for key, version, _, _ in server.versions(name) if "/data/" in key)
    server.delete_below_lock(name, key, version)
    seen = repository_in(own_bucket).attest((point,), NOW)
    assert "DRP-L012" in codes(seen), seen
    assert "DRP-L012" in codes(repository_in(own_bucket).attest((point,), NOW)), "it stays found"


def test_the_locks_of_a_view_are_those_of_its_versions(own_bucket: Bucket, repository_in: Callable[..., Any]) -> None:
    """After an attack what is read by name is rubbish; what the drill reads was locked all the time."""
    server, name = own_bucket.server, own_bucket.name
    before = repository_in(own_bucket).attest((only_point(repository_in(own_bucket)),), NOW)
    time.sleep(2.1)  # the store dates versions by whole seconds
    server.hide_everything(name)
    server.client("writer").put_object(Bucket=name, Key="site/ehr/config", Body=b"rubbish")
    view = repository_in(own_bucket).pinned("drill")
    assert view is not None
    assert view.pinned.why == "before-tampering"
    point = only_point(view.repository)
    seen = view.repository.attest((point,), NOW)
    assert (seen.needed, seen.asked, seen.modes) == (before.needed, before.needed, before.modes)
    assert seen.hidden == seen.needed, "something lies over every one of them"
    assert codes(seen) <= {"DRP-L014"}, "that it was attacked is told by the view"
    assert view.repository.immutability(point).holds_at(datetime.now(UTC))
    assert {weak.version for weak in seen.weakest} <= {
        version for _, version, marker, _ in server.versions(name) if not marker
    }
