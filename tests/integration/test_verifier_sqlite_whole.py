"""All that an SQLite backup can lose beside rows is found and named; odd and healthy databases compare as equal."""

from __future__ import annotations

import dataclasses
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from drp.domain.check import CheckResult, Expectation
from drp.domain.judged import NotJudged
from drp_verifiers.parts_sqlite import PARTS
from drp_verifiers.sqlite import SqliteVerifier, sqlite_facts
from tests.simulators.target import LocalTarget
from tests.support.scratch import scratch

pytestmark = pytest.mark.real
ROOT = LocalTarget(user="root")
EVERYTHING = """
PRAGMA user_version = 42; PRAGMA application_id = 1179011410;
CREATE TABLE orders (id INTEGER PRIMARY KEY AUTOINCREMENT, note TEXT, at TEXT, size INTEGER AS (length(note)) STORED);
CREATE TABLE result (id INTEGER PRIMARY KEY, orders INTEGER REFERENCES orders (id));
CREATE TABLE code (code TEXT PRIMARY KEY, label TEXT) WITHOUT ROWID;
CREATE TABLE exact (id INTEGER PRIMARY KEY, value REAL, data BLOB) STRICT;
CREATE TABLE "odd ""name"" — [é] 'x'" ("a ""b"" c" TEXT, "select" INTEGER);
CREATE TABLE sqlitedata (id INTEGER);
CREATE UNIQUE INDEX order_note ON orders (note);
CREATE INDEX partial ON orders (at) WHERE note IS NOT NULL;
CREATE VIEW open_orders AS SELECT * FROM orders;
CREATE TRIGGER signed BEFORE DELETE ON result BEGIN SELECT RAISE(ABORT, 'signed'); END;
CREATE VIRTUAL TABLE search USING fts5 (body);
CREATE VIRTUAL TABLE area USING rtree (id, x0, x1);
INSERT INTO orders (note, at) SELECT 'note ' || value, '2026-11-20T09:00:00Z' FROM (
  WITH RECURSIVE n (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 300) SELECT value FROM n);
DELETE FROM orders WHERE id > 290;
INSERT INTO result SELECT id, id FROM orders WHERE id < 50;
INSERT INTO code VALUES ('A', 'a'), ('B', 'b'); INSERT INTO exact VALUES (1, 0.1, x'00ff'), (2, NULL, NULL);
INSERT INTO "odd ""name"" — [é] 'x'" VALUES ('ü', 1), (NULL, 2); INSERT INTO sqlitedata VALUES (1);
INSERT INTO search VALUES ('heart'), ('lung'); INSERT INTO area VALUES (1, 0.0, 1.0);
ANALYZE;
"""

Damage = Callable[[sqlite3.Connection], object]


@pytest.fixture
def folder() -> Iterator[Path]:
    with scratch("drp-test-sqlite-whole") as place:
        yield place


@pytest.fixture
def database(folder: Path) -> Path:
    with closing(sqlite3.connect(folder / "app.db")) as connection:
        connection.executescript(EVERYTHING)
    return folder / "app.db"


def facts_of(path: Path, *, digest: bool = True) -> dict[str, object]:
    return sqlite_facts(ROOT, str(path), copy=False, timeout_seconds=60, digest=digest)


def judge(
    expectation: Expectation, path: Path, facts: dict[str, object] | None
) -> tuple[dict[str, CheckResult], list[NotJudged]]:
    known = {"sqlite": {str(path): facts}} if facts is not None else {}
    options = SqliteVerifier.Options(path=str(path))
    answers = list(SqliteVerifier().read(ROOT, options, dataclasses.replace(expectation, facts=known)))
    results = {answer.check.split(" ")[0]: answer for answer in answers if isinstance(answer, CheckResult)}
    return results, [answer for answer in answers if isinstance(answer, NotJudged)]


def others(results: dict[str, CheckResult]) -> dict[str, str]:
    return {check: result.outcome for check, result in results.items() if result.outcome != "passed"}


