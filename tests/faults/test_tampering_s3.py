"""What restic leaves behind in a real bucket is no tampering; a wipe is, and the versions of before are whole."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drp.domain.repository import WaitLimits
from drp.domain.worm.objects import ObjectVersion
from drp.domain.worm.tampering import diagnose
from drp.repositories.locations.s3 import S3Reader
from tests.support.fixtures_buckets import Bucket
from tests.support.fixtures_repositories import keep_secret, resolve
from tests.support.locations import s3_location

pytestmark = pytest.mark.real


def reader_of(bucket: Bucket, folder: Path) -> S3Reader:
    identity = bucket.server.identities["ro_lock"]
    location = s3_location(
        bucket.url,
        access_key=keep_secret(folder, "access", identity.access_key),
        secret_key=keep_secret(folder, "secret", identity.secret_key),
    )
    return S3Reader("worm", location, resolve, WaitLimits())


def in_the_next_second() -> None:
    """Wait for the store's clock, which tells whole seconds, to tell another one."""
    before = datetime.now(UTC).replace(microsecond=0)
    while (datetime.now(UTC) - before).total_seconds() < 2:
        time.sleep(0.05)


def seen_at(versions: list[ObjectVersion], instant: datetime) -> set[str]:
    """Return the keys that were there at an instant."""
    newest: dict[str, ObjectVersion] = {}
    for version in sorted(versions, key=lambda version: (version.modified, version.latest)):
        if version.modified <= instant:
            newest[version.key] = version
    return {key for key, version in newest.items() if not version.marker}


def test_a_used_and_pruned_repository_is_whole_and_a_wiped_one_was(own_bucket: Bucket, tmp_path: Path) -> None:
    writer, reader = own_bucket.writer, reader_of(own_bucket, tmp_path)
    (own_bucket.source / "more.bin").write_bytes(b"more" * 4000)
    writer.backup(own_bucket.source, tags=("ehr",))
    (own_bucket.source / "file-0000.bin").unlink()
    newest = writer.backup(own_bucket.source, tags=("ehr",))
    writer.run("forget", "--keep-last", "1", "--group-by", "", "--prune")
    changed = tmp_path / "other-password"
    changed.write_text("another one\n")
    writer.run("key", "add", "--new-password-file", str(changed))
    assert any(version.marker for version in reader.versions("data/"))
    assert diagnose(reader.versions()) is None
    in_the_next_second()
    alive = {key for key in reader.names() if not key.startswith("locks/")}
    own_bucket.server.hide_everything(own_bucket.name)
    versions = list(reader.versions())
    found = diagnose(versions)
    assert found is not None
    assert found.certain
    assert found.last_good is not None
    back = seen_at(versions, found.last_good)
    assert f"snapshots/{newest}" in back
    assert {key for key in alive if not key.startswith("keys/")} <= back
    assert alive & {key for key in back if key.startswith("keys/")}
