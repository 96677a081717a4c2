"""Least rights, tried on a real store: each purpose can do its work with its policy, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from drp.domain.application import Application, Objectives, PointFilter
from drp.domain.repository import S3Location, WaitLimits, WriteKeys
from drp.domain.worm.attestation import WeakObject
from drp.domain.worm.policies import PURPOSES, Granted, policy
from drp.repositories.kind import create
from drp.repositories.locations.stored import stored_objects
from drp.repositories.restic.settings import ResticSettings
from drp.repositories.worm.extending import extend, extender
from tests.support.fixtures_repositories import carry_out, keep_secret, resolve
from tests.support.locations import s3_location
from tests.support.probing import Probed, shown
from tests.support.restic_tools import Restic, executable, make_tree
from tests.support.s3_server import S3Server

GRANTED = Granted(bucket="shared", prefix="site/ehr", scratch_bucket="scratch", removes_locks_below="locks")


@dataclass
class Vault:
    server: S3Server
    writer: Restic
    """The backup job, with its own policy."""
    point: str
    source: Path

    def location(self, role: str, folder: Path) -> S3Location:
        who = self.server.identities[role]
        return s3_location(
            f"s3:{self.server.endpoint}/shared/site/ehr",
            access_key=keep_secret(folder, f"{role}-access", who.access_key),
            secret_key=keep_secret(folder, f"{role}-secret", who.secret_key),
            session_token=keep_secret(folder, f"{role}-token", who.token or ""),
        )


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vault]:
    """A repository below a prefix of a bucket that others use too, backed up with the job's policy alone."""
    folder = tmp_path_factory.mktemp("policies")
    governed = Granted(bucket="shared", prefix="site/ehr", mode="governance")
    documents = {each: policy(each, GRANTED) for each in PURPOSES} | {"soft-probe": policy("probe", governed)}
    with S3Server(folder / "s3", policies=documents) as server:
        url = server.make_bucket("shared")
        server.make_bucket("scratch")
        server.client().put_object(Bucket="shared", Key="site/other/config", Body=b"of others")
        for role in documents:
            server.assume(role)
        password = "correct-horse"
        Restic(executable("current"), f"{url}/site/ehr", password, server.environment("writer")).init()
        job = Restic(executable("current"), f"{url}/site/ehr", password, server.environment("backup"))
        source = make_tree(folder / "source", files=4)
        yield Vault(server, job, job.backup(source, tags=("ehr",)), source)


def may(server: S3Server, role: str) -> set[str]:
    """Return what a role may do, of all that anybody could want."""
    client, admin, key = server.client(role), server.client(), "site/ehr/config"
    (version,) = [
        each["VersionId"] for each in admin.list_object_versions(Bucket="shared", Prefix=key)["Versions"][-1:]
    ]
    until = datetime.now(UTC) + timedelta(days=40)
    one = {"Bucket": "shared", "Key": key}
    wanted: dict[str, Callable[[], Any]] = {
        "list": lambda: client.list_objects_v2(Bucket="shared", Prefix="site/ehr/"),
        "list others": lambda: client.list_objects_v2(Bucket="shared", Prefix="site/other/"),
        "list all": lambda: client.list_objects_v2(Bucket="shared"),
        "list versions": lambda: client.list_object_versions(Bucket="shared", Prefix="site/ehr/"),
        "list own": lambda: client.list_object_versions(Bucket="shared", Prefix="site/ehr/drp-probe/"),
        "read": lambda: client.get_object(**one),
        "read version": lambda: client.get_object(**one, VersionId=version),
        "read others": lambda: client.get_object(Bucket="shared", Key="site/other/config"),
        "retention": lambda: client.get_object_retention(**one, VersionId=version),
        "hold": lambda: client.get_object_legal_hold(**one, VersionId=version),
        "lock": lambda: client.get_object_lock_configuration(Bucket="shared"),
        "versioning": lambda: client.get_bucket_versioning(Bucket="shared"),
        "lifecycle": lambda: client.get_bucket_lifecycle_configuration(Bucket="shared"),
        "policy": lambda: client.get_bucket_policy(Bucket="shared"),
        "write": lambda: client.put_object(Bucket="shared", Key="site/ehr/trial", Body=b"x"),
        "write own": lambda: client.put_object(Bucket="shared", Key="site/ehr/drp-probe/trial", Body=b"x"),
        "write others": lambda: client.put_object(Bucket="shared", Key="site/other/trial", Body=b"x"),
        "hide": lambda: client.delete_object(Bucket="shared", Key="site/ehr/trial"),
        "hide lock": lambda: client.delete_object(Bucket="shared", Key="site/ehr/locks/trial"),
        "delete": lambda: client.delete_object(**one, VersionId=version),
        "extend": lambda: client.put_object_retention(
            **one, VersionId=version, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": until}
        ),
        "set versioning": lambda: client.put_bucket_versioning(
            Bucket="shared", VersioningConfiguration={"Status": "Enabled"}
        ),
        "set lifecycle": lambda: client.delete_bucket_lifecycle(Bucket="shared"),
        "set policy": lambda: client.delete_bucket_policy(Bucket="shared"),
    }
    return {name for name, ask in wanted.items() if _allowed(ask)}