def test_everything_at_once_is_sound(expectation, database):
    results, left_out = judge(expectation, database, facts_of(database))
    assert others(results) == {}
    assert left_out == []
    assert {name: result.basis for name, result in results.items() if result.basis != "observed"} == {
        "row-counts": "counted", "counters": "counted", "objects": "content", "settings": "content", "content": "content",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("damage", "failing", "named"),
    [
        ("DROP INDEX partial", "objects", "indexes: 1, had 2; missing: partial"),
        ("DROP VIEW open_orders", "objects", "views: 0, had 1; missing: open_orders"),
        ("DROP TRIGGER signed", "objects", "triggers: 0, had 1; missing: signed"),
        (
            "DROP TRIGGER signed; CREATE TRIGGER signed BEFORE DELETE ON result BEGIN SELECT 1; END",
            "objects",
            "triggers with another definition: signed",
        ),
        ("CREATE TRIGGER more AFTER INSERT ON code BEGIN SELECT 1; END", "objects", "not there at backup time: more"),
        ("ALTER TABLE code ADD COLUMN more TEXT", "objects", "tables with another definition: code"),
        (
            "UPDATE sqlite_sequence SET seq = 10 WHERE name = 'orders'",
            "counters",
            "orders counted to 10, had counted to 300, and holds 290 already",
        ),
        (
            "UPDATE sqlite_sequence SET seq = 295 WHERE name = 'orders'",
            "counters",
            "orders counted to 295, had counted to 300",
        ),
        ("DELETE FROM sqlite_sequence", "counters", "orders counted to 0"),
        ("UPDATE orders SET note = 'X' || id", "content", "orders"),
        ("UPDATE code SET label = 'b' WHERE code = 'A'", "content", "code"),
        ("UPDATE exact SET value = 0.10000000000000002 WHERE id = 1", "content", "exact"),
        ("UPDATE exact SET data = x'00fe' WHERE id = 1", "content", "exact"),
        ("UPDATE code SET label = CAST(label AS BLOB)", "content", "code"),
        (
            "DROP TRIGGER signed; CREATE TRIGGER signed BEFORE DELETE ON result BEGIN SELECT RAISE(ABORT, 'signed '); END",
            "objects",
            "triggers with another definition: signed",
        ),
        ("DELETE FROM sqlitedata", "row-counts", "sqlitedata has 0 rows, had 1"),
        ("PRAGMA user_version = 41", "settings", "user_version 41"),
        ("PRAGMA application_id = 0", "settings", "application_id 0"),
    ],
)
def test_what_was_lost_or_changed_is_named(expectation, database, damage, failing, named):
    facts = facts_of(database)
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(damage)
    results, _ = judge(expectation, database, facts)
    assert results[failing].outcome == "failed"
    assert named in results[failing].observed


def test_text_that_lost_its_characters_is_seen_by_content_and_else_said_not_to_be_judged(expectation, database):
    """Every note replaced, with equal counts: without digests nobody can know, and the record says so."""
    with_digests, without = facts_of(database), facts_of(database, digest=False)
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript("UPDATE orders SET note = 'XXX' || id")
    assert others(judge(expectation, database, with_digests)[0]) == {"content": "failed"}
    results, left_out = judge(expectation, database, without)
    assert others(results) == {}
    assert [one.part for one in left_out] == [f"content of rows, {database}"]


def test_a_view_that_stopped_working_fails_and_one_that_never_did_does_not(expectation, database):
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript("CREATE TABLE gone (id); CREATE VIEW stale AS SELECT * FROM gone; DROP TABLE gone")
    stale = facts_of(database)
    results, _ = judge(expectation, database, stale)
    assert others(results) == {}
    assert results["views"].observed == "1 of 2, as at backup time"
    results, _ = judge(expectation, database, {**stale, "broken_views": []})
    assert "stale: no such table: main.gone" in results["views"].observed
    assert results["views"].outcome == "failed"


def test_what_only_the_application_brings_is_named_and_not_failed(expectation, database):
    with closing(sqlite3.connect(database)) as connection:
        connection.create_function("hospital", 1, lambda text: text)
        connection.executescript(
            "CREATE VIEW own AS SELECT hospital(note) FROM orders; PRAGMA writable_schema = ON;"
            "INSERT INTO sqlite_schema VALUES ('table', 'geo', 'geo', 0, 'CREATE VIRTUAL TABLE geo USING spatialindex (x)')"
        )
    results, left_out = judge(expectation, database, facts_of(database))
    assert others(results) == {}
    told = {one.part.removeprefix(f"{database}: "): one.why for one in left_out}
    assert "no such function: hospital" in told["own"]
    assert "no such module: spatialindex" in told["geo"]


def test_facts_of_before_leave_open_what_they_did_not_count(expectation, database):
    results, _ = judge(expectation, database, {"tables": facts_of(database)["tables"]})
    assert others(results) == {"objects": "undetermined"}
    assert "make them again" in results["objects"].observed


