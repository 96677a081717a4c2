"""The sqlite verifier on healthy and on really damaged databases."""

from __future__ import annotations

import dataclasses
import os
import shutil
import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest

from drp.domain.check import CheckResult, Expectation
from drp_verifiers.assertions import Assertion
from drp_verifiers.sqlite import SqliteVerifier, sqlite_facts
from drp_verifiers.watermarks import Newest
from tests.integration.test_verifier_content import folder, outcomes  # noqa: F401 - a fixture
from tests.simulators.target import LocalTarget
from tests.support.scratch import scratch

pytestmark = pytest.mark.real

# --- sqlite ----------------------------------------------------------------------------------------------------------

SCHEMA = """
PRAGMA journal_mode = {mode};
CREATE TABLE study (id INTEGER PRIMARY KEY, accession TEXT, at TEXT);
CREATE TABLE file (id INTEGER PRIMARY KEY, study INTEGER REFERENCES study, uuid TEXT);
CREATE INDEX file_uuid ON file (uuid);
"""


def make_database(path: Path, *, mode: str = "DELETE", rows: int = 2000) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(SCHEMA.format(mode=mode))
    connection.execute("BEGIN")
    for number in range(1, rows + 1):
        connection.execute("INSERT INTO study VALUES (?, ?, '2026-11-20T09:00:00Z')", (number, f"A{number}"))
        connection.execute("INSERT INTO file VALUES (?, ?, ?)", (number, number, f"{number:032x}"))
    connection.execute("COMMIT")
    return connection


@pytest.fixture
def database(folder: Path) -> Path:
    make_database(folder / "index").close()
    return folder / "index"


@cache
def sound() -> dict[str, object]:
    """Return the facts of the database as it was when it was backed up."""
    with scratch("drp-test-sound") as place:
        make_database(place / "index").close()
        return facts_now(place / "index")


def facts_now(path: Path, **options) -> dict[str, object]:
    return sqlite_facts(LocalTarget(user="root"), str(path), copy=False, timeout_seconds=60, **options)


def ask(expectation: Expectation, path: Path, *, facts: dict[str, int] | None = None, **options):
    known = {"sqlite": {str(path): {**sound(), **({"tables": facts} if facts else {})}}}
    chosen = SqliteVerifier.Options(path=str(path), **options)
    results = SqliteVerifier().read(LocalTarget(), chosen, dataclasses.replace(expectation, facts=known))
    return {result.check: result for result in results if isinstance(result, CheckResult)}


def failing(results) -> set[str]:
    return {name.split(" ")[0] for name, outcome in outcomes(results).items() if outcome == "failed"}


@pytest.mark.parametrize("copy", [False, True])
def test_a_healthy_database_passes_every_statement(expectation, database, copy):
    assertions = (
        Assertion(name="n", sql="SELECT count(*) FROM study", equals=2000),
        Assertion(name="first", sql="SELECT accession FROM study WHERE id = 1", matches="^A1$"),
    )
    newest = Newest(query="SELECT max(at) FROM study")
    results = ask(expectation, database, assertions=assertions, newest=newest, copy=copy)
    assert set(outcomes(results).values()) == {"passed"}
    assert len(results) == 9
    assert results["newest"].watermark is not None


def corrupt(path: Path, offset: int, content: bytes) -> None:
    with path.open("r+b") as stream:
        stream.seek(offset)
        stream.write(content)


