"""The pages about databases and about several hosts, on servers of PostgreSQL and MariaDB that run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hospital.mariadb import served
from tests.support.docs import PAGES, absent, follow
from tests.support.postgres_bench import Server
from tests.support.scratch import scratch

pytestmark = [pytest.mark.real, pytest.mark.slow]

ON_SERVERS = ("databases.md", "several-hosts.md")


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, str]]:
    """Yield what says where they are: PostgreSQL by the environment, MariaDB by its option file."""
    with scratch("drp-test-databases") as folder:
        home, data = folder / "home", folder / "postgres" / "data"
        home.mkdir()
        data.parent.mkdir()
        shutil.chown(data.parent, "postgres", "postgres")
        postgres = Server(data)
        postgres.create("wal_level = replica\nmax_replication_slots = 4")
        postgres.start()
        try:
            with served(folder / "mariadb") as mariadb:
                (home / ".my.cnf").write_text(f"[client]\nsocket = {mariadb.socket}\nuser = root\n")
                yield {"PGHOST": str(postgres.host), "PGUSER": "postgres", "HOME": str(home)}
        finally:
            postgres.stop("immediate")


@pytest.mark.parametrize("page", [each for each in PAGES if each.name in ON_SERVERS], ids=lambda each: each.name)
def test_a_page_works_as_it_stands_on_servers_that_run(page: Path, servers: dict[str, str]):
    with scratch("drp-test-page") as folder:
        told = follow(page, folder, servers)
    for each in told:
        assert absent(each) is None, f"{page.name}, block of line {each.block.line}:\n{each.said}"