def test_a_counter_behind_its_data_is_not_passed_without_facts(expectation, database):
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript("UPDATE sqlite_sequence SET seq = 10 WHERE name = 'orders'")
    results, _ = judge(expectation, database, None)
    assert results["counters"].outcome == "undetermined"
    assert "orders counted to 10, and holds 290 already" in results["counters"].observed
    reset = facts_of(database)  # whoever has reset it in production meant it
    assert others(judge(expectation, database, reset)[0]) == {}


def test_many_tables_are_all_counted(expectation, folder):
    path = folder / "many.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("BEGIN;" + "".join(f"CREATE TABLE t{n} (a); " for n in range(10_500)) + "COMMIT")
        connection.executescript("INSERT INTO t10499 VALUES (1)")
    facts = facts_of(path)
    assert len(facts["tables"]) == 10_500
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("DELETE FROM t10499; INSERT INTO t1 VALUES (1)")
    results, _ = judge(expectation, path, facts)
    assert results["row-counts"].outcome == "failed"


def _vacuumed(path: Path, copy: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))


def _through_the_backup_api(path: Path, copy: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, closing(sqlite3.connect(copy)) as other:
        connection.backup(other)


def _dumped(path: Path, copy: Path) -> None:
    """As whoever dumps an SQLite database does it: settings of the header are no part of a dump and set again."""
    dump = subprocess.run(["sqlite3", path, ".dump"], capture_output=True, check=True).stdout
    header = b"PRAGMA user_version = 42; PRAGMA application_id = 1179011410;\n"
    subprocess.run(["sqlite3", copy], input=dump + header, check=True)


@pytest.mark.parametrize("way", [shutil.copy, _vacuumed, _through_the_backup_api, _dumped])
def test_every_sound_way_to_back_up_compares_as_equal(expectation, database, way):
    facts = facts_of(database)
    copy = database.with_name("copy.db")
    way(database, copy)
    copy.replace(database)
    results, left_out = judge(expectation, database, facts)
    assert others(results) == {}
    assert left_out == []


@pytest.mark.parametrize(
    "first",
    [
        "PRAGMA encoding = 'UTF-16le'", "PRAGMA encoding = 'UTF-16be'", "PRAGMA page_size = 512", "PRAGMA page_size = 65536",
        "PRAGMA auto_vacuum = FULL", "PRAGMA auto_vacuum = INCREMENTAL", "PRAGMA journal_mode = WAL", "PRAGMA journal_mode = PERSIST",
        "PRAGMA legacy_file_format = ON",
    ],
)  # fmt: skip
def test_every_form_of_the_file_is_sound(expectation, folder, first):
    path = folder / "app.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"{first}; {EVERYTHING}")
        facts = facts_of(path)
        results, left_out = judge(expectation, path, facts)
    assert others(results) == {}
    assert left_out == []


def test_text_that_is_no_unicode_is_counted_and_compared(expectation, database):
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("INSERT INTO orders (note) VALUES (CAST(x'fffe41' AS TEXT))")
        connection.commit()
    facts = facts_of(database)
    assert others(judge(expectation, database, facts)[0]) == {}
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE orders SET note = CAST(x'fffd41' AS TEXT) WHERE note = CAST(x'fffe41' AS TEXT)")
        connection.commit()
    assert others(judge(expectation, database, facts)[0]) == {"content": "failed"}


def test_every_class_of_the_catalogue_is_in_a_part(database):
    with closing(sqlite3.connect(database)) as connection:
        found = {kind for (kind,) in connection.execute("SELECT DISTINCT type FROM sqlite_schema")}
        found |= {row[2] for row in connection.execute("PRAGMA table_list")}
        found |= {row[1] for row in connection.execute("PRAGMA table_list") if row[1].startswith("sqlite_")}
        persistent = {
            "encoding",
            "user_version",
            "application_id",
            "page_size",
            "auto_vacuum",
            "freelist_count",
            "page_count",
        }
        asked = {name for (name,) in connection.execute("SELECT name FROM pragma_pragma_list")}
    of_the_schema_itself = {"sqlite_schema", "sqlite_temp_schema"}
    known = {name for part in PARTS for name in part.catalogue}
    assert found - of_the_schema_itself <= known
    assert persistent <= asked
    assert (
        persistent
        | {
            name
            for name in asked
            if name.endswith("_list") and name.split("_")[0] in {"function", "collation", "module"}
        }
        <= known
    )
