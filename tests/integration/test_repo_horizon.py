"""`drp repo horizon` on a real bucket under Object Lock: old packs that new points go on using, and retention lengthened."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from drp.domain.repository_port import LocksSeen
from drp.domain.worm.attestation import LockDemand
from drp.drill.phases.horizons import seen_horizon
from drp.repositories.kind import create
from drp.repositories.restic.settings import ResticSettings
from tests.support import warm
from tests.support.fixtures_repositories import application, keep_secret, resolve
from tests.support.locations import s3_location
from tests.support.restic_tools import PASSWORD, Restic, executable, make_tree
from tests.support.s3_server import S3Server

NOW = datetime.now(UTC).replace(microsecond=0)
APPLICATION = """name: ehr
title: Records
tier: 1
objectives: {rto: 4h, rpo: 24h}
backup: {repositories: [vault], points: {tags: [app=ehr]}, immutable_for: 10d}
runbook: {kind: files}
checks: [{name: tree, verifier: files}]
"""
REPOSITORY = """version: 1
repositories:
  vault:
    kind: restic
    executable: {restic}
    password: {{file: secrets/password}}
    location:
      s3: {{endpoint: "{endpoint}", bucket: {bucket}, access_key: {{file: secrets/reader-access}}, secret_key: {{file: secrets/reader-secret}}}}
    worm:
      extend: {{access_key: {{file: secrets/extend-access}}, secret_key: {{file: secrets/extend-secret}}}}
  shelf: {{kind: restic, executable: {restic}, password: {{file: secrets/password}}, location: {{directory: shelf}}}}
