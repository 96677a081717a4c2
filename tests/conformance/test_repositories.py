"""The Repository contract on every location, with both restic versions, and on the simulator."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drp.domain.repository import DirectoryLocation, Location, MediumLocation
from drp.errors import RepositoryError
from drp.repositories.kind import create
from drp.repositories.restic.settings import ResticSettings
from tests.conformance.repository_contract import RepositoryContract
from tests.simulators.repository import RepositorySimulator, locked_until, points_every
from tests.support.fixtures_repositories import RepositoryWorld, application, fill, keep_secret, resolve
from tests.support.locations import s3_location
from tests.support.restic_tools import KINDS, PASSWORD, Restic, executable
from tests.support.s3_server import S3Server


@pytest.fixture(scope="module", params=[f"{place}-{kind}" for place in ("local", "s3", "medium") for kind in KINDS])
def restic_world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, s3_server: S3Server
) -> RepositoryWorld:
    place, _, kind = request.param.partition("-")
    folder = tmp_path_factory.mktemp(request.param)
    program = executable(kind)
    location: Location
    nowhere: Location
    writer, secrets = Restic(program, str(folder / "repository")), [PASSWORD]
    if place == "local":
        location = DirectoryLocation(path=folder / "repository")
        nowhere = DirectoryLocation(path=folder / "nowhere")
    elif place == "medium":
        mount = folder / "medium"
        mount.mkdir()
        (mount / ".drp-medium").write_text("weekly-3\n", encoding="utf-8")
        writer = Restic(program, str(mount / "restic"))
        location = MediumLocation(mount=mount, label="weekly-3", path="restic")
        nowhere = replace(location, label="weekly-4")
    else:
        bucket = f"conform-{uuid.uuid4().hex[:10]}"
        reader = s3_server.identities["ro_lock"]
        secrets += [reader.access_key, reader.secret_key]
        url = s3_server.make_bucket(bucket)
        writer = Restic(program, url, environment=s3_server.environment("writer"))
        location = s3_location(
            url,
            access_key=keep_secret(folder, "access", reader.access_key),
            secret_key=keep_secret(folder, "secret", reader.secret_key),
        )
        nowhere = replace(location, bucket=f"{bucket}-nowhere")
    ids, source = fill(writer, folder)
    settings = ResticSettings(
        name="main", location=location, password=keep_secret(folder, "password", PASSWORD), executable=str(program)
    )
    return RepositoryWorld(
        repository=create(settings, resolve=resolve, cache_directory=folder / "cache"),
        application=application(tags=("ehr",)),
        ids=ids,
        secrets=tuple(secrets),
        source=source,
        absent=create(replace(settings, location=nowhere), resolve=resolve, cache_directory=folder / "cache"),
    )


@pytest.mark.real
class TestResticRepository(RepositoryContract):
    @pytest.fixture
    def world(self, restic_world: RepositoryWorld) -> RepositoryWorld:
        return restic_world


class TestRepositorySimulator(RepositoryContract):
    @pytest.fixture
    def world(self, tmp_path: Path) -> RepositoryWorld:
        newest = datetime(2026, 1, 5, 3, tzinfo=UTC)
        points = points_every(timedelta(days=1), newest, 3)
        silent = [RepositoryError("scripted")]
        return RepositoryWorld(
            repository=RepositorySimulator(
                held=points, protection={points[0].id: locked_until(newest + timedelta(days=30))}
            ),
            application=application(tags=("ehr",)),
            ids=tuple(point.id for point in points),
            secrets=(),
            source=tmp_path,
            absent=RepositorySimulator(faults={"preflight": list(silent), "points": list(silent)}),
        )
