"""Fixtures of repositories: the S3 server of the session, both restic versions, secrets by reference."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from drp.command import run
from drp.domain.application import Application, Objectives, PointFilter
from drp.domain.ports import Repository
from drp.domain.recovery_point import RecoveryPoint
from drp.domain.restore import RESTORED, CellSecret, RestoreOrder, RestoreOutcome, SecretReference
from tests.support import restic_tools
from tests.support.restic_tools import Restic, make_tree
from tests.support.s3_server import S3Server


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server with Object Lock; tests make buckets of their own on it."""
    with S3Server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def bucket_name() -> str:
    """A bucket name that nobody else uses."""
    return f"restic-{uuid.uuid4().hex[:12]}"


@pytest.fixture(params=restic_tools.KINDS)
def restic_program(request: pytest.FixtureRequest) -> Path:
    """Both restic versions, one after the other."""
    return restic_tools.executable(request.param)


def resolve(reference: SecretReference) -> str:
    """Read a secret from its file."""
    assert reference.kind == "file"
    return Path(reference.value[0]).read_text(encoding="utf-8").strip()


def carry_out(order: RestoreOrder, secrets: Sequence[CellSecret], target: Path) -> RestoreOutcome:
    """Do what the restore cell does with an order, without its walls: same command, secrets by memfd, other paths."""
    values = {secret.name: secret.rendered(resolve) for secret in secrets}
    moved = {inside: outside for outside, inside in order.read_only_binds.items()}
    moved[RESTORED] = str(target)
    moved |= {f"/run/base/tool/{Path(path).name}": path for path in order.executables}
    cache = target.parent / f"cell-cache-{target.name}"
    cache.mkdir(exist_ok=True)
    output = run(
        [moved.get(word, word) for word in order.argv],
        timeout_seconds=200,
        environment={**order.environment, "RESTIC_CACHE_DIR": str(cache)},
        secrets={variable: values[name] for variable, name in order.secrets.items()},
        check=False,
    )
    summary: dict[str, object] = {}
    for line in output.stdout.splitlines():
        if line.startswith("{") and json.loads(line).get("message_type") == "summary":
            summary = json.loads(line)
    errors = tuple(line for line in output.tail if line.startswith("ignoring error") or '"error"' in line)
    return RestoreOutcome(exit_code=output.exit_code, summary=summary, errors=errors, tail=output.tail)


@dataclass
class RepositoryWorld:
    """A repository with three points of one application and one of another, made for real."""

    repository: Repository
    application: Application
    ids: tuple[str, ...]
    """Newest first."""
    secrets: tuple[str, ...]
    """Values that must appear nowhere."""
    source: Path
    """What the newest point holds."""
    absent: Repository
    """The same settings where nothing is."""

    @cached_property
    def newest(self) -> RecoveryPoint:
        """The newest point, listed once: each listing takes restic a second."""
        return self.repository.points(self.application).points[0]


def application(name: str = "ehr", **wanted: Any) -> Application:
    """Return an application whose points are chosen by the given filter."""
    return Application(
        name=name,
        title=name.upper(),
        tier=0,
        objectives=Objectives(rto=timedelta(hours=4), rpo=timedelta(hours=24)),
        repositories=("main",),
        points=PointFilter(**wanted),
        runbook=None,
    )


def fill(writer: Restic, folder: Path) -> tuple[tuple[str, ...], Path]:
    """Back up three states of one application and one of another; return the three ids, newest first."""
    writer.init()
    ids = []
    source = make_tree(folder / "ehr", files=6)
    for state in range(3):
        (source / "state").write_text(str(state), encoding="ascii")
        tags = ("ehr", f"drp-manifest={state:064x}")
        ids.append(writer.backup(source, tags=tags))
    writer.backup(make_tree(folder / "lis", files=2, seed=2), tags=("lis",), host="lis-db")
    return tuple(reversed(ids)), source


def keep_secret(folder: Path, name: str, value: str) -> SecretReference:
    """Keep a secret in a file and return the reference to it."""
    path = folder / f"{name}.secret"
    path.write_text(value + "\n", encoding="utf-8")
    path.chmod(0o600)
    return SecretReference(kind="file", value=(str(path),))
