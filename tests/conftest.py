"""Fixtures of every suite are registered here, one module a part."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import settings

settings.register_profile("drp", deadline=None)  # how long an example takes says nothing on a busy machine
settings.load_profile("drp")

TOGETHER = (
    "lost_hospital",
    "stage",
    "hospital",
    "postgres_production",
    "vault",
    "logs",
    "s3_server",
    "postgres_server",
)
"""Fixtures of the session that take long to make: whoever uses one runs in one process, and those that last longest begin."""


@pytest.hookimpl(tryfirst=True)  # before the groups are read
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep what shares a fixture or a file together when several processes run the suites, and begin with what takes longest.

    Otherwise one process ends long after the others. Files with slow tests come before those with many.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    many = Counter(item.path for item in items)

    def shared(item: pytest.Item) -> str | None:
        return next((name for name in TOGETHER if name in getattr(item, "fixturenames", ())), None)

    for item in items:
        item.add_marker(pytest.mark.xdist_group(shared(item) or item.nodeid.partition("::")[0]))
    items.sort(key=lambda item: ((*TOGETHER, None).index(shared(item)), item.path not in slow, -many[item.path]))


pytest_plugins: list[str] = [
    "tests.support.damage_matrix",
    "tests.support.warm",
    "tests.support.fixtures_journal",
    "tests.support.fixtures_hospital",
    "tests.support.fixtures_repositories",
    "tests.support.fixtures_buckets",
    "tests.support.fixtures_scrub",
    "tests.support.fixtures_verifiers",
    "tests.support.fixtures_file_systems",
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
