"""The postgres verifier on real servers, each damaged for real: what is wrong is failed, by the statement that saw it."""

from __future__ import annotations

import dataclasses
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drp.domain.check import Expectation
from drp_verifiers.assertions import Assertion
from drp_verifiers.postgres import PostgresVerifier
from drp_verifiers.watermarks import Newest
from tests.simulators.target import LocalTarget
from tests.support.fixtures_verifiers import BINARIES, NEWEST, Cluster, as_postgres, copy_of, make_cluster

pytestmark = pytest.mark.real

PAGE = 8192
QUERY = Newest(query="SELECT max(changed_at) FROM patient", database="ehr")


def failed(results) -> set[str]:
    return {name for name, result in results.items() if result.outcome == "failed"}


def outcomes(results) -> set[str]:
    return {result.outcome for result in results.values()}


def test_a_healthy_server_passes_every_statement(healthy: Cluster, expectation: Expectation):
    assertions = (
        Assertion(name="patients", sql="SELECT count(*) FROM patient", database="ehr", equals=3000),
        Assertion(name="highest", sql="SELECT max(value) FROM result;", database="ehr", at_least=4500, at_most=4500.0),
        Assertion(
            name="name", sql="SELECT name FROM patient WHERE id = 7 -- one", database="ehr", matches="^patient 7$"
        ),
        Assertion(name="text", sql="SELECT name FROM patient WHERE id = 7", database="ehr", equals="patient 7"),
        Assertion(name="truth", sql="WITH q AS (SELECT true AS t) SELECT t FROM q", equals=True),
    )
    results = healthy.verify(expectation, newest=QUERY, assertions=assertions, checksums="required")
    assert outcomes(results) == {"passed"}
    assert "timeline 00000001" in results["server"].observed
    assert results["newest"].watermark is not None
    assert results["newest"].watermark.at == NEWEST
    assert "pages were read; no failure" in results["checksums"].observed


def test_a_query_cannot_change_the_data(healthy: Cluster, expectation: Expectation):
    write = Assertion(name="write", sql="SELECT nextval('patient_id_seq')", database="ehr", at_least=1)
    results = healthy.verify(expectation, assertions=(write,))
    assert results["assertion write"].outcome == "undetermined"
    assert "25006" in results["assertion write"].observed


# --- damage to pages -------------------------------------------------------------------------------------------------


def damage(cluster: Cluster, relation: str, offset: int) -> None:
    cluster.start()
    file = cluster.file_of(relation)
    cluster.stop()
    cluster.flip(file, offset)
    cluster.start()


def test_a_flipped_byte_in_a_table(cluster: Cluster, expectation: Expectation):
    damage(cluster, "patient", 2 * PAGE + 6000)
    results = cluster.verify(expectation)
    assert {"amcheck", "row-counts ehr", "checksums"} <= failed(results)
    assert "invalid page in block 2" in results["row-counts ehr"].observed
    assert "patient cannot be read" in results["row-counts ehr"].observed
    assert "ehr: XX001: invalid page in block 2" in results["checksums"].observed


def test_a_flipped_byte_in_a_btree_index(cluster: Cluster, expectation: Expectation):
    damage(cluster, "patient_name", 3 * PAGE + 6000)
    results = cluster.verify(expectation)
    assert {"amcheck", "checksums"} <= failed(results)
    assert results["row-counts ehr"].outcome == "passed"


def test_a_flipped_byte_where_amcheck_does_not_look(cluster: Cluster, expectation: Expectation):
    """pg_amcheck knows tables and B-trees; a GIN index is read only for its checksums."""
    damage(cluster, "result_tags", 2 * PAGE + 6000)
    results = cluster.verify(expectation)
    assert failed(results) == {"checksums"}


def test_an_index_that_lost_rows_without_any_wrong_checksum(cluster: Cluster, expectation: Expectation):
    """As after a collation change or a software bug: pages are right, the index is not."""
    cluster.start()
    cluster.sql(
        "UPDATE pg_index SET indisready = false, indisvalid = false WHERE indexrelid = 'patient_name'::regclass"
    )
    cluster.sql("UPDATE patient SET name = 'renamed ' || id WHERE id < 50")
    cluster.sql("UPDATE pg_index SET indisready = true, indisvalid = true WHERE indexrelid = 'patient_name'::regclass")
    results = cluster.verify(expectation)
    assert failed(results) == {"amcheck"}
    assert "lacks matching index tuple" in results["amcheck"].observed


