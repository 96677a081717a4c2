"""A folder of dumps: what is loaded, what lies beside, and what the machine that drills lacks."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.postgres_bench import PROGRAMS, Bench, Failed, Production, Server, as_postgres, of_kind

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def dumps(postgres_production: Production) -> Path:
    """Dumps of three databases: one plain, one with an extension and a subscription, and their roles."""
    folder = postgres_production.folder / "dumping"
    folder.mkdir()
    shutil.chown(folder, "postgres", "postgres")
    kept = folder / "kept"
    as_postgres(["mkdir", kept])
    server = Server(folder / "data")
    subprocess.run(["cp", "-a", str(postgres_production.folder / "cold"), str(server.data)], check=True)
    server.configure("archive_mode = off\nwal_level = logical")
    server.start()
    where = ["-h", server.host, "-U", "postgres"]
    try:
        server.sql("create role clerk login; create database lis; create database odd", "postgres")
        server.sql("create table result as select generate_series(1, 50) as id", "lis")
        server.sql("create extension pg_trgm", "odd")
        server.sql("create subscription feed connection 'host=10.0.0.9' publication p with (connect = false)", "odd")
        as_postgres([PROGRAMS / "pg_dump", *where, "-Fc", "-f", kept / "ehr.dump", "ehr"])
        as_postgres([PROGRAMS / "pg_dump", *where, "-Ft", "-f", kept / "lis-of-tuesday", "lis"])
        as_postgres([PROGRAMS / "pg_dump", *where, "-Fd", "-f", kept / "odd", "odd"])
        as_postgres([PROGRAMS / "pg_dumpall", *where, "--globals-only", "-f", kept / "globals.sql"])
    finally:
        server.stop()
    return kept


def lay(bench: Bench, dumps: Path, change: Callable[[Path], object] | None = None) -> None:
    bench.lay((dumps, "dumps"), change=change and (lambda root: change(root / "dumps") and None))


def test_dumps_are_known_by_what_they_are(postgres_bench: Bench, dumps: Path) -> None:
    def change(folder: Path) -> None:
        (folder / "NOTES").write_text("made every night\n")
        (folder / "old.sql").write_text("--\n-- PostgreSQL database dump\n--\n")
        (folder / "ehr.dump.age").write_bytes(b"age-encryption.org/v1\n")
        (folder / "more.dmp.gz").write_bytes(b"\x1f\x8b\x08")
        (folder / "empty").mkdir()

    lay(postgres_bench, dumps, change)
    told = postgres_bench.start(dumps="dumps")
    assert sorted(told["databases"]) == ["ehr", "lis", "odd"]
    assert (postgres_bench.rows(), postgres_bench.ask("select count(*) from result", "lis")) == (400, "50")
    assert [one.partition(":")[0] for one in of_kind(told, "beside")] == ["dumps/NOTES"]
    assert [one.partition(":")[0] for one in of_kind(told, "unused")] == [
        "dumps/ehr.dump.age", "dumps/empty", "dumps/more.dmp.gz", "dumps/old.sql",
    ]  # fmt: skip
    assert of_kind(told, "held-back") == ["subscription feed: of database odd, disabled; no worker was started"]
    again = postgres_bench.start(dumps="dumps")
    assert (again["changed"], again["loaded"]) == (False, False)


def test_two_dumps_of_one_database_are_one_too_many(postgres_bench: Bench, dumps: Path) -> None:
    lay(postgres_bench, dumps, lambda folder: shutil.copy(folder / "ehr.dump", folder / "ehr-old.dump"))
    with pytest.raises(Failed, match=r"ehr-old\.dump and ehr\.dump are both of the database ehr"):
        postgres_bench.start(dumps="dumps")


def test_an_extension_that_is_not_here_is_not_the_dumps_fault(postgres_bench: Bench, dumps: Path) -> None:
    def change(folder: Path) -> None:
        contents = folder / "odd/toc.dat"
        contents.write_bytes(contents.read_bytes().replace(b"pg_trgm", b"pg_none"))

    lay(postgres_bench, dumps, change)
    with pytest.raises(Failed) as failed:
        postgres_bench.start(dumps="dumps")
    assert "the dump odd needs the extension pg_none, which is not installed where drills run" in str(failed.value)
    assert "nothing is wrong with the dump" in str(failed.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda folder: (folder / "ehr.dump").write_bytes(b""), "the dump ehr.dump is damaged"),
        (
            lambda folder: (folder / "ehr.dump").write_bytes((folder / "ehr.dump").read_bytes()[:2000]),
            "the dump ehr.dump",
        ),
        (
            lambda folder: (folder / "globals.sql").write_text("create role nonsense bad;\n"),
            "globals.sql could not be loaded",
        ),
        (lambda folder: [shutil.rmtree(folder), folder.mkdir()], "there is no dump in"),
        (lambda folder: os.mkfifo(folder / "late.dump"), "the dump late.dump cannot be read"),
    ],
)
def test_a_dump_that_cannot_be_loaded_is_named(
    postgres_bench: Bench, dumps: Path, change: Callable[[Path], object], said: str
) -> None:
    lay(postgres_bench, dumps, change)
    with pytest.raises(Failed) as failed:
        postgres_bench.start(dumps="dumps")
    assert said in str(failed.value)
