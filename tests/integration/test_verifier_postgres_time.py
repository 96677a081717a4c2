"""The postgres verifier on the newest datum, on assertions, and on client programs that die."""

from __future__ import annotations

import dataclasses
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drp.domain.check import Expectation
from drp_verifiers.assertions import Assertion
from drp_verifiers.postgres import PostgresVerifier
from drp_verifiers.watermarks import Newest
from tests.integration.test_verifier_postgres import QUERY, outcomes
from tests.simulators.target import LocalTarget
from tests.support.fixtures_verifiers import BINARIES, NEWEST, Cluster, as_postgres, copy_of, make_cluster
from tests.support.scratch import scratch

pytestmark = pytest.mark.real

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
            assert "dated after the d" in result.observed, "disaster, or drill"
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
    folders = ExitStack()

    def make(name: str, script: str) -> str:
        folder = folders.enter_context(scratch("drp-test-programs"))
        for program in BINARIES.iterdir():
            if program.name != name:
                (folder / program.name).symlink_to(program)
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
        return str(folder)

    with folders:
        yield make


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