def test_a_flipped_byte_on_a_server_without_checksums(postgres_folder: Path, expectation: Expectation):
    """Without checksums only structure can be judged: the server must say so, and a plan can demand them."""
    cluster = make_cluster(postgres_folder / "unchecked", checksums=False)
    cluster.start()
    try:
        cluster.sql("CREATE DATABASE ehr", "postgres")
        cluster.sql("CREATE TABLE patient (id int); INSERT INTO patient SELECT generate_series(1, 3000)")
        default = cluster.verify(expectation)
        assert "checksums" not in default
        assert "checksums off" in default["server"].observed
        required = cluster.verify(expectation, checksums="required")
        assert "checksums" in failed(required)
        file = cluster.file_of("patient")
        cluster.stop()
        for offset in range(PAGE + 24, PAGE + 64):  # line pointers of the second page
            cluster.flip(file, offset)
        cluster.start()
        assert "amcheck" in failed(cluster.verify(expectation))
    finally:
        cluster.stop()


def test_a_page_whose_damaged_header_claims_to_be_new(cluster: Cluster, expectation: Expectation):
    """The highest byte of its log position: a base backup passes over such a page, and amcheck knows no GIN."""
    damage(cluster, "result_tags", 2 * PAGE + 3)
    backup = as_postgres(
        f"{BINARIES}/pg_basebackup", "-h", cluster.host, "--target=blackhole", "-X", "none", "-c", "fast", check=False
    )
    assert backup.returncode == 0
    assert failed(cluster.verify(expectation)) == {"checksums"}


@pytest.fixture
def without_prewarm(cluster: Cluster) -> Cluster:
    """Return a server on which the extension cannot be made, as where contrib modules are not installed."""
    cluster.start()
    for database in ("ehr", "postgres"):
        cluster.sql(
            "SET allow_system_table_mods = on; CREATE FUNCTION pg_catalog.pg_prewarm(regclass, text DEFAULT 'buffer', text DEFAULT 'main', int8 DEFAULT NULL, int8 DEFAULT NULL) RETURNS int8 LANGUAGE sql AS 'SELECT 1::int8'",
            database,
        )
    return cluster


def test_without_the_extension_the_statement_about_checksums_is_narrower(
    without_prewarm: Cluster, expectation: Expectation
):
    after_reading = without_prewarm.verify(expectation)["checksums"]
    assert after_reading.outcome == "passed"
    assert "not every page was read" in after_reading.observed
    assert without_prewarm.verify(expectation, amcheck=False)["checksums"].outcome == "undetermined"


def test_without_the_extension_damage_that_was_read_is_still_counted(
    without_prewarm: Cluster, expectation: Expectation
):
    without_prewarm.stop()
    damage(without_prewarm, "patient", 2 * PAGE + 6000)
    results = without_prewarm.verify(expectation)
    assert results["checksums"].outcome == "failed"
    assert "ehr:" in results["checksums"].observed


def test_the_extension_is_left_where_it_was_already(cluster: Cluster, expectation: Expectation):
    cluster.start()
    cluster.sql("CREATE SCHEMA tools; CREATE EXTENSION pg_prewarm SCHEMA tools; CREATE EXTENSION amcheck SCHEMA tools")
    results = cluster.verify(expectation)
    assert outcomes(results) == {"passed"}
    assert "pages were read; no failure" in results["checksums"].observed


# --- rows ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("DELETE FROM result WHERE id = 1500", "public.result has 2999 rows, had 3000 (-1)"),
        (
            "INSERT INTO patient (name, changed_at) VALUES ('x', '2026-11-20Z')",
            "public.patient has 3001 rows, had 3000 (+1)",
        ),
        ("DROP TABLE result", "public.result is missing"),
        ("CREATE TABLE ransom (note text)", "public.ransom was not there at backup time"),
        ("TRUNCATE patient CASCADE", "public.patient has 0 rows, had 3000 (-3000)"),
    ],
)
def test_rows_that_differ_from_the_facts_are_named(cluster: Cluster, expectation: Expectation, change: str, named: str):
    cluster.start()
    cluster.sql(change)
    results = cluster.verify(expectation)
    assert "row-counts ehr" in failed(results)
    assert named in results["row-counts ehr"].observed


