"""The postgres verifier on real servers, each damaged for real: what is wrong is failed, by the statement that saw it."""

from __future__ import annotations

from pathlib import Path

import pytest

from drp.domain.check import Expectation
from drp_verifiers.assertions import Assertion
from drp_verifiers.watermarks import Newest
from tests.support.fixtures_verifiers import BINARIES, NEWEST, Cluster, as_postgres, make_cluster

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
    after_reading = without_prewarm.verify(expectation, catalogue=False)["checksums"]
    assert after_reading.outcome == "passed"
    assert "not every page was read" in after_reading.observed
    assert without_prewarm.verify(expectation, amcheck=False, catalogue=False)["checksums"].outcome == "undetermined"


def test_without_the_extension_damage_that_was_read_is_still_counted(
    without_prewarm: Cluster, expectation: Expectation
):
    without_prewarm.stop()
    damage(without_prewarm, "patient", 2 * PAGE + 6000)
    results = without_prewarm.verify(expectation, catalogue=False)
    assert results["checksums"].outcome == "failed"
    assert "ehr:" in results["checksums"].observed


def test_the_extension_is_left_where_it_was_already(cluster: Cluster, expectation: Expectation):
    cluster.start()
    cluster.sql("CREATE SCHEMA tools; CREATE EXTENSION pg_prewarm SCHEMA tools; CREATE EXTENSION amcheck SCHEMA tools")
    results = cluster.verify(expectation)
    assert outcomes(results) == {"passed"}
    assert "pages were read; no failure" in results["checksums"].observed
