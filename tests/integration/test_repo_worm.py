"""`drp repo worm` as it is typed, on real buckets: three words, findings, exit status, and the register."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from drp.domain.worm.facts import LocksObserved
from tests.support import warm
from tests.support.fixtures_buckets import Bucket, make_repository
from tests.support.restic_tools import executable
from tests.support.s3_server import S3Server

pytestmark = pytest.mark.real
EHR = (
    "name: ehr\ntitle: EHR\ntier: 1\nobjectives: {rto: 4h, rpo: 1h}\n"
    "backup: {repositories: [worm], points: {tags: [ehr]}%s}\n"
    "runbook: {kind: files}\nchecks: [{name: tree, verifier: files}]\n"
)


def site_of(bucket: Bucket, folder: Path, *, keeps: str = "", identity: str = "ro_lock", password: bool = True) -> Path:
    """Make a site whose application keeps its points in the bucket."""
    site = folder / "site"
    who = bucket.server.identities[identity]
    secrets = {"access": who.access_key, "secret": who.secret_key, "password": bucket.password if password else ""}
    prefix = bucket.url.rpartition(f"/{bucket.name}/")[2]
    location = {
        "s3": {
            "endpoint": bucket.server.endpoint,
            "bucket": bucket.name,
            "prefix": prefix,
            "access_key": {"file": str(site / "access")},
            "secret_key": {"file": str(site / "secret")},
        }
    }
    entry = {
        "kind": "restic",
        "executable": str(bucket.writer.program),
        "password": {"file": str(site / "password")},
        "location": location,
    }
    files = {
        "drp.yml": "version: 1\nname: locked\n",
        "inventory/repositories.yml": json.dumps({"repositories": {"worm": entry}}),
        "inventory/applications/ehr.yml": EHR % (f", immutable_for: {keeps}" if keeps else ""),
        **secrets,
    }
    for name, content in files.items():
        path = site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content + "\n")
        path.chmod(0o600)
    return site


def run(site: Path, *words: object) -> subprocess.CompletedProcess[str]:
    done = warm.drp("repo", "worm", "worm", *words, environment={**warm.ENVIRONMENT, "DRP_SITE": str(site)})
    assert "Traceback" not in done.stderr, done.stderr
    return done


def document(site: Path) -> tuple[int, dict[str, Any]]:
    done = run(site, "--json")
    told = json.loads(done.stdout)
    assert (told["schema"], told["exit"]) == ("drp/repository-locks/1", done.returncode), told
    return done.returncode, told


def codes(told: dict[str, Any]) -> set[str]:
    return {finding["code"] for finding in told["findings"]}


@pytest.fixture
def locked(s3_server: S3Server, tmp_path: Path) -> Bucket:
    return make_repository(s3_server, executable("current"), tmp_path, days=3)


def test_a_healthy_bucket_is_told_in_three_words_and_written_down(locked: Bucket, tmp_path: Path) -> None:
    site = site_of(locked, tmp_path, keeps="2d")
    status, told = document(site)
    assert status == 0, told
    assert told["declared"]["mode"] == "compliance"
    seen = told["observed"]
    assert seen["modes"] == {"compliance": seen["needed"]}
    assert 0 < told["margin_seconds"] <= 86_400
    assert (told["probed"], told["not_written_down"], told["points"]) == (None, None, 1)

    shown = run(site)
    assert shown.returncode == 0, shown
    for word in ("DECLARED", "OBSERVED", "PROBED", "compliance lock", "not probed", "longer than asked"):
        assert word in shown.stdout
    assert "nobody ever tried" in shown.stderr
    assert "remembered" in shown.stdout

    from drp.config.site import load_site
    from drp.service.wiring import Wiring

    wiring = Wiring(load_site(site))
    events = [entry.event for entry in wiring.register_to_read().entries()]
    wiring.close()
    assert [event.repository for event in events if isinstance(event, LocksObserved)] == ["worm", "worm"]


def test_locks_that_end_too_early_are_exit_1_and_name_the_objects(locked: Bucket, tmp_path: Path) -> None:
    status, told = document(site_of(locked, tmp_path, keeps="30d"))
    assert (status, "DRP-L003" in codes(told)) == (1, True)
    assert told["margin_seconds"] < 0


def test_without_the_password_everything_counts_as_needed(locked: Bucket, tmp_path: Path) -> None:
    site = site_of(locked, tmp_path, password=False)
    status, told = document(site)
    assert (status, told["points"]) == (0, 0), told
    assert told["points_not_listed"]
    assert told["observed"]["superset"]
    assert told["observed"]["modes"] == {"compliance": told["observed"]["needed"]}
    assert told["observed"]["needed"] >= 5


def test_what_cannot_be_seen_is_exit_3(locked: Bucket, tmp_path: Path) -> None:
    status, told = document(site_of(locked, tmp_path, identity="ro"))
    assert (status, codes(told)) == (3, {"DRP-L010"})


def test_a_bucket_without_locks_is_exit_1(s3_server: S3Server, tmp_path: Path) -> None:
    bucket = make_repository(s3_server, executable("current"), tmp_path, locked=False, days=0)
    status, told = document(site_of(bucket, tmp_path))
    assert (status, "DRP-L001" in codes(told)) == (1, True)
    shown = run(site_of(bucket, tmp_path))
    assert "no lock" in shown.stdout
