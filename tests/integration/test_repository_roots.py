"""Where restored trees begin, and endpoints with certificates of their own: with both restic versions, for real."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from drp.domain.repository import DirectoryLocation
from drp.errors import Unreachable
from drp.repositories.kind import create
from drp.repositories.restic.settings import ResticSettings
from tests.support.fixtures_repositories import application, carry_out, keep_secret, resolve
from tests.support.locations import s3_location
from tests.support.restic_tools import PASSWORD, Restic, make_tree
from tests.support.s3_server import S3Server

pytestmark = pytest.mark.real
EHR = application(tags=("ehr",))


def test_the_root_is_right_however_the_backup_was_started(restic_program: Path, tmp_path: Path) -> None:
    job = tmp_path / "job"
    tree = make_tree(job / "srv" / "ehr", files=2)
    make_tree(tree / "nested", files=1)
    writer = Restic(restic_program, str(tmp_path / "repository")).init()
    starts = {
        writer.backup(tree, tags=("ehr",)): str(tree),
        writer.backup("srv/ehr", tags=("ehr",), cwd=job): "/srv/ehr",
        writer.backup("ehr", tags=("ehr",), cwd=job / "srv"): "/ehr",
        writer.backup(".", tags=("ehr",), cwd=tree): "/",
        writer.backup("../ehr", tags=("ehr",), cwd=tree): "/ehr",
    }
    settings = ResticSettings(
        name="main",
        location=DirectoryLocation(path=tmp_path / "repository"),
        password=keep_secret(tmp_path, "password", PASSWORD),
        executable=str(restic_program),
    )
    repository = create(settings, resolve=resolve, cache_directory=tmp_path / "cache")
    points = repository.points(EHR).points
    assert {point.id for point in points} == set(starts)
    for point in points:
        order = repository.restore_order(point)
        assert order.source_root == starts[point.id]
    newest = repository.restore_order(points[0])
    carry_out(newest, repository.secrets(), tmp_path / "restored")
    restored = tmp_path / "restored" / newest.source_root.lstrip("/")
    assert sorted(path.name for path in restored.iterdir()) == sorted(path.name for path in tree.iterdir())


@pytest.fixture(scope="module")
def secure_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with S3Server(tmp_path_factory.mktemp("s3-secure"), secure=True) as server:
        yield server


def test_an_endpoint_with_its_own_authority(
    restic_program: Path, secure_server: S3Server, bucket_name: str, tmp_path: Path
) -> None:
    url = secure_server.make_bucket(bucket_name)
    environment = secure_server.environment("writer") | {"RESTIC_CACERT": str(secure_server.ca_file)}
    writer = Restic(restic_program, url, environment=environment)
    writer.init()
    source = make_tree(tmp_path / "source", files=3)
    writer.run("--cacert", str(secure_server.ca_file), "backup", "--tag", "ehr", str(source))
    reader = secure_server.identities["ro_lock"]
    location = s3_location(
        url,
        access_key=keep_secret(tmp_path, "access", reader.access_key),
        secret_key=keep_secret(tmp_path, "secret", reader.secret_key),
        ca_file=secure_server.ca_file,
    )
    settings = ResticSettings(
        name="worm",
        location=location,
        password=keep_secret(tmp_path, "password", PASSWORD),
        executable=str(restic_program),
    )
    repository = create(settings, resolve=resolve, cache_directory=tmp_path / "cache")
    (point,) = repository.points(EHR).points
    order = repository.restore_order(point)
    assert order.read_only_binds == {str(secure_server.ca_file): "/run/base/repository-ca.pem"}
    receipt = repository.receipt(point, carry_out(order, repository.secrets(), tmp_path / "restored"))
    assert (receipt.unrestored, receipt.files_restored > 3) == ((), True)
    stranger = create(
        replace(settings, location=replace(location, ca_file=None)), resolve=resolve, cache_directory=tmp_path / "other"
    )
    with pytest.raises(Unreachable) as caught:
        stranger.preflight()
    assert "ca_file" in str(caught.value)
