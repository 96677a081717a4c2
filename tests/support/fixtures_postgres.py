"""A PostgreSQL of production, built once, and the sandbox in which its backups are brought back."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from drp.sandboxes.bubblewrap import BubblewrapSandbox
from tests.support.fixtures_sandboxes import Rig, resolve
from tests.support.postgres_bench import Bench, Production


@pytest.fixture(scope="session")
def postgres_production() -> Iterator[Production]:
    folder = Path(f"/dev/shm/drp-test-production-{os.getpid()}")
    folder.mkdir(mode=0o755)
    try:
        production = Production(folder)
        production.build()
        yield production
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("postgres-bench")
    rig = Rig(BubblewrapSandbox(folder, resolve=resolve), folder)
    bench = Bench(rig)
    yield bench
    assert rig.driver.destroy(bench.handle).clean
