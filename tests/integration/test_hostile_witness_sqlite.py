"""A restored SQLite database that lies, loops, bursts or breaks its reader: behaviour by behaviour, what it got."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from drp.domain.check import CheckResult, Execution, Expectation
from drp.domain.check_runner import Answer
from drp.domain.restored_code import RestoredCode
from drp_verifiers.assertions import Assertion
from drp_verifiers.inside import ask
from drp_verifiers.sqlite import SqliteOptions, SqliteVerifier, sqlite_facts
from drp_verifiers.sqlite_said import said
from tests.simulators.target import LocalTarget

pytestmark = pytest.mark.real


class Cell(LocalTarget):
    """Where nothing can be written to a folder, as in the cell of a reader."""

    def __init__(self, folder: Path) -> None:
        super().__init__(user="root")
        self.folder = folder

    def run(self, argv: Sequence[str], **more: Any) -> Execution:
        fixed = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
        words = ["unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", fixed, str(self.folder)]
        return super().run([*words, *argv], **more)


TARGET = LocalTarget(user="root")
SOUND = """
CREATE TABLE ward (id INTEGER PRIMARY KEY, note TEXT, at TEXT);
CREATE TABLE bed (id INTEGER PRIMARY KEY, ward INTEGER REFERENCES ward, code TEXT AS ('B' || id));
CREATE INDEX bed_ward ON bed (ward);
CREATE UNIQUE INDEX early ON ward (lower(note)) WHERE id < 100;
CREATE VIEW latest AS SELECT max(at) AS at FROM ward;
CREATE TRIGGER kept AFTER DELETE ON ward BEGIN DELETE FROM bed WHERE ward = old.id; END;
CREATE TABLE tag (name TEXT PRIMARY KEY, n INTEGER) WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5(note);
CREATE VIRTUAL TABLE places USING rtree(id, a, b);
"""
ROWS = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
  INSERT INTO ward SELECT i, 'note ' || i, printf('2026-11-%02dT10:00:00Z', 1 + i % 20) FROM n;
INSERT INTO bed (id, ward) SELECT id, id FROM ward; INSERT INTO tag SELECT note, id FROM ward;
INSERT INTO words SELECT note FROM ward; INSERT INTO places SELECT id, id, id + 1 FROM ward;
"""
QUERY = Assertion(name="rows", sql="SELECT count(*) FROM ward", at_least=400)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "ward.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SOUND + ROWS)
    return path


@pytest.fixture
def database(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(made, tmp_path / "ward.sqlite"))


@pytest.fixture(scope="module")
def facts(made: Path) -> dict[str, object]:
    return sqlite_facts(TARGET, str(made), copy=False, timeout_seconds=60, digest=True)


def read(path: Path, facts: dict[str, object], expectation: Expectation, *queries: Assertion) -> list[Answer]:
    options = SqliteOptions(path=str(path), assertions=queries or (QUERY,))
    return list(
        SqliteVerifier().read(
            Cell(path.parent), options, replace(expectation, facts={"sqlite": {str(path): facts}} if facts else {})
        )
    )


def outcomes(answers: list[Answer], outcome: str) -> set[str]:
    return {
        answer.check.partition(" ")[0]
        for answer in answers
        if isinstance(answer, CheckResult) and answer.outcome == outcome
    }


