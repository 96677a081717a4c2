"""Restic repositories in buckets of a real server: one that everybody reads, and one to ruin."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from drp.domain.ports import Repository
from drp.domain.repository import WaitLimits
from drp.repositories.kind import create
from drp.repositories.restic.settings import ResticSettings
from tests.support.fixtures_repositories import keep_secret, resolve
from tests.support.locations import s3_location
from tests.support.restic_tools import KINDS, Restic, executable, make_tree
from tests.support.s3_server import Identity, S3Server


@dataclass(frozen=True)
class Bucket:
    server: S3Server
    name: str
    url: str
    writer: Restic
    password: str
    point: str
    source: Path


def make_repository(
    server: S3Server, program: Path, folder: Path, *, locked: bool = True, days: int = 1, mode: str = "COMPLIANCE"
) -> Bucket:
    name = f"faults-{uuid.uuid4().hex[:10]}"
    url = server.make_bucket(name, locked=locked, days=days, mode=mode)
    password = secrets.token_urlsafe(18)
    writer = Restic(program, f"{url}/site/ehr", password=password, environment=server.environment("writer")).init()
    source = make_tree(folder / name, files=4)
    return Bucket(server, name, f"{url}/site/ehr", writer, password, writer.backup(source, tags=("ehr",)), source)


@pytest.fixture(scope="session", params=KINDS)
def bucket(request: pytest.FixtureRequest, s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Bucket:
    """A healthy repository that tests leave as it is."""
    return make_repository(s3_server, executable(request.param), tmp_path_factory.mktemp("source"))


@pytest.fixture
def own_bucket(s3_server: S3Server, tmp_path: Path) -> Bucket:
    """A repository that the test may ruin."""
    return make_repository(s3_server, executable("current"), tmp_path)


@pytest.fixture
def repository_in(tmp_path: Path) -> Callable[..., Repository]:
    def build(
        bucket: Bucket,
        *,
        identity: Identity | None = None,
        url: str | None = None,
        password: str | None = None,
        audited: int = 400,
    ) -> Repository:
        reader = identity or bucket.server.identities["ro_lock"]
        location = s3_location(
            url or bucket.url,
            access_key=keep_secret(tmp_path, "access", reader.access_key),
            secret_key=keep_secret(tmp_path, "secret", reader.secret_key),
        )
        settings = ResticSettings(
            name="worm",
            location=location,
            password=keep_secret(tmp_path, "password", password or bucket.password),
            executable=str(bucket.writer.program),
            limits=WaitLimits(command_seconds=60, idle_seconds=30),
            audited_objects=audited,
        )
        return create(settings, resolve=resolve, cache_directory=tmp_path / "cache")

    return build
