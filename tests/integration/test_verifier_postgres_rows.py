"""The postgres verifier on rows that are missing, too many or elsewhere, and on servers in the wrong state."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from drp.domain.check import Expectation
from drp_verifiers.assertions import Assertion
from tests.integration.test_verifier_postgres import QUERY, failed, outcomes
from tests.support.fixtures_verifiers import BINARIES, Cluster, as_postgres, make_cluster

pytestmark = pytest.mark.real

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
    results = cluster.verify(expectation, unlogged_lost=("public.cache",))
    assert "timeline 00000002" in results["server"].observed
    assert outcomes(results) == {"passed"}


def test_a_user_who_is_not_let_in_is_undetermined(cluster: Cluster, expectation: Expectation):
    (cluster.data / "pg_hba.conf").write_text("local all all scram-sha-256\n")
    cluster.start()
    results = cluster.verify(expectation)
    assert outcomes(results) == {"undetermined"}