def rewritten(path: Path, *statements: str, unsafe: bool = True) -> None:
    """Change a database past what SQLite lets its users do."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA writable_schema = {'ON' if unsafe else 'OFF'}")
        for statement in statements:
            connection.execute(statement)


REPLACE = "UPDATE sqlite_schema SET type = 'view', rootpage = 0, sql = 'CREATE VIEW ward AS {}' WHERE name = 'ward'"
LIES = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400) SELECT i AS id, ''x'' AS note, ''y'' AS at FROM n"


def a_view_counts_for_a_table(path: Path) -> None:
    rewritten(path, "DROP INDEX early", "DROP TRIGGER kept", "DELETE FROM ward WHERE id > 2", REPLACE.format(LIES))


def an_index_has_rows_that_the_table_lost(path: Path) -> None:
    """A count through the index would find all of them."""
    schema = "SELECT sql FROM sqlite_schema WHERE name = 'bed_ward'"
    with closing(sqlite3.connect(path)) as connection:
        sql = connection.execute(schema).fetchone()[0]
    rewritten(path, "UPDATE sqlite_schema SET name = 'gone', sql = 'CREATE TABLE gone (a, b, PRIMARY KEY (a, b)) WITHOUT ROWID',"
              " type = 'table', tbl_name = 'gone' WHERE name = 'bed_ward'")  # fmt: skip
    rewritten(path, "DELETE FROM bed WHERE id > 2")
    rewritten(
        path,
        f"UPDATE sqlite_schema SET name = 'bed_ward', type = 'index', tbl_name = 'bed', sql = '{sql}' WHERE name = 'gone'",
    )


def two_tables_share_their_pages(path: Path) -> None:
    rewritten(path, "DELETE FROM tag", "UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema"
              " WHERE name = 'words_content') WHERE name = 'words_docsize'")  # fmt: skip


def a_table_hides_behind_a_name_of_sqlite(path: Path) -> None:
    rewritten(path, "CREATE TABLE hidden (x)", "UPDATE sqlite_schema SET name = 'sqlite_hidden', tbl_name = 'sqlite_hidden',"
              " sql = 'CREATE TABLE sqlite_hidden (x)' WHERE name = 'hidden'")  # fmt: skip


def a_module_nobody_has_takes_the_place_of_a_table(path: Path) -> None:
    rewritten(
        path, "UPDATE sqlite_schema SET rootpage = 0, sql = 'CREATE VIRTUAL TABLE tag USING ward(x)' WHERE name = 'tag'"
    )


def a_column_says_what_it_likes(path: Path) -> None:
    rewritten(path, "DROP VIEW latest", "CREATE TABLE lie (id INTEGER PRIMARY KEY, at TEXT AS ('2026-11-20T11:00:00Z'))",
              "CREATE VIEW latest AS SELECT at FROM lie")  # fmt: skip


def a_trigger_is_another_one(path: Path) -> None:
    rewritten(path, "DROP TRIGGER kept", "CREATE TRIGGER kept AFTER DELETE ON ward BEGIN SELECT 1; END")


def rows_are_gone_and_the_statistics_say_otherwise(path: Path) -> None:
    rewritten(
        path, "ANALYZE", "DELETE FROM ward WHERE id > 100", "UPDATE sqlite_stat1 SET stat = '400 1'", unsafe=False
    )


CAUGHT: list[tuple[Callable[[Path], None], set[str]]] = [
    (a_view_counts_for_a_table, {"objects", "row-counts"}),
    (an_index_has_rows_that_the_table_lost, {"integrity", "row-counts"}),
    (two_tables_share_their_pages, {"integrity"}),
    (a_table_hides_behind_a_name_of_sqlite, {"objects", "row-counts"}),
    (a_module_nobody_has_takes_the_place_of_a_table, {"objects"}),
    (a_column_says_what_it_likes, {"objects", "row-counts"}),
    (a_trigger_is_another_one, {"objects"}),
    (rows_are_gone_and_the_statistics_say_otherwise, {"row-counts", "content"}),
]


def test_an_odd_but_sound_database_passes_and_its_code_is_named(
    database: Path, facts: dict[str, object], expectation: Expectation
) -> None:
    answers = read(database, facts, expectation)
    assert outcomes(answers, "failed") | outcomes(answers, "undetermined") == set(), answers
    named = {answer.name.rpartition(": ")[2] for answer in answers if isinstance(answer, RestoredCode)}
    assert named == {"view latest", "trigger kept", "index early", "table bed", "table words", "table places"}


@pytest.mark.parametrize(("behaviour", "caught_by"), CAUGHT, ids=[one.__name__ for one, _ in CAUGHT])
def test_a_schema_that_lies_is_caught(
    database: Path,
    facts: dict[str, object],
    expectation: Expectation,
    behaviour: Callable[[Path], None],
    caught_by: set[str],
) -> None:
    behaviour(database)
    answers = read(database, facts, expectation)
    assert caught_by <= outcomes(answers, "failed"), answers
    before, after = (
        {one.name: one.digest for one in found if isinstance(one, RestoredCode)}
        for found in (read(database, {}, expectation), answers)
    )
    assert before == after, "the same code has the same digest"


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT count(*) FROM endless", "more than the time"),
        ("ATTACH '/tmp/other.sqlite' AS other", "not authorized"),
        ("SELECT load_extension('/data/evil.so')", "not authorized"),
        ("SELECT x FROM loading", "o"),
        ("DELETE FROM ward", "not authorized"),
        ("PRAGMA writable_schema = ON", "not authorized"),
        ("PRAGMA query_only = OFF", "not authorized"),
        ("CREATE TEMP TABLE t (x)", "not authorized"),
        ("VACUUM INTO '/tmp/stolen.sqlite'", "authorization denied"),
    ],
)
def test_what_a_query_or_a_view_would_do_is_not_done(
    database: Path, facts: dict[str, object], expectation: Expectation, sql: str, said: str
) -> None:
    views = ("CREATE VIEW endless AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
             "CREATE VIEW loading AS SELECT load_extension('/data/evil.so') AS x")  # fmt: skip
    rewritten(database, *views, unsafe=False)
    content = database.read_bytes()
    query = Assertion(name="asked", sql=sql, at_least=1)
    answers = read(database, facts, replace(expectation, timeout_seconds=5), query, QUERY)
    found = {answer.check: answer for answer in answers if isinstance(answer, CheckResult)}
    assert found["assertion asked"].outcome == "undetermined", found
    assert said in found["assertion asked"].observed
    assert found["assertion rows"].outcome == "passed", "the others are asked all the same"
    assert database.read_bytes() == content


def hot(path: Path) -> None:
    path.with_name(path.name + "-journal").write_bytes(b"\xd9\xd5\x05\xf9 \xa1c\xd7" + b"\xff" * 504)
    os.truncate(path, 1 << 42)


def log_of_nothing(path: Path) -> None:
    path.with_name(path.name + "-wal").symlink_to("/dev/zero")


@pytest.mark.parametrize("behaviour", [hot, log_of_nothing])
def test_what_does_not_fit_or_is_no_file_is_not_passed_and_not_waited_for(
    database: Path, facts: dict[str, object], expectation: Expectation, behaviour: Callable[[Path], None]
) -> None:
    behaviour(database)
    answers = read(database, facts, replace(expectation, timeout_seconds=30))
    assert outcomes(answers, "undetermined") == {"integrity"}, answers
    assert not outcomes(answers, "passed"), answers


def test_a_journal_that_does_not_fit_is_the_readers_limit(database: Path) -> None:
    hot(database)
    answer = ask(
        Cell(database.parent),
        "database",
        {"path": str(database), "copy": False, "still": True, "queries": []},
        timeout_seconds=30,
    )
    assert "there is room for" in said(answer.data["reason"])


def test_a_log_is_read_where_it_lies(database: Path, tmp_path: Path, expectation: Expectation) -> None:
    """Where nothing can be written: no copy, no shared memory; without its log the newest rows are gone."""
    copy = tmp_path / "copy"
    copy.mkdir()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("INSERT INTO ward VALUES (500, 'newest', '2026-11-20T10:00:00Z')")
        connection.commit()
        for suffix in ("", "-wal"):
            shutil.copy(f"{database}{suffix}", copy / f"ward.sqlite{suffix}")
    query = Assertion(name="newest", sql="SELECT count(*) FROM ward WHERE id = 500", equals=1)
    assert "assertion" in outcomes(read(copy / "ward.sqlite", {}, expectation, query), "passed")
    assert sorted(each.name for each in copy.iterdir()) == ["ward.sqlite", "ward.sqlite-wal"], "nothing is written"
    (copy / "ward.sqlite-wal").unlink()
    assert "assertion" in outcomes(read(copy / "ward.sqlite", {}, expectation, query), "failed")
