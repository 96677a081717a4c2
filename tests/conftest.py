"""Fixtures of every suite are registered here, one module a part."""

from __future__ import annotations

pytest_plugins: list[str] = [
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
]
