"""The sqlite verifier on databases that were empty at backup time, and what of a definition is told apart."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from drp.domain.check import Expectation
from tests.integration.test_verifier_sqlite_whole import facts_of, folder, judge, others  # noqa: F401 - a fixture
from tests.support.scratch import scratch

pytestmark = pytest.mark.real


def census_of(schema: str) -> dict[str, object]:
    with scratch("drp-test-sqlite-census") as place:
        with closing(sqlite3.connect(place / "app.db")) as connection:
            connection.executescript(schema)
        return facts_of(place / "app.db")


def test_blanks_count_where_they_are_quoted_and_nowhere_else() -> None:
    def define(sql: str) -> object:
        return census_of(f"CREATE TABLE a (t); {sql}")["definitions"]

    body = "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n  UPDATE a SET t = 'x  y';\n END"
    assert define(body) == define(body.replace("\n ", " "))
    assert define(body) != define(body.replace("x  y", "x y"))


@pytest.mark.parametrize(
    "schema",
    [
        "",
        "PRAGMA user_version = 3",
        "CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT); CREATE VIEW v AS SELECT * FROM a",
    ],
)
def test_what_was_empty_at_backup_time_is_sound_when_it_is_empty(
    expectation: Expectation,
    folder: Path,
    schema: str,
) -> None:
    path = folder / "app.db"
    path.touch()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(schema)
    facts = facts_of(path)
    assert (others(judge(expectation, path, facts)[0]), judge(expectation, path, facts)[1]) == ({}, [])
    assert others(judge(expectation, path, None)[0])["not-empty"] == "failed", "without facts nobody knows that it was"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE b (i); INSERT INTO b VALUES (1)")
    assert {"not-empty", "row-counts"} <= others(judge(expectation, path, facts)[0]).keys()
