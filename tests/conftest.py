"""Fixtures of every suite are registered here, one module a part."""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("drp", deadline=None)  # how long an example takes says nothing on a busy machine
settings.load_profile("drp")

SHARED = ("lost_hospital", "hospital", "stage", "postgres_production")
"""Fixtures that take long to make: whoever uses one runs in the same process, and first."""


@pytest.hookimpl(tryfirst=True)  # before the groups are read
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a file's tests together when several processes run the suites, and begin with what takes longest."""

    def shared(item: pytest.Item) -> str | None:
        return next((name for name in SHARED if name in getattr(item, "fixturenames", ())), None)

    for item in items:
        item.add_marker(pytest.mark.xdist_group(shared(item) or item.nodeid.partition("::")[0]))
    items.sort(key=lambda item: (*SHARED, None).index(shared(item)))


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
    "tests.support.fixtures_cores",
    "tests.support.fixtures_anybody",
]
