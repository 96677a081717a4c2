"""Retention is lengthened on a real store: never shortened, never begun, never in another mode, and told as it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from drp.domain.repository import WaitLimits, WriteKeys
from drp.domain.worm.attestation import WeakObject
from drp.errors import RepositoryError
from drp.repositories.locations.s3_writer import S3Writer
from drp.repositories.worm.extending import extend, extender, to_extend
from tests.support.fixtures_buckets import Bucket
from tests.support.fixtures_repositories import keep_secret, resolve
from tests.support.locations import s3_location
from tests.support.s3_server import S3Server

SOON = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
LATER = SOON + timedelta(days=2)


def writer_of(server: S3Server, bucket: str, folder: Path, identity: str = "extender") -> S3Writer:
    who = server.identities[identity]
    keys = WriteKeys(
        access_key=keep_secret(folder, "extend-access", who.access_key),
        secret_key=keep_secret(folder, "extend-secret", who.secret_key),
    )
    location = s3_location(
        f"s3:{server.endpoint}/{bucket}/site", access_key=keys.access_key, secret_key=keys.secret_key
    )
    return extender("worm", location, keys, resolve, WaitLimits())


def put(server: S3Server, bucket: str, key: str, **lock: Any) -> WeakObject:
    made = server.client().put_object(Bucket=bucket, Key=f"site/{key}", Body=b"pack", **lock)
    return WeakObject(key=key, version=made["VersionId"], mode="", until=lock.get("ObjectLockRetainUntilDate"))


def locked(mode: str, until: datetime) -> dict[str, Any]:
    return {"ObjectLockMode": mode, "ObjectLockRetainUntilDate": until}


@pytest.fixture(scope="module")
def plain(s3_server: S3Server) -> str:
    s3_server.make_bucket("extending", days=0)
    return "extending"


def test_each_is_lengthened_in_its_own_mode_and_what_lasts_longer_stays(
    s3_server: S3Server, plain: str, tmp_path: Path
) -> None:
    hard = put(s3_server, plain, "data/hard", **locked("COMPLIANCE", SOON))
    soft = put(s3_server, plain, "data/soft", **locked("GOVERNANCE", SOON))
    long = put(s3_server, plain, "data/long", **locked("COMPLIANCE", LATER + timedelta(days=9)))
    bare = put(s3_server, plain, "data/bare")
    assert to_extend((hard, soft, long, bare), LATER) == (hard, soft, bare)
    writer = writer_of(s3_server, plain, tmp_path)
    came = {each.key: each for each in extend(writer, (hard, soft, long, bare), LATER)}
    assert {key: each.came for key, each in came.items()} == {
        "data/hard": "extended",
        "data/soft": "extended",
        "data/long": "already",
        "data/bare": "failed",
    }
    client = s3_server.client()
    for each, mode, until in ((hard, "COMPLIANCE", LATER), (soft, "GOVERNANCE", LATER), (long, "COMPLIANCE", None)):
        said = client.get_object_retention(Bucket=plain, Key=f"site/{each.key}", VersionId=each.version)["Retention"]
        assert said["Mode"] == mode
        assert said["RetainUntilDate"] == (until or LATER + timedelta(days=9))
    again = list(extend(writer, (hard, soft, long), LATER))
    assert [each.came for each in again] == ["already"] * 3, "cut off, it is simply run again"


def test_what_is_refused_is_told_and_nothing_stops_there(s3_server: S3Server, plain: str, tmp_path: Path) -> None:
    gone = WeakObject(key="data/none", version="0" * 32, mode="compliance", until=SOON)
    there = put(s3_server, plain, "data/there", **locked("COMPLIANCE", SOON))
    first, second = extend(writer_of(s3_server, plain, tmp_path), (gone, there), LATER)
    assert (first.came, second.came) == ("failed", "extended")
    assert first.answer.startswith("404 ")
    (refused,) = extend(writer_of(s3_server, plain, tmp_path, "ro_lock"), (there,), LATER + timedelta(days=1))
    assert refused.came == "failed"
    assert "403 AccessDenied" in refused.why
    assert refused.until == LATER


def test_its_keys_can_do_nothing_else(own_bucket: Bucket, tmp_path: Path) -> None:
    writer = writer_of(own_bucket.server, own_bucket.name, tmp_path, "admin")
    before = own_bucket.server.versions(own_bucket.name)
    for verb, more in (
        ("put_object", {"Key": "ehr/config", "Body": b""}),
        ("delete_object", {"Key": "ehr/config"}),
        ("delete_objects", {"Delete": {"Objects": [{"Key": "site/ehr/config"}]}}),
        ("put_bucket_versioning", {"VersioningConfiguration": {"Status": "Suspended"}}),
    ):
        with pytest.raises(RepositoryError, match="not what these keys are for"):
            writer.ask(verb, **more)
    assert own_bucket.server.versions(own_bucket.name) == before