"""


@dataclass
class Bucket:
    server: S3Server
    name: str
    site: Path
    restic: Restic
    source: Path

    def lock(self, until: datetime, mode: str = "COMPLIANCE") -> None:
        """Lock whatever has no retention yet, as a backup job does that sets it when it writes."""
        client = self.server.client("admin")
        for key, version, marker, _ in self.server.versions(self.name):
            if marker or key.startswith("locks/") or self.until(key, version):
                continue
            client.put_object_retention(
                Bucket=self.name, Key=key, VersionId=version, Retention={"Mode": mode, "RetainUntilDate": until}
            )

    def until(self, key: str, version: str) -> datetime | None:
        return (
            self.server.client("admin")
            .head_object(Bucket=self.name, Key=key, VersionId=version)
            .get("ObjectLockRetainUntilDate")
        )

    def drp(self, *arguments: str, status: int = 0) -> str:
        done = warm.drp(*arguments, environment={**warm.ENVIRONMENT, "DRP_SITE": str(self.site)}, timeout=120)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    def seen(self, *arguments: str, status: int = 0) -> dict:
        return json.loads(self.drp("repo", "horizon", "vault", "--json", *arguments, status=status))


@pytest.fixture
def bucket(s3_server: S3Server, bucket_name: str, tmp_path: Path) -> Bucket:
    url = s3_server.make_bucket(bucket_name, days=0)
    site = tmp_path / "site"
    restic = executable("current")
    reader, extend = s3_server.identities["ro_lock"], s3_server.identities["admin"]
    files = {
        "drp.yml": "version: 1\nname: small\nlocale: en\n",
        "inventory/repositories.yml": REPOSITORY.format(restic=restic, endpoint=s3_server.endpoint, bucket=bucket_name),
        "inventory/sandboxes.yml": "version: 1\nsandboxes:\n  default: {memory_bytes: 256MiB, data_bytes: 64MiB}\n",
        "inventory/applications/ehr.yml": APPLICATION,
        "secrets/password": PASSWORD,
        "secrets/reader-access": reader.access_key,
        "secrets/reader-secret": reader.secret_key,
        "secrets/extend-access": extend.access_key,
        "secrets/extend-secret": extend.secret_key,
    }
    for name, content in files.items():
        path = site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        path.chmod(0o600)
    writer = Restic(restic, url, environment=s3_server.environment("writer")).init()
    return Bucket(s3_server, bucket_name, site, writer, make_tree(tmp_path / "data", files=5))


def test_a_new_point_lasts_no_longer_than_the_old_packs_that_it_uses(bucket: Bucket) -> None:
    short, long, longer = (NOW + timedelta(days=days) for days in (2, 30, 40))
    old = bucket.restic.backup(bucket.source, tags=["app=ehr"])
    bucket.lock(short)
    (bucket.source / "new.txt").write_text("new")
    new = bucket.restic.backup(bucket.source, tags=["app=ehr"])
    bucket.lock(long)

    said = bucket.seen(status=1)
    newest, oldest = said["horizons"]
    assert (newest["point"], oldest["point"]) == (new, old)
    assert datetime.fromisoformat(newest["until"]) == short
    assert datetime.fromisoformat(newest["own_until"]) == long
    assert newest["enough"] is False
    assert newest["below"] == len([weak for weak in newest["weakest"] if weak["until"] == newest["until"]])
    assert newest["extending"]["requests"] == 3 * newest["below"]
    assert any(weak["key"].startswith("data/") for weak in newest["weakest"])
    assert any(weak["key"].startswith("keys/") for weak in newest["weakest"])
    assert [finding["code"] for finding in said["findings"]] == ["DRP-L031"]
    assert said["safest"] == new
    assert f"the newest point that nobody can delete before {short:%Y-%m-%d}" in bucket.drp(
        "repo", "horizon", "vault", status=1
    )

    bucket.drp("repo", "horizon", "vault", "--extend", longer.isoformat(), status=2)  # nobody agreed
    assert bucket.seen(status=1)["horizons"] == said["horizons"], "nothing was changed"
    done = json.loads(bucket.drp("repo", "horizon", "vault", "--json", "--extend", longer.isoformat(), "--yes"))
    assert {outcome["came"] for outcome in done["outcomes"]} == {"extended"}
    assert len(done["outcomes"]) == newest["objects"] == len(done["objects"])
    again = json.loads(bucket.drp("repo", "horizon", "vault", "--json", "--extend", longer.isoformat(), "--yes"))
    assert (again["outcomes"], again["lasting"]) == ([], newest["objects"])
    newest = bucket.seen(status=1)["horizons"][0]
    assert datetime.fromisoformat(newest["until"]) == longer
    assert newest["enough"] is True


def test_a_drill_keeps_the_horizon_of_its_point(bucket: Bucket, tmp_path: Path) -> None:
    bucket.restic.backup(bucket.source, tags=["app=ehr"])
    bucket.lock(NOW + timedelta(days=2))
    (bucket.source / "new.txt").write_text("new")
    bucket.restic.backup(bucket.source, tags=["app=ehr"])
    bucket.lock(NOW + timedelta(days=30))
    reader = bucket.server.identities["ro_lock"]
    settings = ResticSettings(
        name="vault",
        location=s3_location(
            bucket.restic.repository,
            access_key=keep_secret(tmp_path, "access", reader.access_key),
            secret_key=keep_secret(tmp_path, "secret", reader.secret_key),
        ),
        password=keep_secret(tmp_path, "password", PASSWORD),
        executable=str(bucket.restic.program),
    )
    repository = create(settings, resolve=resolve, cache_directory=tmp_path / "cache")
    ehr = application("ehr", tags=("app=ehr",))
    point = repository.points(ehr).points[0]
    assert isinstance(repository, LocksSeen)
    locks = repository.attest((point,), LockDemand())
    context = SimpleNamespace(recovery=SimpleNamespace(application=ehr))
    horizon, findings = seen_horizon(context, repository, point, locks, NOW)  # type: ignore[arg-type]
    assert horizon is not None
    assert (horizon.until, horizon.point, horizon.unknown) == (NOW + timedelta(days=2), point.id, "")
    assert [finding.code for finding in findings] == ["DRP-L031"]
    assert locks.earliest == horizon.until
    gone = replace(point, id="0" * 64)
    unknown, findings = seen_horizon(context, repository, gone, locks, NOW)  # type: ignore[arg-type]
    assert unknown is not None
    assert unknown.until is None
    assert [finding.code for finding in findings] == ["DRP-L032"]


def test_one_pack_without_a_lock_is_enough(bucket: Bucket) -> None:
    bucket.restic.backup(bucket.source, tags=["app=ehr"])
    held = next(key for key, *_ in bucket.server.versions(bucket.name) if key.startswith("data/"))
    bucket.lock(NOW + timedelta(days=30))
    client = bucket.server.client("admin")
    content = client.get_object(Bucket=bucket.name, Key=held)["Body"].read()
    client.put_object(Bucket=bucket.name, Key=held, Body=content)  # what is read by name has no lock
    said = bucket.seen(status=1)
    assert said["horizons"][0]["until"] is None
    assert [(weak["key"], weak["mode"]) for weak in said["horizons"][0]["weakest"][:1]] == [(held, "none")]
    assert (said["horizons"][0]["open"], said["safest"]) == (1, None)
    assert [finding["code"] for finding in said["findings"]] == ["DRP-L030"]


def test_what_nobody_could_see_has_no_horizon(bucket: Bucket) -> None:
    bucket.restic.backup(bucket.source, tags=["app=ehr"])
    bucket.lock(NOW + timedelta(days=30))
    blind = bucket.server.identities["ro"]
    (bucket.site / "secrets" / "reader-access").write_text(blind.access_key)
    (bucket.site / "secrets" / "reader-secret").write_text(blind.secret_key)
    (horizon,) = bucket.seen(status=3)["horizons"]
    assert horizon["until"] is None
    assert horizon["unknown"]


def test_a_directory_has_no_horizon(bucket: Bucket) -> None:
    Restic(executable("current"), str(bucket.site / "shelf")).init()
    application = bucket.site / "inventory" / "applications" / "ehr.yml"
    application.write_text(application.read_text().replace("[vault]", "[vault, shelf]"))
    said = json.loads(bucket.drp("repo", "horizon", "shelf", "--json", status=3))
    assert (said["horizons"], said["safest"]) == ([], None)
    assert said["not_judged"]
    bucket.drp("repo", "horizon", "shelf", "--extend", (NOW + timedelta(days=9)).isoformat(), "--yes", status=2)
