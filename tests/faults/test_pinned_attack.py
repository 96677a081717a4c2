"""What an attacker with the writer's key can do to a bucket changes nothing of what a drill restores from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from drp.domain.ports import Repository
from drp.domain.repository_port import PinnedView, PinnedViews
from drp.drill.phases.pinning import below_findings
from drp.errors import DrpError, UsageError
from tests.support.fixtures_buckets import Bucket, make_repository
from tests.support.fixtures_repositories import application
from tests.support.pinned_views import attack, point_of, restored, tree
from tests.support.restic_tools import KINDS, executable, make_tree
from tests.support.s3_server import S3Server

pytestmark = pytest.mark.real
EHR = application(tags=("ehr",))
Make = Callable[..., Repository]


def view_of(repository: Repository, drill: str = "drill", **options: object) -> PinnedView:
    assert isinstance(repository, PinnedViews)
    view = repository.pinned(drill, **options)  # type: ignore[arg-type]
    assert view is not None
    return view


@pytest.mark.parametrize("kind", KINDS)
def test_the_identical_tree_comes_back_from_before_an_attack(
    kind: str, s3_server: S3Server, repository_in: Make, tmp_path: Path
) -> None:
    bucket = make_repository(s3_server, executable(kind), tmp_path)  # type: ignore[arg-type]
    first = view_of(repository_in(bucket), drill="before")
    assert first.pinned.why == "now"
    assert attack(bucket) == 0
    plain = bucket.writer.run("snapshots", "--no-lock", check=False)
    assert plain.returncode != 0
    view = view_of(repository_in(bucket))
    assert view.pinned.why == "before-tampering"
    assert "overwritten since" in view.pinned.tampering or "emptied behind delete markers" in view.pinned.tampering
    assert view.pinned.at >= first.pinned.at.replace(microsecond=0)
    listing = view.repository.points(EHR)
    assert [point.id for point in listing.points] == [bucket.point]
    assert view.repository.immutability(listing.points[0]).mode == "compliance"
    for each, name in ((view, "after"), (first, "during")):  # a drill that was bound before goes on, too
        order, outcome = restored(each, listing.points[0], tmp_path / name)
        assert outcome.exit_code == 0, outcome
        assert tree(tmp_path / name / str(bucket.source).lstrip("/")) == tree(bucket.source)
        assert not order.secrets.keys() - {"RESTIC_PASSWORD_FILE"}
        read = each.served(order.served_by).read
        assert {key.partition("/")[0] for key in (one.key for one in read)} == {
            *("config", "keys", "snapshots", "index", "data")
        }
        versions = {(key.removeprefix("site/ehr/"), version) for key, version, *_ in s3_server.versions(bucket.name)}
        for one in read:
            assert (one.key, one.version) in versions
            assert one.digest == one.key.rpartition("/")[2] or one.key == "config"
        assert each.trouble() is None


def test_delete_markers_on_some_names_hide_nothing_of_an_instant_that_is_asked_for(
    own_bucket: Bucket, repository_in: Make, tmp_path: Path
) -> None:
    before = view_of(repository_in(own_bucket)).pinned
    client = own_bucket.server.client("writer")
    for key, _, marker, _ in own_bucket.server.versions(own_bucket.name):
        if not marker and "/data/" in key:
            client.delete_object(Bucket=own_bucket.name, Key=key)
    view = view_of(repository_in(own_bucket), at=before.at)
    assert (view.pinned.why, view.pinned.digest) == ("asked", before.digest)
    order, outcome = restored(view, point_of(own_bucket), tmp_path / "out")
    assert outcome.exit_code == 0
    assert tree(tmp_path / "out" / str(own_bucket.source).lstrip("/")) == tree(own_bucket.source)
    assert view.served(order.served_by).gone == ()


def test_an_instant_that_has_not_passed_is_refused(bucket: Bucket, repository_in: Make) -> None:
    repository = repository_in(bucket)
    now = view_of(repository).pinned.at
    with pytest.raises(UsageError):
        view_of(repository, at=now.replace(year=now.year + 1))


def test_a_bucket_without_versions_has_no_view(s3_server: S3Server, repository_in: Make, tmp_path: Path) -> None:
    plain = make_repository(s3_server, executable("current"), tmp_path, locked=False)
    repository = repository_in(plain)
    assert isinstance(repository, PinnedViews)
    assert repository.pinned("drill") is None


def test_one_drill_has_one_view_and_another_its_own(own_bucket: Bucket, repository_in: Make) -> None:
    repository = repository_in(own_bucket)
    view = view_of(repository)
    assert view_of(repository) is view
    assert view_of(repository, at=view.pinned.at) is view
    assert view_of(repository, drill="other") is not view
    anew = view_of(repository_in(own_bucket), at=view.pinned.at)
    assert anew.pinned.digest == view.pinned.digest


def test_a_version_that_is_deleted_for_good_between_pin_and_read_is_told_by_its_version(
    s3_server: S3Server, repository_in: Make, tmp_path: Path
) -> None:
    bucket = make_repository(s3_server, executable("current"), tmp_path, days=0)
    view = view_of(repository_in(bucket))
    client = s3_server.client("writer")
    packs = [(key, version) for key, version, *_ in s3_server.versions(bucket.name) if "/data/" in key]
    for key, version in packs:
        client.delete_object(Bucket=bucket.name, Key=key, VersionId=version)
    order = view.repository.restore_order(replace(point_of(bucket)))
    assert order.served_by
    order, outcome = restored(view, point_of(bucket), tmp_path / "out")
    assert outcome.exit_code != 0
    told = view.served(order.served_by)
    assert {(f"site/ehr/{each.key}", each.version) for each in told.gone} <= set(packs)
    assert told.gone
    assert told.altered == ()
    assert view.trouble() is None


def test_what_was_changed_below_the_lock_is_told_with_its_digest(
    own_bucket: Bucket, repository_in: Make, tmp_path: Path
) -> None:
    view = view_of(repository_in(own_bucket))
    key, version = next(
        (key, version) for key, version, *_ in own_bucket.server.versions(own_bucket.name) if "/data/" in key
    )
    own_bucket.server.rewrite_below_lock(own_bucket.name, key, version, lambda body: bytes([body[0] ^ 1, *body[1:]]))
    order, _ = restored(view, point_of(own_bucket), tmp_path / "out")
    told = view.served(order.served_by)
    assert [f"site/ehr/{each.key}" for each in told.altered] == [key]
    assert told.altered[0].digest != key.rpartition("/")[2]
    assert told.gone == ()


def test_a_view_whose_process_ends_says_so_and_is_made_again_of_the_same_versions(
    own_bucket: Bucket, repository_in: Make
) -> None:
    repository = repository_in(own_bucket)
    view = view_of(repository)
    view.process._process.kill()  # type: ignore[attr-defined]
    trouble = view.trouble()
    assert isinstance(trouble, DrpError)
    again = view_of(repository, at=view.pinned.at)
    assert again is not view
    assert again.pinned == replace(view.pinned, why="asked")
    assert again.repository.points(EHR).points


def test_single_objects_that_are_hidden_or_overwritten_are_read_from_below_and_told(
    s3_server: S3Server, repository_in: Make, tmp_path: Path
) -> None:
    bucket = make_repository(s3_server, executable("current"), tmp_path)
    first = {key for key, *_ in s3_server.versions(bucket.name)}
    made = [tmp_path / "more" / str(number) for number in range(3)]
    for number, folder in enumerate(made):  # a pack each
        make_tree(folder, files=2, seed=number + 10)
        bucket.writer.backup(folder)
    view_of(repository_in(bucket), drill="before")  # which waits until the store's clock has left their second
    whole = bucket.writer.backup(tmp_path / "more", tags=("ehr",))
    bucket = replace(bucket, point=whole, source=tmp_path / "more")
    client, before = s3_server.client("writer"), s3_server.versions(bucket.name)
    packs = sorted(
        (
            (client.head_object(Bucket=bucket.name, Key=key)["ContentLength"], key)
            for key, *_ in before
            if "/data/" in key and key not in first
        ),
        reverse=True,
    )
    (_, hidden), (size, overwritten) = packs[:2]  # of data, since trees are small
    client.delete_object(Bucket=bucket.name, Key=hidden)
    newest = max(
        (each["LastModified"], each["Key"])
        for each in client.list_objects_v2(Bucket=bucket.name, Prefix="site/ehr/index/")["Contents"]
    )[1]
    client.delete_object(Bucket=bucket.name, Key=newest)
    client.put_object(Bucket=bucket.name, Key=overwritten, Body=b"x" * size)
    view = view_of(repository_in(bucket))
    assert view.pinned.why == "now"
    order, outcome = restored(view, point_of(bucket), tmp_path / "out")
    assert outcome.exit_code == 0, outcome
    assert tree(tmp_path / "out" / str(bucket.source).lstrip("/")) == tree(bucket.source)
    told = view.served(order.served_by)
    assert {f"site/ehr/{each.read.key}": each.marker for each in told.below} == {
        hidden: True,
        newest: True,
        overwritten: False,
    }
    kept = {key: version for key, version, *_ in before}
    assert {f"site/ehr/{each.read.key}": each.read.version for each in told.below} == {
        key: kept[key] for key in (hidden, newest, overwritten)
    }
    assert told.altered == ()
    codes = [finding.code for finding in below_findings(told)]
    assert codes == ["DRP-L057"] * 3


def test_a_bucket_that_is_pruned_as_usual_is_read_from_nowhere_below(
    s3_server: S3Server, repository_in: Make, tmp_path: Path
) -> None:
    bucket = make_repository(s3_server, executable("current"), tmp_path)
    more = make_tree(tmp_path / "more", files=3, seed=20)
    kept = bucket.writer.backup(more, tags=("ehr",))
    bucket.writer.run("forget", "--prune", bucket.point)
    view = view_of(repository_in(bucket))
    assert (view.pinned.why, str(view.pinned.tampering)) == ("now", "")
    assert [point.id for point in view.repository.points(EHR).points] == [kept]
    order, outcome = restored(view, replace(point_of(bucket), id=kept), tmp_path / "out")
    assert outcome.exit_code == 0
    told = view.served(order.served_by)
    assert (told.below, told.gone, told.altered) == ((), (), ())
    assert tree(tmp_path / "out" / str(more).lstrip("/")) == tree(more)


def test_a_config_of_the_same_length_is_found_out_by_the_password_it_refuses(
    own_bucket: Bucket, repository_in: Make
) -> None:
    client, key = own_bucket.server.client("writer"), "site/ehr/config"
    before = view_of(repository_in(own_bucket), drill="before")  # which leaves the second of the backup
    size = client.head_object(Bucket=own_bucket.name, Key=key)["ContentLength"]
    client.put_object(Bucket=own_bucket.name, Key=key, Body=b"x" * size)
    view = view_of(repository_in(own_bucket))
    assert (view.pinned.why, view.pinned.digest) == ("before-tampering", before.pinned.digest)
    assert "config" in view.pinned.tampering
    assert [point.id for point in view.repository.points(EHR).points] == [own_bucket.point]


def test_a_key_that_was_overwritten_is_read_from_below_by_its_name(own_bucket: Bucket, repository_in: Make) -> None:
    client = own_bucket.server.client("writer")
    (key,) = [key for key, *_ in own_bucket.server.versions(own_bucket.name) if "/keys/" in key]
    size = client.head_object(Bucket=own_bucket.name, Key=key)["ContentLength"]
    client.put_object(Bucket=own_bucket.name, Key=key, Body=b"x" * size)
    view = view_of(repository_in(own_bucket))
    assert view.pinned.why == "now"
    assert "possibly overwritten" in view.pinned.tampering
    assert [point.id for point in view.repository.points(EHR).points] == [own_bucket.point]


def test_a_repository_that_never_was_whole_is_told_as_emptied(
    s3_server: S3Server, repository_in: Make, tmp_path: Path
) -> None:
    bucket = make_repository(s3_server, executable("current"), tmp_path, days=0)
    client = s3_server.client("writer")
    for key, version, *_ in s3_server.versions(bucket.name):
        if not key.endswith("/config"):
            client.delete_object(Bucket=bucket.name, Key=key, VersionId=version)
    s3_server.hide_everything(bucket.name)
    listing = view_of(repository_in(bucket)).repository.points(EHR)
    assert listing.points == ()
    assert listing.emptied
