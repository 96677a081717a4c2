"""Tools keep to the speed that their orders say, in both versions of restic and with copies, and bring all back."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from drp.domain.ports import Repository
from drp.domain.repository import DirectoryLocation
from drp.repositories.kind import create
from drp.repositories.restic.settings import ResticSettings
from tests.support.copies import copies
from tests.support.fixtures_repositories import application, carry_out, keep_secret, resolve
from tests.support.restic_tools import KINDS, PASSWORD, Restic, VersionKind, executable

pytestmark = pytest.mark.real
SIZE = 3 << 20
CAP = 1 << 20
BURST = CAP
"""What restic lets through at once before it counts: what it may read in a second."""
ANY = application()


def source_in(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "blob").write_bytes(os.urandom(SIZE))
    return folder


def restic(folder: Path, kind: VersionKind) -> Repository:
    writer = Restic(executable(kind), str(folder / "repository")).init()
    writer.backup(source_in(folder / "source"))
    settings = ResticSettings(
        name="main",
        location=DirectoryLocation(path=folder / "repository"),
        password=keep_secret(folder, "password", PASSWORD),
        executable=str(executable(kind)),
    )
    return create(settings, resolve=resolve, cache_directory=folder / "cache")


@pytest.mark.parametrize("kind", [*KINDS, "copies"])
def test_a_restore_keeps_to_its_cap_and_brings_all_back(tmp_path: Path, kind: str) -> None:
    if kind == "copies":
        source = source_in(tmp_path / "daily" / "2026-11-29T020000Z")
        repository: Repository = copies(tmp_path / "daily", "%Y-%m-%dT%H%M%SZ")
    else:
        repository, source = restic(tmp_path, "reduced" if kind == "reduced" else "current"), tmp_path / "source"
    (point,) = repository.points(ANY).points
    order = repository.restore_order(point).capped(CAP)
    assert order.bytes_per_second == CAP
    begun = time.monotonic()
    outcome = carry_out(order, repository.secrets(), tmp_path / "target")
    seconds = time.monotonic() - begun
    assert (SIZE - BURST) / seconds <= CAP, "whatever the load, it took at least as long as the cap makes it"
    receipt = repository.receipt(point, outcome)
    assert receipt.unrestored == ()
    restored = tmp_path / "target" / order.source_root.lstrip("/") / "blob"
    assert restored.read_bytes() == (source / "blob").read_bytes()