def test_a_truncated_database_fails(expectation, database):
    os.truncate(database, database.stat().st_size // 2)
    assert "integrity" in failing(ask(expectation, database))


@pytest.mark.parametrize("offset", [4096, 5 * 4096, 12 * 4096])
def test_a_damaged_page_fails(expectation, database, offset):
    corrupt(database, offset, os.urandom(512))
    assert "integrity" in failing(ask(expectation, database))


def test_what_is_no_database_fails(expectation, database):
    database.write_bytes(os.urandom(8192))
    assert "integrity" in failing(ask(expectation, database))


def test_an_empty_file_is_an_empty_database_and_fails(expectation, database):
    database.write_bytes(b"")
    assert {"not-empty", "row-counts"} <= failing(ask(expectation, database))


def test_a_missing_database_fails(expectation, folder):
    results = ask(expectation, folder / "gone")
    assert outcomes(results) == {"integrity": "failed"}
    assert not (folder / "gone").exists()


def test_a_dangling_reference_fails(expectation, database):
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE file SET study = 9999 WHERE id = 5")
    connection.close()
    results = ask(expectation, database)
    assert failing(results) == {"foreign-keys"}
    assert "file 5 study" in results["foreign-keys"].observed


def test_an_index_that_lost_a_row_fails(expectation, database):
    connection = sqlite3.connect(database)
    connection.executescript(
        "PRAGMA writable_schema = ON; CREATE TABLE keep AS SELECT * FROM sqlite_schema WHERE name = 'file_uuid';"
        "DELETE FROM sqlite_schema WHERE name = 'file_uuid'; PRAGMA writable_schema = RESET;"
        "INSERT INTO file VALUES (9001, 1, 'x'); DELETE FROM study WHERE 0; PRAGMA writable_schema = ON;"
        "INSERT INTO sqlite_schema SELECT * FROM keep; DROP TABLE keep; PRAGMA writable_schema = RESET;"
    )
    connection.close()
    results = ask(expectation, database, facts={"study": 2000, "file": 2001})
    assert failing(results) == {"integrity"}
    assert "index file_uuid" in results["integrity"].observed


def test_a_log_left_out_of_the_backup_is_seen_by_counting_only(expectation, folder):
    """The classic hot copy of an index without its write-ahead log: integrity_check says ok."""
    connection = make_database(folder / "live", mode="WAL", rows=50)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    for number in range(51, 71):
        connection.execute("INSERT INTO study VALUES (?, 'x', '2026-11-20T09:00:00Z')", (number,))
    shutil.copy(folder / "live", folder / "index")
    shutil.copy(folder / "live", folder / "whole")
    shutil.copy(folder / "live-wal", folder / "whole-wal")
    connection.close()
    facts = {"study": 70, "file": 50}
    results = ask(expectation, folder / "index", facts=facts, copy=True)
    assert failing(results) == {"row-counts"}
    assert "study has 50 rows, had 70 (-20)" in next(
        result.observed for name, result in results.items() if name.startswith("row-counts")
    )
    assert failing(ask(expectation, folder / "whole", facts=facts, copy=True)) == set()


def test_a_database_that_its_application_keeps_locked(folder):
    """As Orthanc does: in place no facts can be made of it, of a copy they can."""
    connection = sqlite3.connect(folder / "index", isolation_level=None)
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.executescript("PRAGMA journal_mode = WAL; CREATE TABLE study (id INTEGER); INSERT INTO study VALUES (1)")
    with pytest.raises(ValueError, match="its application keeps it locked: use the option copy"):
        facts_now(folder / "index")
    facts = sqlite_facts(LocalTarget(user="root"), str(folder / "index"), copy=True, timeout_seconds=60)
    assert facts["tables"] == {"study": 1}
    connection.close()


def test_nothing_is_written_to_the_database(expectation, database):
    before = database.read_bytes()
    write = Assertion(name="w", sql="DELETE FROM study", equals=1)
    results = ask(expectation, database, assertions=(write,))
    assert results["assertion w"].outcome == "undetermined"
    assert database.read_bytes() == before


@pytest.mark.parametrize(
    ("sql", "outcome"),
    [
        ("SELECT count(*) FROM gone", "failed"),
        ("SELEKT 1", "undetermined"),
        ("SELECT id FROM study", "undetermined"),
        ("SELECT 1 WHERE 0", "failed"),
        ("SELECT 2", "failed"),
    ],
)
def test_an_assertion_that_does_not_hold(expectation, database, sql, outcome):
    results = ask(expectation, database, assertions=(Assertion(name="n", sql=sql, equals=1),))
    assert results["assertion n"].outcome == outcome


def test_without_facts_row_counts_are_undetermined(expectation, database):
    chosen = SqliteVerifier.Options(path=str(database))
    results = {result.check: result for result in SqliteVerifier().read(LocalTarget(), chosen, expectation)}
    assert results["row-counts"].outcome == "undetermined"


def test_facts_are_what_the_verifier_compares_with(expectation, database):
    facts = sqlite_facts(LocalTarget(), str(database), copy=False, timeout_seconds=30)
    assert facts["tables"] == {"study": 2000, "file": 2000}
    assert facts["objects"] == {"tables": 2, "indexes": 1}
    os.truncate(database, database.stat().st_size // 2)
    with pytest.raises(ValueError, match="malformed"):
        sqlite_facts(LocalTarget(), str(database), copy=False, timeout_seconds=30)
    with pytest.raises(ValueError, match="there is no file"):
        sqlite_facts(LocalTarget(), str(database) + "-gone", copy=False, timeout_seconds=30)


def test_a_reader_that_dies_by_a_signal_fails(expectation, database):
    class Dying(LocalTarget):
        def run(self, argv, **more):
            return super().run(["/bin/sh", "-c", "kill -SEGV $$"], **more)

    chosen = SqliteVerifier.Options(path=str(database))
    (result,) = SqliteVerifier().read(Dying(), chosen, expectation)
    assert result.outcome == "failed"
    assert "signal 11" in result.observed


def test_a_copy_in_the_middle_of_a_transaction_is_rolled_back_by_its_journal(expectation, tmp_path):
    """As a backup of a running application takes it: some pages are new already, the journal has the old ones."""
    path, copy = tmp_path / "live.sqlite", tmp_path / "ward.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as live:
        live.execute("CREATE TABLE bed (id INTEGER PRIMARY KEY, note TEXT)")
        live.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) "
                     "INSERT INTO bed SELECT i, printf('%200d', i) FROM n")  # fmt: skip
        live.execute("PRAGMA cache_size = 5")
        live.execute("PRAGMA cache_spill = 5")
        live.execute("BEGIN IMMEDIATE")
        live.execute("DELETE FROM bed WHERE id > 100")
        for suffix in ("", "-journal"):
            shutil.copy(f"{path}{suffix}", f"{copy}{suffix}")
    assert copy.with_name("ward.sqlite-journal").stat().st_size > 0
    query = Assertion(name="rows", sql="SELECT count(*) FROM bed", equals=500)
    for keep in (False, True):
        options = SqliteVerifier.Options(path=str(copy), copy=keep, assertions=(query,))
        results = SqliteVerifier().read(LocalTarget(user="root"), options, expectation)
        found = {result.check: result for result in results}
        assert (found["integrity"].outcome, found["assertion rows"].outcome) == ("passed", "passed"), found
    assert copy.with_name("ward.sqlite-journal").exists(), "what was restored stays as it was"


