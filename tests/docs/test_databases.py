"""The page about databases, on servers of PostgreSQL and MariaDB that run."""

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

(PAGE,) = (page for page in PAGES if page.name == "databases.md")


@pytest.fixture
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


def test_databases_come_back_as_the_page_says(servers: dict[str, str], tmp_path: Path):
    told = follow(PAGE, tmp_path, servers)
    for each in told:
        assert absent(each) is None, f"block of line {each.block.line}:\n{each.said}"