def _allowed(ask: Callable[[], Any]) -> bool:
    try:
        ask()
    except ClientError as error:
        return error.response["Error"]["Code"] != "AccessDenied"
    return True


SEEING = {"list", "list versions", "list own", "read", "read version"}


@pytest.mark.parametrize(
    ("role", "able"),
    [
        ("reader", SEEING | {"retention", "hold", "lock", "versioning", "lifecycle", "policy"}),
        ("scrubber", SEEING),
        ("backup", {"list", "read", "write", "write own", "hide lock"}),
        ("probe", {"list own", "write own", "lock"}),
        ("soft-probe", {"list own", "write own", "lock"}),
        ("extend", {"retention", "extend"}),
    ],
)
def test_each_purpose_may_do_its_work_and_nothing_else(shared: Vault, role: str, able: set[str]) -> None:
    assert may(shared.server, role) == able


def test_a_backup_job_adds_and_can_forget_nothing(shared: Vault) -> None:
    kept = {each for each in shared.server.versions("shared") if "/locks/" not in each[0]}
    shared.writer.run("forget", "--prune", "--keep-last", "1", "--group-by", "", check=False)
    shared.writer.run("forget", shared.point[:8], check=False)
    assert kept <= set(shared.server.versions("shared"))
    assert shared.point in {each["id"] for each in shared.writer.snapshots()}


def test_a_reader_sees_locks_and_restores(shared: Vault, tmp_path: Path) -> None:
    settings = ResticSettings(
        name="worm",
        location=shared.location("reader", tmp_path),
        password=keep_secret(tmp_path, "password", shared.writer.password),
        executable=str(shared.writer.program),
        limits=WaitLimits(command_seconds=60, idle_seconds=30),
    )
    repository = create(settings, resolve=resolve, cache_directory=tmp_path / "cache")
    application = Application(
        name="ehr",
        title="EHR",
        tier=0,
        objectives=Objectives(rto=timedelta(hours=1), rpo=timedelta(hours=1)),
        repositories=("worm",),
        points=PointFilter(tags=("ehr",)),
        runbook=None,
    )
    point = next(each for each in repository.points(application).points if each.id == shared.point)
    seen = repository.immutability(point)
    assert (seen.mode, seen.provenance) == ("compliance", "observed")
    order = repository.restore_order(point)
    receipt = repository.receipt(point, carry_out(order, repository.secrets(), tmp_path / "restored"))
    assert not receipt.unrestored
    assert receipt.files_restored >= 4


def test_a_scrubber_reads_every_version(shared: Vault, tmp_path: Path) -> None:
    objects = stored_objects("worm", shared.location("scrubber", tmp_path), resolve, WaitLimits())
    found = [each for each in objects.versions() if not each.marker and each.key.startswith(("data/", "keys/"))]
    assert found
    for each in found:
        assert sum(map(len, objects.read(each.key, each.version))) == each.size


def test_a_probe_proves_the_lock_with_its_policy_and_puts_the_scratch_bucket_back(
    shared: Vault, tmp_path: Path
) -> None:
    probed = Probed(
        server=shared.server, bucket="shared", folder=tmp_path, prober="probe", reader="reader", scratch="scratch"
    )
    found = probed.run()
    assert found.proven, shown(found)
    assert not found.findings
    wide = {each.attempt: (each.came, each.ground) for each in found.tried if each.by == "probe"}
    assert wide["suspend-versioning"] == ("refused", "lock")
    assert wide["change-default-retention"] == ("refused", "rights")
    soft = Probed(
        server=shared.server, bucket="shared", folder=tmp_path, prober="soft-probe", reader="reader", mode="governance"
    ).run()
    assert soft.proven, shown(soft)


def test_extending_keys_extend(shared: Vault, tmp_path: Path) -> None:
    location = shared.location("extend", tmp_path)
    keys = WriteKeys(
        access_key=location.access_key, secret_key=location.secret_key, session_token=location.session_token
    )
    (version,) = [each[1] for each in shared.server.versions("shared") if each[0] == "site/ehr/config"]
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=90)
    weak = WeakObject(key="config", version=version, mode="compliance", until=None)
    writer = extender("worm", location, keys, resolve, WaitLimits())
    (came,) = extend(writer, (weak,), until)
    assert (came.came, came.until) == ("extended", until)
