"""Tablespaces of a base backup in the format tar, unpacked in the ways in which people do that."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.postgres_bench import PROGRAMS, Bench, Failed, Production, Server, as_postgres

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def packed(postgres_production: Production) -> Path:
    """A backup of a cluster with a table in a tablespace: its base unpacked, the tablespace not."""
    folder = postgres_production.folder / "packed"
    as_postgres(["mkdir", folder.parent / "live" / "packed"])
    (folder.parent / "live" / "packed").rename(folder)
    as_postgres(["mkdir", folder / "space"])
    server = Server(folder / "data")
    subprocess.run(["cp", "-a", str(postgres_production.folder / "cold"), str(server.data)], check=True)
    server.configure("archive_mode = off")
    server.start()
    try:
        server.sql(f"create tablespace fast location '{folder}/space'")
        server.sql("create table dose tablespace fast as select generate_series(1, 77) as id")
        where = ["-h", server.host, "-U", "postgres", "-c", "fast"]
        as_postgres([PROGRAMS / "pg_basebackup", *where, "-D", folder / "tar", "-Ft", "-X", "fetch"])
    finally:
        server.stop()
    base = folder / "base"
    base.mkdir()
    unpack(folder / "tar/base.tar", base)
    shutil.copy(folder / "tar/backup_manifest", base)
    return folder


def unpack(archive: Path, into: Path) -> None:
    into.mkdir(parents=True, exist_ok=True)
    subprocess.run(["tar", "xf", str(archive), "-C", str(into)], check=True)


def space(packed: Path) -> Path:
    (archive,) = (packed / "tar").glob("[0-9]*.tar")
    return archive


def in_place(packed: Path, root: Path) -> None:
    unpack(space(packed), root / "pg/pg_tblspc" / space(packed).stem)


def where_it_was(packed: Path, root: Path) -> None:
    unpack(space(packed), Path(f"{root}{packed}/space"))


@pytest.mark.parametrize("place", [in_place, where_it_was])
def test_a_tablespace_is_found_where_it_was_unpacked(
    postgres_bench: Bench, packed: Path, place: Callable[[Path, Path], None]
) -> None:
    postgres_bench.lay((packed / "base", "pg"), change=lambda root: place(packed, root))
    told = postgres_bench.start()
    assert (postgres_bench.ask("select count(*) from dose"), told["base_verified"]) == ("77", True)


def test_a_tablespace_that_was_left_out_is_missed(postgres_bench: Bench, packed: Path) -> None:
    postgres_bench.lay((packed / "base", "pg"))
    with pytest.raises(Failed, match=r"pg_tblspc/.* is present in the manifest but not on disk"):
        postgres_bench.start()
