"""The Repository contract on every location, with both restic versions, and on the simulator."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from drp.domain.repository import DirectoryLocation, Location, MediumLocation
from drp.errors import RepositoryError
from drp.repositories.kind import create
from drp.repositories.locations.rest.entry import rest_address
from drp.repositories.locations.rest.location import RestLocation
from drp.repositories.restic.settings import ResticSettings
from tests.conformance.repository_contract import RepositoryContract
from tests.simulators.repository import RepositorySimulator, locked_until, points_every
from tests.support import rest_server
from tests.support.copies import NAMES, copies_settings, linked_copies, state_of
from tests.support.fixtures_repositories import RepositoryWorld, application, carry_out, fill, keep_secret, resolve
from tests.support.locations import s3_location
from tests.support.rest_server import RestServer
from tests.support.restic_tools import KINDS, PASSWORD, Restic, executable, make_tree
from tests.support.s3_server import S3Server


@pytest.fixture(scope="module")
def append_only(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RestServer]:
    folder = tmp_path_factory.mktemp("served")
    with rest_server.rest_server(folder, append_only=True) as server:
        yield server


@pytest.fixture(
    scope="module", params=[f"{place}-{kind}" for place in ("local", "s3", "medium", "rest") for kind in KINDS]
)
def restic_world(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    s3_server: S3Server,
    append_only: RestServer,
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
    elif place == "rest":
        path = kind
        writer = Restic(program, str(append_only.folder / path))
        secrets += [rest_server.PASSWORD, quote(rest_server.PASSWORD, safe="")]
        location = RestLocation(
            address=rest_address(f"{append_only.url}/{path}"),
            user=keep_secret(folder, "user", rest_server.USER),
            password=keep_secret(folder, "server-password", rest_server.PASSWORD),
        )
        nowhere = replace(location, address=rest_address(f"{append_only.url}/nowhere"))
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


@pytest.fixture(scope="module", params=["directory", "medium"])
def copies_world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RepositoryWorld:
    folder = tmp_path_factory.mktemp(f"copies-{request.param}")
    source, kept = make_tree(folder / "source", files=6), folder / "kept"
    linked_copies(source, kept / "ehr")
    linked_copies(make_tree(folder / "lis", files=2, seed=2), kept / "lis", NAMES[:1])
    (kept / "ehr" / "latest").symlink_to(NAMES[-1])
    location: Location = DirectoryLocation(path=kept)
    nowhere: Location = DirectoryLocation(path=folder / "nowhere")
    if request.param == "medium":
        (kept / ".drp-medium").write_text("weekly-3\n", encoding="utf-8")
        location = MediumLocation(mount=kept, label="weekly-3")
        nowhere = replace(location, label="weekly-4")
    settings = copies_settings(kept, location=location)
    repository = create(settings, resolve=resolve, cache_directory=folder / "cache")
    points = repository.points(application(tags=("ehr",))).points
    return RepositoryWorld(
        repository=repository,
        application=application(tags=("ehr",)),
        ids=tuple(point.id for name in reversed(NAMES) for point in points if f"folder=ehr/{name}" in point.tags),
        secrets=(),
        source=source,
        absent=create(replace(settings, location=nowhere), resolve=resolve, cache_directory=folder / "cache"),
    )


@pytest.mark.real
class TestCopiesRepository(RepositoryContract):
    @pytest.fixture
    def world(self, copies_world: RepositoryWorld) -> RepositoryWorld:
        return copies_world

    def test_a_restore_brings_the_newest_state_back(self, world: RepositoryWorld, tmp_path: Path) -> None:
        order = world.repository.restore_order(world.newest)
        outcome = carry_out(order, (), tmp_path / "files")
        receipt = world.repository.receipt(world.newest, outcome)
        assert receipt.unrestored == ()
        assert receipt.files_restored == len([path for path in world.source.rglob("*") if path.is_file()])
        assert state_of(tmp_path / "files" / order.source_root.lstrip("/")) == state_of(world.source)


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