def test_an_empty_server_that_answers_fails(postgres_folder: Path, expectation: Expectation):
    cluster = make_cluster(postgres_folder / "empty")
    cluster.start()
    try:
        results = cluster.verify(expectation)
        assert {"not-empty", "row-counts ehr"} <= failed(results)
        assert "database ehr is missing" in results["row-counts ehr"].observed
        without_facts = cluster.verify(dataclasses.replace(expectation, facts={}))
        assert failed(without_facts) == {"not-empty"}
    finally:
        cluster.stop()


def test_an_empty_schema_fails_and_has_no_watermark(cluster: Cluster, expectation: Expectation):
    cluster.start()
    cluster.sql("TRUNCATE patient, result")
    results = cluster.verify(expectation, newest=QUERY)
    assert {"not-empty", "row-counts ehr", "newest"} <= failed(results)
    assert results["newest"].watermark is None


def test_a_database_that_was_not_there_at_backup_time_is_named(cluster: Cluster, expectation: Expectation):
    cluster.start()
    cluster.sql("CREATE DATABASE intruder", "postgres")
    assert "row-counts intruder" in failed(cluster.verify(expectation))


@pytest.mark.parametrize("facts", [{}, {"postgres": {}}, {"postgres": {"databases": {}}}, {"postgres": "many"}])
def test_without_facts_row_counts_are_undetermined(healthy: Cluster, expectation: Expectation, facts):
    results = healthy.verify(dataclasses.replace(expectation, facts=facts))
    assert results["row-counts"].outcome == "undetermined"
    assert not failed(results)


def test_only_the_declared_database_is_judged(cluster: Cluster, expectation: Expectation):
    cluster.start()
    cluster.sql("CREATE DATABASE intruder", "postgres")
    results = cluster.verify(expectation, database="ehr")
    assert outcomes(results) == {"passed"}
    assert "database-that-is-gone" not in results
    gone = cluster.verify(expectation, database="lis")
    assert "server" in failed(gone)
    assert "lis" in gone["server"].observed


def test_names_of_tables_are_data(cluster: Cluster, expectation: Expectation):
    """Quotes, newlines and psql variables in names neither break the count nor are executed."""
    cluster.start()
    names = [
        "semi;colon",
        'quo"te',
        "apo'strophe",
        "new\nline",
        "back\\slash",
        ":variable",
        "\\! touch /tmp/drp-owned",
        "%I %L",
    ]
    for name in names:
        quoted = name.replace('"', '""')
        cluster.sql(f'CREATE TABLE "{quoted}" (id int); INSERT INTO "{quoted}" VALUES (1)')
    results = cluster.verify(expectation)
    observed = results["row-counts ehr"].observed
    for name in names:
        assert f"public.{name} was not there" in observed
    assert "error" not in observed
    assert not Path("/tmp/drp-owned").exists()


def test_restored_operators_cannot_stand_in_for_the_servers(cluster: Cluster, expectation: Expectation):
    """A database may name its own schema before pg_catalog; declared queries follow it, drp's own do not."""
    cluster.start()
    cluster.sql(
        "CREATE SCHEMA evil; CREATE FUNCTION evil.differs(name, text) RETURNS bool LANGUAGE sql AS 'SELECT false';"
        "CREATE OPERATOR evil.!~ (LEFTARG = name, RIGHTARG = text, FUNCTION = evil.differs);"
        "CREATE VIEW evil.shown AS SELECT 17 AS answer;"
        "ALTER DATABASE ehr SET search_path = evil, pg_catalog, public; DELETE FROM public.result WHERE id = 1"
    )
    declared = Assertion(name="path", sql="SELECT answer FROM shown", database="ehr", equals=17)
    results = cluster.verify(expectation, assertions=(declared,))
    assert "public.result has 2999 rows" in results["row-counts ehr"].observed
    assert "is missing" not in results["row-counts ehr"].observed
    assert results["assertion path"].outcome == "passed"


# --- state -----------------------------------------------------------------------------------------------------------


