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


FORMS = {
    "packed": ("-Fd",),
    "plain": ("-Fd", "-Z0"),
    "statements": ("-Fd", "-Z0", "--inserts"),
    "archive.dump": ("-Ft",),
    "statements.dump": ("-Ft", "--inserts"),
    "own.dump": ("-Fc", "-Z0"),
}
"""Ways in which the rows of one table lie in a dump."""


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
        server.sql("create table result as select generate_series(1, 50) as id; create table empty ()", "lis")
        server.sql("create extension pg_trgm", "odd")
        server.sql("create subscription feed connection 'host=10.0.0.9' publication p with (connect = false)", "odd")
        as_postgres([PROGRAMS / "pg_dump", *where, "-Fc", "-f", kept / "ehr.dump", "ehr"])
        as_postgres([PROGRAMS / "pg_dump", *where, "-Ft", "-f", kept / "lis-of-tuesday", "lis"])
        as_postgres([PROGRAMS / "pg_dump", *where, "-Fd", "-f", kept / "odd", "odd"])
        for name, words in FORMS.items():
            as_postgres([PROGRAMS / "pg_dump", *where, *words, "-f", folder / name, "lis"])
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


# ---- whether a dump was written to its end


def only(bench: Bench, dumps: Path, name: str, change: Callable[[Path], object] | None = None) -> None:
    """Lay one form of the dump of one database alone."""
    source = dumps.parent / name
    bench.lay(change=lambda root: (root / "dumps").mkdir())
    words = ["cp", "-a", str(source), str(bench.root / "dumps" / name)]
    subprocess.run(words, check=True)
    if change is not None:
        change(bench.root / "dumps" / name)
    bench.own()


@pytest.mark.parametrize("name", FORMS)
def test_a_whole_dump_of_any_form_is_loaded(postgres_bench: Bench, dumps: Path, name: str) -> None:
    only(postgres_bench, dumps, name)
    told = postgres_bench.start(dumps="dumps")
    assert (postgres_bench.ask("select count(*) from result", "lis"), told["notices"]) == ("50", [])


def cut(share: float) -> Callable[[Path], object]:
    """Cut off what holds the rows behind a line."""

    def change(path: Path) -> None:
        rows = max(path.glob("[0-9]*.dat*"), key=lambda each: each.stat().st_size) if path.is_dir() else path
        content = rows.read_bytes()
        size = content.rfind(b"\n", 0, int(len(content) * share)) + 1 if share else 0
        os.truncate(rows, size)

    return change


def piped(path: Path) -> None:
    rows = next(path.glob("[0-9]*.dat"))
    rows.unlink()
    os.mkfifo(rows)


def twice(path: Path) -> None:
    path.write_bytes(path.read_bytes() * 2)


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("packed", cut(0), r"the dump packed breaks off: the rows in its \d+\.dat"),
        ("plain", cut(0), "the dump plain breaks off"),
        ("plain", cut(0.5), "the dump plain breaks off"),
        ("plain", piped, r"\d+\.dat is no regular file"),
        ("statements", cut(0.5), "the dump statements breaks off"),
        ("archive.dump", cut(0.4), r"the dump archive\.dump (breaks off|is damaged)"),
        ("archive.dump", cut(0.8), r"the dump archive\.dump breaks off"),
        ("archive.dump", twice, r"the dump archive\.dump holds another one behind it"),
        ("own.dump", twice, r"the dump own\.dump holds another one behind it"),
    ],
)
def test_what_pg_restore_takes_for_the_end_of_a_dump_is_none(
    postgres_bench: Bench, dumps: Path, name: str, change: Callable[[Path], object], said: str
) -> None:
    only(postgres_bench, dumps, name, change)
    with pytest.raises(Failed, match=said) as failed:
        postgres_bench.start(dumps="dumps")
    assert failed.value.limit == (change is twice)


def test_roles_that_break_off_are_named(postgres_bench: Bench, dumps: Path) -> None:
    def change(folder: Path) -> None:
        text = (folder / "globals.sql").read_text()
        (folder / "globals.sql").write_text(text[: text.index("ALTER ROLE")])

    lay(postgres_bench, dumps, change)
    with pytest.raises(Failed, match=r"globals\.sql breaks off: it lacks its last line"):
        postgres_bench.start(dumps="dumps")
