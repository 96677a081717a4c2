"""A drill on a bucket that an attacker emptied and overwrote: it says what happened, and brings the application back."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import pytest

from tests.support.fixtures_buckets import Bucket
from tests.support.pinned_views import attack
from tests.support.restic_tools import Restic, executable
from tests.support.s3_server import S3Server
from tests.support.small_site import ENGINE, SmallSite
from tests.support.words import in_words

pytestmark = [pytest.mark.real, pytest.mark.slow]

REPOSITORIES = """version: 1
repositories:
  vault:
    kind: restic
    executable: {restic}
    password: {{file: secrets/password}}
    location:
      s3:
        endpoint: {endpoint}
        bucket: {bucket}
        prefix: site/ehr
        access_key: {{file: secrets/access}}
        secret_key: {{file: secrets/secret}}
"""


def in_bucket(small: SmallSite, server: S3Server) -> Bucket:
    """Back the small site up into a bucket instead of a folder."""
    name = f"pinned-{secrets.token_hex(5)}"
    url = server.make_bucket(name)
    writer = Restic(executable("current"), f"{url}/site/ehr", "correct horse", server.environment("writer")).init()
    source = small.folder / "srv" / "engine"
    point = writer.backup(source, tags=["app=engine"])
    reader = server.identities["ro_lock"]
    for file, value in (("access", reader.access_key), ("secret", reader.secret_key)):
        (small.site / "secrets" / file).write_text(value)
        (small.site / "secrets" / file).chmod(0o600)
    text = REPOSITORIES.format(restic=executable("current"), endpoint=server.endpoint, bucket=name)
    (small.site / "inventory" / "repositories.yml").write_text(text)
    return Bucket(server, name, f"{url}/site/ehr", writer, "correct horse", point, source)


def drill(small: SmallSite, *options: str) -> tuple[int, dict[str, Any], dict[str, Any]]:
    """Run the drill; return exit status, record, and the recovery in it."""
    done = small.drp("drill", "run", "quarterly-drill", *options, check=False)
    assert done.returncode in {0, 1, 3}, done.stderr
    record = in_words(json.loads(small.drp("report", "latest", "--format", "json").stdout))
    return done.returncode, record, record["recoveries"][0]


def test_an_attacked_bucket_is_told_and_comes_back_as_of_its_last_good_instant(
    s3_server: S3Server, tmp_path: Path
) -> None:
    small = SmallSite(tmp_path).make(application=ENGINE, tree={"routes.json": "[1, 2, 3]", "keys.txt": "k" * 5000})
    bucket = in_bucket(small, s3_server)
    _, _, before = drill(small)
    assert before["select"]["pinned"]["why"] == "now", before
    assert before["restore"]["read"], before
    assert attack(bucket) == 0

    status, record, recovery = drill(small)
    assert (status, record["verdict"]) == (1, "failed")
    found = {finding["code"]: finding for finding in recovery["findings"]}
    assert found["DRP-L050"]["severity"] == "critical"
    pinned = recovery["select"]["pinned"]
    assert pinned["why"] == "before-tampering"
    assert pinned["tampering"] == found["DRP-L050"]["observed"]
    assert recovery["select"]["point"]["id"] == bucket.point
    assert recovery["restore"]["receipt"] == {
        **before["restore"]["receipt"],
        "restored_root": recovery["restore"]["receipt"]["restored_root"],
    }
    read = recovery["restore"]["read"]
    assert all(each["digest"] == each["key"].rpartition("/")[2] for each in read if each["key"] != "config")
    assert {each["version"] for each in read} <= {version for _, version, *_ in s3_server.versions(bucket.name)}
    assert recovery["measurement"]["rta_ms"] > 0

    at = before["select"]["pinned"]["at"]
    _, _, asked = drill(small, "--as-of", at)
    assert (asked["select"]["pinned"]["why"], asked["select"]["pinned"]["at"]) == ("asked", at)
    assert asked["select"]["pinned"]["digest"] == before["select"]["pinned"]["digest"]