def test_a_server_that_is_down_fails_and_leaves_the_rest_undetermined(cluster: Cluster, expectation: Expectation):
    assertion = Assertion(name="n", sql="SELECT 1", equals=1)
    results = cluster.verify(expectation, newest=QUERY, assertions=(assertion,))
    assert failed(results) == {"server"}
    undetermined = {name for name, result in results.items() if result.outcome == "undetermined"}
    assert undetermined == {"amcheck", "row-counts", "newest", "assertion n", "checksums"}


def test_a_recovery_that_is_not_finished_fails(cluster: Cluster, expectation: Expectation):
    (cluster.data / "standby.signal").touch()
    cluster.start()
    results = cluster.verify(expectation)
    assert "recovery" in failed(results)
    assert results["amcheck"].outcome != "passed"


def test_a_promoted_server_shows_its_new_timeline(cluster: Cluster, expectation: Expectation):
    (cluster.data / "standby.signal").touch()
    cluster.start()
    as_postgres(f"{BINARIES}/pg_ctl", "-D", str(cluster.data), "-w", "promote")
    results = cluster.verify(expectation)
    assert "timeline 00000002" in results["server"].observed
    assert outcomes(results) == {"passed"}


def test_a_user_who_is_not_let_in_is_undetermined(cluster: Cluster, expectation: Expectation):
    (cluster.data / "pg_hba.conf").write_text("local all all scram-sha-256\n")
    cluster.start()
    results = cluster.verify(expectation)
    assert outcomes(results) == {"undetermined"}


# --- newest row ------------------------------------------------------------------------------------------------------


def newest_of(cluster: Cluster, expectation: Expectation, query: str, **more: object):
    newest = Newest(query=query, database="ehr", **more)
    return cluster.verify(expectation, newest=newest, amcheck=False, row_counts=False, checksums="no")["newest"]


def test_an_older_newest_row_gives_an_older_watermark_or_fails_on_demand(cluster: Cluster, expectation: Expectation):
    cluster.start()
    cluster.sql("DELETE FROM result WHERE patient > 1200; DELETE FROM patient WHERE id > 1200")
    result = newest_of(cluster, expectation, QUERY.query)
    assert result.watermark is not None
    assert result.watermark.at == NEWEST - timedelta(seconds=1800)
    late = newest_of(cluster, expectation, QUERY.query, within_seconds=3600 * 2.2)
    assert late.outcome == "failed"


def test_a_time_without_zone_is_undetermined(healthy: Cluster, expectation: Expectation):
    assert newest_of(healthy, expectation, "SELECT max(naive) FROM patient").outcome == "undetermined"
    assumed = newest_of(healthy, expectation, "SELECT max(naive) FROM patient", assume_utc=True)
    assert assumed.watermark is not None
    assert assumed.watermark.at == datetime(2026, 11, 20, 7, 0, tzinfo=UTC)


def test_the_session_of_the_server_does_not_shift_the_watermark(cluster: Cluster, expectation: Expectation):
    cluster.start()
    cluster.sql("ALTER DATABASE ehr SET timezone = 'America/New_York'; ALTER ROLE postgres SET datestyle = 'German'")
    result = newest_of(cluster, expectation, QUERY.query)
    assert result.watermark is not None
    assert result.watermark.at == NEWEST


def test_the_restore_never_dates_the_data(postgres_folder: Path, seeded_cluster: Cluster, expectation: Expectation):
    """After pg_restore every commit bears the restore's time: as a watermark it would report that nothing was lost."""
    source = copy_of(seeded_cluster, postgres_folder / "dumped")
    restored = make_cluster(postgres_folder / "restored")
    with (restored.data / "postgresql.conf").open("a") as settings:
        settings.write("track_commit_timestamp = on\n")
    source.start()
    restored.start()
    try:
        dump = str(postgres_folder / "dumped" / "ehr.dump")
        as_postgres(f"{BINARIES}/pg_dump", "-h", source.host, "-Fc", "-f", dump, "ehr")
        restored.sql("CREATE DATABASE ehr", "postgres")
        as_postgres(f"{BINARIES}/pg_restore", "-h", restored.host, "-d", "ehr", "--exit-on-error", dump)
        for query in (
            "SELECT max(pg_xact_commit_timestamp(xmin)) FROM patient",
            "SELECT timestamp FROM pg_last_committed_xact()",
            "SELECT now()",
        ):
            result = newest_of(restored, expectation, query, clock_skew_seconds=3600)
            assert (result.outcome, result.watermark) == ("undetermined", None), query
            assert "dated after the disaster" in result.observed
        declared = newest_of(restored, expectation, QUERY.query)
        assert declared.watermark is not None
        assert declared.watermark.at == NEWEST
        assert outcomes(restored.verify(expectation)) == {"passed"}
    finally:
        source.stop()
        restored.stop()


