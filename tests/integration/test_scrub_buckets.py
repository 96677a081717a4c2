"""The keyless scrub of repositories in buckets: versions, delete markers, what is done below the lock, refusals."""

from __future__ import annotations

import hashlib
import json
import uuid
from pathlib import Path

import pytest

from drp.domain.worm.scrub import Scrub, exit_status
from drp.service.worm.scrubbing import Wish
from tests.support.fixtures_scrub import Vault, codes
from tests.support.s3_server import Identity, S3Server


class Bucketed(Vault):
    """A repository's objects in a bucket under Object Lock, put there as restic does."""

    def __init__(self, folder: Path, server: S3Server, made: Path) -> None:
        self.server, self.bucket = server, f"scrub-{uuid.uuid4().hex[:10]}"
        server.make_bucket(self.bucket)
        self.client = server.client("writer")
        self.keys = sorted(str(path.relative_to(made)) for path in made.rglob("*") if path.is_file())
        for key in self.keys:
            self.put(key, (made / key).read_bytes())
        super().__init__(folder, "{}")
        self.read_by(server.identities["ro_lock"])

    def read_by(self, who: Identity) -> None:
        for name, value in (("access", who.access_key), ("secret", who.secret_key)):
            (self.site / name).write_text(value + "\n")
            (self.site / name).chmod(0o600)
        self.at(
            f"{{s3: {{endpoint: '{self.server.endpoint}', bucket: {self.bucket}, prefix: site, "
            "access_key: {file: access}, secret_key: {file: secret}}}"
        )

    def put(self, key: str, content: bytes) -> str:
        return str(self.client.put_object(Bucket=self.bucket, Key=f"site/{key}", Body=content)["VersionId"])

    def hide(self, key: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=f"site/{key}")

    def of(self, part: str) -> str:
        return max(key for key in self.keys if key.startswith(f"{part}/"))


@pytest.fixture
def bucketed(tmp_path: Path, s3_server: S3Server, made_by_restic: Path) -> Bucketed:
    return Bucketed(tmp_path, s3_server, made_by_restic)


def whole(scrub: Scrub, objects: int) -> None:
    assert (codes(scrub), exit_status(scrub.findings), scrub.objects) == ([], 0, objects)


def test_current_versions_are_read_and_hidden_ones_when_asked(bucketed: Bucketed) -> None:
    objects = len(bucketed.keys) - 1
    lock = f"locks/{hashlib.sha256(b'lock').hexdigest()}"
    bucketed.put(lock, b"lock")
    bucketed.hide(lock)
    twice = bucketed.of("index")
    content = bucketed.client.get_object(Bucket=bucketed.bucket, Key=f"site/{twice}")["Body"].read()
    bucketed.put(twice, content)
    bucketed.client.put_object(Bucket=bucketed.bucket, Key="site/data/", Body=b"")
    bucketed.client.put_object(Bucket=bucketed.bucket, Key="elsewhere", Body=b"not of this repository")
    scrub = bucketed.scrub()
    whole(scrub, objects)
    assert "2 versions below current ones" in " ".join(scrub.not_judged)
    whole(bucketed.scrub(Wish(keyless=True, all_versions=True)), objects + 2)
    # an attacker writes rubbish over a pack: the current version is damaged, the one below is not
    pack = bucketed.of("data")
    version = bucketed.put(pack, b"rubbish")
    scrub = bucketed.scrub(Wish(keyless=True, all_versions=True))
    assert [(each.key, each.version) for each in scrub.damaged] == [(pack, version)]


def test_an_insider_below_the_lock_is_seen(bucketed: Bucketed) -> None:
    whole(bucketed.scrub(), len(bucketed.keys) - 1)
    key = bucketed.of("snapshots")
    (version,) = (
        v for k, v, marker, _ in bucketed.server.versions(bucketed.bucket) if k == f"site/{key}" and not marker
    )
    bucketed.server.rewrite_below_lock(bucketed.bucket, f"site/{key}", version, lambda body: body[:-1] + b"!")
    scrub = bucketed.scrub()
    assert [each.key for each in scrub.damaged] == [key]
    assert scrub.population == len(bucketed.keys) - 1  # the store lists no version of it any more, and reads it by name
    assert exit_status(scrub.findings) == 1


def test_an_emptied_bucket_is_not_clean_at_the_first_look_or_the_second(bucketed: Bucketed, tmp_path: Path) -> None:
    whole(bucketed.scrub(), len(bucketed.keys) - 1)
    bucketed.server.hide_everything(bucketed.bucket)
    for _ in range(2):
        scrub = bucketed.scrub()
        assert "DRP-L042" in codes(scrub)
        assert exit_status(scrub.findings) == 1
    kept = bucketed.site / "state" / "scrub"
    for path in kept.iterdir():
        path.unlink()
    assert "DRP-L042" in codes(bucketed.scrub())  # nothing is known of it, and markers say that there was something
    whole_below = bucketed.scrub(Wish(keyless=True, all_versions=True))
    assert whole_below.damaged == ()
    assert whole_below.objects == len(bucketed.keys) - 1


def test_a_pack_behind_a_marker_is_gone(bucketed: Bucketed) -> None:
    whole(bucketed.scrub(), len(bucketed.keys) - 1)
    bucketed.hide(bucketed.of("data"))
    for _ in range(2):
        scrub = bucketed.scrub()
        assert (codes(scrub), exit_status(scrub.findings)) == (["DRP-L043"], 3)
        assert scrub.missing == (bucketed.of("data"),)


def test_a_key_that_may_not_read_condemns_nothing(bucketed: Bucketed, tmp_path: Path) -> None:
    whole(bucketed.scrub(), len(bucketed.keys) - 1)
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": ["s3:GetObject", "s3:GetObjectVersion"],
                "Resource": [f"arn:aws:s3:::{bucketed.bucket}/site/data/*"],
            }
        ],
    }

    bucketed.server.client("admin").put_bucket_policy(Bucket=bucketed.bucket, Policy=json.dumps(policy))
    scrub = bucketed.scrub()
    assert (codes(scrub), exit_status(scrub.findings)) == (["DRP-L041"], 3)
    assert scrub.damaged == ()
    assert scrub.unread == sum(1 for key in bucketed.keys if key.startswith("data/"))
    assert scrub.coverage is not None
    assert scrub.coverage.objects_ever == len(bucketed.keys) - 1
