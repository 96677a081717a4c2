"""What would harm a bucket is tried on a scratch bucket alone, which is another one for sure, and is put back."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from drp.domain.worm.probe import OF_BUCKETS, Probe
from tests.simulators import lies
from tests.simulators.lying_store import LyingStore, Request, Response
from tests.support.probing import Probed, shown
from tests.support.s3_server import S3Server


@pytest.fixture
def make(s3_server: S3Server, tmp_path: Path) -> Callable[..., Probed]:
    def build(*, scratch: str | None = "", days: int = 1, locked: bool = True, **more: Any) -> Probed:
        names = [f"{kind}-{uuid.uuid4().hex[:10]}" for kind in ("probe", "scratch")]
        s3_server.make_bucket(names[0])
        if scratch == "":
            scratch = names[1]
            s3_server.make_bucket(scratch, days=days, locked=locked)
        return Probed(server=s3_server, bucket=names[0], folder=tmp_path, scratch=scratch, **more)

    return build


def wide(found: Probe) -> dict[str, str]:
    return {each.attempt: each.came for each in found.tried if each.attempt in OF_BUCKETS}


def reasons(found: Probe) -> set[str]:
    return {str(each.why) for each in found.tried if each.attempt in OF_BUCKETS}


def settings(server: S3Server, bucket: str) -> dict[str, Any]:
    client = server.client()
    asked = ("get_bucket_versioning", "get_object_lock_configuration", "get_bucket_lifecycle_configuration")
    found: dict[str, Any] = {}
    for each in (*asked, "get_bucket_policy"):
        try:
            found[each] = getattr(client, each)(Bucket=bucket)
            found[each].pop("ResponseMetadata")
        except ClientError as error:
            found[each] = error.response["Error"]["Code"]
    return found


def test_whoever_could_change_a_bucket_is_told_and_it_is_put_back(make: Callable[..., Probed]) -> None:
    probed = make(prober="admin")
    assert probed.scratch is not None
    client = probed.server.client()
    rule = {"ID": "mine", "Filter": {"Prefix": "tmp/"}, "Status": "Enabled", "Expiration": {"Days": 9}}
    client.put_bucket_lifecycle_configuration(Bucket=probed.scratch, LifecycleConfiguration={"Rules": [rule]})
    before = [settings(probed.server, name) for name in (probed.scratch, probed.bucket)]
    found = probed.run()
    assert wide(found) == {
        "suspend-versioning": "refused",
        "change-default-retention": "succeeded",
        "remove-lock-configuration": "refused",
        "add-lifecycle": "succeeded",
        "change-policy": "succeeded",
    }
    assert [settings(probed.server, name) for name in (probed.scratch, probed.bucket)] == before
    assert {each.code for each in found.findings} == {"DRP-L027"}
    assert found.proven, "the locks of objects held all the same"


def test_keys_without_such_rights_show_nothing_of_the_lock(make: Callable[..., Probed]) -> None:
    probed = make(days=0, prober="admin")
    lie = lies.failing_on(
        lambda request: request.method == "PUT" and "versioning" in request.query,
        lambda: lies.error(403, "AccessDenied"),
    )
    with LyingStore(probed.server, lie) as store:
        found = replace(probed, endpoint=store.endpoint).run()
    assert wide(found)["suspend-versioning"] == "undecided"
    assert "DRP-L023" in {each.code for each in found.findings}


def test_the_repositorys_own_bucket_is_never_the_scratch_bucket(make: Callable[..., Probed]) -> None:
    probed = make(scratch=None, prober="admin")
    found = replace(probed, scratch=probed.bucket).run()
    assert set(wide(found).values()) == {"not-probed"}
    before = settings(probed.server, probed.bucket)
    with LyingStore(probed.server, lies.known_also_as("another-name", probed.bucket)) as store:
        found = replace(probed, scratch="another-name", endpoint=store.endpoint).run()
        sent = {each.method for each in store.requests if not each.key and each.bucket == "another-name"}
    assert set(wide(found).values()) == {"not-probed"}
    assert reasons(found) == {"the scratch bucket is the repository's own"}
    assert "PUT" not in sent
    assert settings(probed.server, probed.bucket) == before


@pytest.mark.parametrize("odd", ["plain", "absent", "unnamed"])
def test_what_is_no_bucket_under_lock_is_not_probed(make: Callable[..., Probed], odd: str) -> None:
    probed = make(locked=odd != "plain", prober="admin")
    if odd != "plain":
        probed.scratch = "nowhere-at-all" if odd == "absent" else None
    found = probed.run()
    assert set(wide(found).values()) == {"not-probed"}
    assert all(reasons(found))
    assert found.proven, shown(found)


def test_a_store_that_suspends_versioning_under_a_lock_is_condemned(make: Callable[..., Probed]) -> None:
    probed = make(prober="admin")
    states = ["Enabled"]

    def lie(_: LyingStore, request: Request) -> Response | None:
        if "versioning" not in request.query:
            return None
        if request.method == "PUT":
            states.append("Suspended" if b"Suspended" in request.body else "Enabled")
            return lies.done(200)
        body = f"<VersioningConfiguration><Status>{states[-1]}</Status></VersioningConfiguration>"
        return Response(200, {"Content-Type": "application/xml"}, body.encode())

    with LyingStore(probed.server, lie) as store:
        found = replace(probed, endpoint=store.endpoint).run()
    assert wide(found)["suspend-versioning"] == "succeeded"
    assert states[-1] == "Enabled", "it was put back"
    assert "DRP-L027" in {each.code for each in found.findings}


def test_under_legal_hold_no_refusal_is_the_retentions_and_another_object_is_made(make: Callable[..., Probed]) -> None:
    probed = make(scratch=None)
    first = probed.run()
    place, _, version = first.subject.rpartition("@")
    key = place.partition(f"/{probed.bucket}/")[2]
    hold: dict[str, Any] = {"Bucket": probed.bucket, "Key": key, "VersionId": version}
    probed.server.client().put_object_legal_hold(**hold, LegalHold={"Status": "ON"})
    second = probed.run(first)
    assert second.subject != first.subject
    assert second.proven
    assert not second.findings


_PROGRAM = "import pickle, sys; pickle.loads(sys.stdin.buffer.read()).run()"


@pytest.mark.parametrize("request_number", [9, 40])
def test_killed_midway_the_next_run_finds_all_that_it_left(make: Callable[..., Probed], request_number: int) -> None:
    probed = make(scratch=None)
    started: list[int] = []

    def lie(store: LyingStore, _: Request) -> Response | None:
        if len(store.requests) == request_number:
            os.kill(started[0], signal.SIGKILL)
            return Response(0, cut=True)
        return None

    with LyingStore(probed.server, lie) as store:
        server = S3Server(probed.server.folder)
        server.identities, server.ports = probed.server.identities, probed.server.ports
        sent = replace(probed, endpoint=store.endpoint, server=server)
        child = subprocess.Popen([sys.executable, "-c", _PROGRAM], stdin=subprocess.PIPE)
        started.append(child.pid)
        child.communicate(pickle.dumps(sent), timeout=60)
    assert child.returncode == -signal.SIGKILL
    left = {key for key, *_ in probed.server.versions(probed.bucket)}
    found = probed.run()
    assert found.proven, shown(found)
    assert not found.findings
    now = probed.server.versions(probed.bucket)
    assert {key for key, *_ in now} == (left or {key for key, *_ in now})
    assert not any(marker for _, _, marker, _ in now)
