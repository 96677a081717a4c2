"""Fixtures of every suite are registered here, one module a part."""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("drp", deadline=None)  # how long an example takes says nothing on a busy machine
settings.load_profile("drp")

EXPENSIVE = ("lost_hospital", "stage", "hospital", "postgres_production")
"""Fixtures that take long to make; whoever uses one comes first, so that no process is left with it in the end."""
SHARED = {"lost_hospital", "hospital", "postgres_production"}
"""Whoever uses one of these runs in the same process; a stage is made in half a minute, wherever it is needed."""
LONGEST = "test_killed_drills"


@pytest.hookimpl(tryfirst=True)  # before the groups are read
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a file's tests together when several processes run the suites, and begin with what takes longest."""

    def expensive(item: pytest.Item) -> str | None:
        return next((name for name in EXPENSIVE if name in getattr(item, "fixturenames", ())), None)

    for item in items:
        name = expensive(item)
        item.add_marker(pytest.mark.xdist_group(name if name in SHARED else item.nodeid.partition("::")[0]))
    items.sort(key=lambda item: ((*EXPENSIVE, None).index(expensive(item)), item.path.stem != LONGEST))


pytest_plugins: list[str] = [
    "tests.support.damage_matrix",
    "tests.support.fixtures_journal",
    "tests.support.fixtures_hospital",
    "tests.support.fixtures_repositories",
    "tests.support.fixtures_buckets",
    "tests.support.fixtures_verifiers",
    "tests.support.fixtures_hashing",
    "tests.support.fixtures_records",
    "tests.support.fixtures_rig",
    "tests.support.fixtures_sandboxes",
    "tests.support.fixtures_runbooks",
    "tests.support.fixtures_postgres",
    "tests.support.fixtures_mariadb",
    "tests.support.fixtures_cores",
    "tests.support.fixtures_anybody",
]
