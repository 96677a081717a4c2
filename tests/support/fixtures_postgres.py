"""A PostgreSQL of production, built once, and the sandbox in which its backups are brought back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from drp.sandboxes.bubblewrap.driver import BubblewrapSandbox
from tests.support.fixtures_sandboxes import Rig, resolve
from tests.support.postgres_bench import Bench, Production
from tests.support.scratch import MEMORY, scratch


@pytest.fixture(scope="session")
def postgres_production() -> Iterator[Production]:
    with scratch("drp-test-production", MEMORY) as folder:
        production = Production(folder)
        production.build()
        yield production


@pytest.fixture(scope="session")
def postgres_bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("postgres-bench")
    rig = Rig(BubblewrapSandbox(folder, resolve=resolve), folder)
    bench = Bench(rig)
    yield bench
    assert rig.driver.destroy(bench.handle).clean