# --- write-ahead log


@pytest.fixture
def logged(folder: Path) -> Path:
    """A copy of a running database: three commits in its log, behind them what a rollback and an older round left."""
    with closing(make_database(folder / "running", mode="WAL")) as connection:
        connection.execute("PRAGMA wal_checkpoint(RESTART)")
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        connection.execute("INSERT INTO study SELECT id + 9000, hex(zeroblob(500)), at FROM study LIMIT 500")
        connection.execute("ROLLBACK")
        for number in (2001, 2002, 2003):
            connection.execute("INSERT INTO study VALUES (?, 'A', 'B')", (number,))
        for suffix in ("", "-wal"):
            shutil.copy(folder / f"running{suffix}", folder / f"copy{suffix}")
    return folder / "copy"


def test_a_log_with_older_rounds_behind_its_end_is_whole(expectation: Expectation, logged: Path) -> None:
    found = ask(expectation, logged, facts={"study": 2003, "file": 2000}, copy=True)
    assert found["write-ahead-log"].outcome == "passed"
    assert failing(found) == set()
    in_place = ask(expectation, logged, facts={"study": 2003, "file": 2000})
    assert failing(in_place) == set(), "where nobody may write, SQLite cannot open a log: no fault of the backup"


@pytest.mark.parametrize(
    ("at", "said"),
    [(3, "its head is damaged"), (20, "its head is damaged"), (300, "frame 1 is damaged, and behind it")],
)
def test_rot_in_a_write_ahead_log_is_no_end_of_it(expectation: Expectation, logged: Path, at: int, said: str) -> None:
    """SQLite opens without the rows, and finds the rest sound."""
    log = logged.with_name("copy-wal")
    content = bytearray(log.read_bytes())
    content[at] ^= 0x10
    log.write_bytes(content)
    found = ask(expectation, logged, facts={"study": 2003, "file": 2000}, copy=True)
    assert found["integrity"].outcome == "passed"
    assert (found["write-ahead-log"].outcome, said in found["write-ahead-log"].observed) == ("failed", True)