# --- assertions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "more", "outcome", "observed"),
    [
        ("SELECT count(*) FROM patient", {"equals": 2999}, "failed", "3000"),
        ("SELECT count(*) FROM patient", {"at_least": 3001}, "failed", "3000"),
        ("SELECT name FROM patient WHERE id = 7", {"matches": "^result"}, "failed", "patient 7"),
        ("SELECT name FROM patient WHERE id = 0", {"equals": "x"}, "failed", "no row"),
        ("SELECT NULL::int", {"equals": 0}, "failed", "NULL"),
        ("SELECT count(*) FROM vanished", {"equals": 1}, "failed", "42P01"),
        ("SELECT vanished FROM patient", {"equals": 1}, "failed", "42703"),
        ("SELEKT 1", {"equals": 1}, "undetermined", "42601"),
        ("SELECT id FROM patient", {"equals": 1}, "undetermined", "more than one row"),
        ("SELECT 1 AS a, 2 AS b", {"equals": 1}, "undetermined", "2 columns"),
        ("SELECT 'NaN'::numeric", {"at_least": 0}, "failed", "NaN"),
    ],
)
def test_an_assertion_that_does_not_hold(healthy: Cluster, expectation: Expectation, sql, more, outcome, observed):
    assertion = Assertion(name="n", sql=sql, database="ehr", **more)
    results = healthy.verify(expectation, assertions=(assertion,), amcheck=False, row_counts=False, checksums="no")
    assert results["assertion n"].outcome == outcome
    assert observed in results["assertion n"].observed


# --- programs that die -----------------------------------------------------------------------------------------------


@pytest.fixture
def programs(tmp_path_factory: pytest.TempPathFactory):
    """Return a function that makes a folder of client programs of which one is replaced."""
    made: list[Path] = []

    def make(name: str, script: str) -> str:
        folder = Path(f"/var/tmp/drp-test-programs-{len(made)}-{id(made)}")
        folder.mkdir()
        made.append(folder)
        for program in BINARIES.iterdir():
            if program.name != name:
                (folder / program.name).symlink_to(program)
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
        return str(folder)

    yield make
    for folder in made:
        shutil.rmtree(folder)


def verify_with(cluster: Cluster, expectation: Expectation, binaries: str):
    options = PostgresVerifier.Options(host=cluster.host, binaries=binaries)
    return {result.check: result for result in PostgresVerifier().verify(LocalTarget("postgres"), options, expectation)}


@pytest.mark.parametrize(("name", "check"), [("psql", "server"), ("pg_amcheck", "amcheck")])
def test_a_client_program_that_dies_by_a_signal_fails_its_statement(
    healthy: Cluster, expectation: Expectation, programs, name: str, check: str
):
    results = verify_with(healthy, expectation, programs(name, "kill -SEGV $$"))
    assert results[check].outcome == "failed"
    assert "signal 11" in results[check].observed


def test_a_client_program_that_hangs_leaves_its_statement_undetermined(
    healthy: Cluster, expectation: Expectation, programs
):
    short = dataclasses.replace(expectation, timeout_seconds=2)
    results = verify_with(healthy, short, programs("pg_amcheck", "sleep 60"))
    assert results["amcheck"].outcome == "undetermined"


@pytest.mark.parametrize(
    "script", ["echo 'not json'", "echo '[]'", "echo 3", "true", "head -c 100000 /dev/zero | tr '\\0' '['"]
)
def test_a_client_program_that_talks_nonsense_never_passes(
    healthy: Cluster, expectation: Expectation, programs, script: str
):
    results = verify_with(healthy, expectation, programs("psql", script))
    assert "passed" not in outcomes(results)


def test_a_missing_client_program_never_passes(healthy: Cluster, expectation: Expectation):
    assert "passed" not in outcomes(verify_with(healthy, expectation, "/nonexistent"))
