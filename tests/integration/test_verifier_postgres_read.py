"""What drp reads of a PostgreSQL backup by itself, before anything restored runs: dumps as text, a cold copy by its own server."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drp.domain.check import CheckResult, Expectation
from drp.domain.judged import NotJudged
from drp_verifiers.postgres import PostgresVerifier
from drp_verifiers.postgres_read import NewestRow
from tests.simulators.target import LocalTarget
from tests.support.fixtures_verifiers import BINARIES, NEWEST, Cluster, as_postgres, copy_of

pytestmark = pytest.mark.real
ROW = NewestRow(table="public.patient", column="changed_at")
ODD = """
CREATE TABLE "Odd ""name"".with dots" ("a ""b"", c" int, "from" text); INSERT INTO "Odd ""name"".with dots" VALUES (1, E'x\\ny'), (2, '\\.');
CREATE TABLE parts (id int) PARTITION BY RANGE (id); CREATE TABLE part1 PARTITION OF parts FOR VALUES FROM (0) TO (100);
INSERT INTO parts SELECT generate_series(1, 7); CREATE TABLE none (); INSERT INTO none DEFAULT VALUES; CREATE TABLE empty (id int);
CREATE EXTENSION pg_trgm SCHEMA pg_catalog; CREATE MATERIALIZED VIEW m AS SELECT * FROM patient; SELECT lo_from_bytea(0, 'COPY');
"""


@dataclass
class Backup:
    root: Path
    expectation: Expectation

    def read(self, *, inputs: dict[str, object], tier: int = 1, **options: object) -> dict[str, CheckResult]:
        expectation = dataclasses.replace(
            self.expectation, restored_root=str(self.root), inputs=inputs, tier=tier, timeout_seconds=120
        )
        answers = list(
            PostgresVerifier().read(LocalTarget("postgres"), PostgresVerifier.Options(**options), expectation)
        )
        self.not_judged = [answer for answer in answers if isinstance(answer, NotJudged)]
        return {answer.check: answer for answer in answers if isinstance(answer, CheckResult)}


@pytest.fixture(scope="module")
def odd(seeded_cluster: Cluster, postgres_folder: Path) -> Iterator[Cluster]:
    cluster = copy_of(seeded_cluster, postgres_folder / "odd")
    cluster.start()
    cluster.sql(ODD.replace("; ", ";\n"))
    cluster.facts = cluster.count()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def dumped(odd: Cluster, moment_of_module: Expectation) -> Backup:
    """Return a backup that has the same database as each kind of dump, one a folder."""
    root = odd.data.parent / "restored"
    for name, words in {
        "custom": ["-Fc"], "tar": ["-Ft"], "folder": ["-Fd"], "plain": ["-Fp"], "inserts": ["-Fc", "--inserts"],
        "through the parent": ["-Fc", "--load-via-partition-root"],
    }.items():  # fmt: skip
        folder = root / name
        as_postgres("mkdir", "-p", str(folder))
        as_postgres(f"{BINARIES}/pg_dump", "-h", odd.host, "-d", "ehr", *words, "-f", str(folder / "ehr.dump"))
    return Backup(root, dataclasses.replace(moment_of_module, facts=odd.facts))


@pytest.fixture(scope="module")
def moment_of_module() -> Expectation:
    noon = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    return Expectation(disaster_at=noon, declared_at=noon, consistent_at=noon, timeout_seconds=120)


@pytest.mark.parametrize("kind", ["custom", "tar", "folder"])
def test_rows_are_counted_from_the_bytes_of_a_dump(kind: str, dumped: Backup) -> None:
    results = dumped.read(inputs={"dumps": kind}, tier=3, newest_row=ROW)
    assert results["rows-read ehr"].outcome == "passed", results["rows-read ehr"]
    assert results["rows-read ehr"].basis == "counted"
    watermark = results["newest-read"].watermark
    assert watermark is not None
    assert watermark.at == NEWEST


def test_a_dump_that_lacks_rows_fails(odd: Cluster, dumped: Backup) -> None:
    folder = dumped.root / "lacking"
    as_postgres("mkdir", str(folder))
    odd.sql("CREATE TABLE kept AS TABLE result; DELETE FROM result WHERE id > 2")
    as_postgres(f"{BINARIES}/pg_dump", "-h", odd.host, "-d", "ehr", "-T", "kept", "-Fc", "-f", str(folder / "ehr.dump"))
    odd.sql("INSERT INTO result SELECT * FROM kept WHERE id > 2; DROP TABLE kept")
    result = dumped.read(inputs={"dumps": "lacking"})["rows-read ehr"]
    assert result.outcome == "failed"
    assert "public.result has 2 rows, had 3000" in result.observed


def test_rows_that_are_forged_into_another_tables_are_told(odd: Cluster, dumped: Backup) -> None:
    """A folder keeps each table's rows in a file: what follows their end would be counted as another table's."""
    folder = dumped.root / "forged"
    as_postgres("cp", "-a", str(dumped.root / "folder"), str(folder))
    for path in (folder / "ehr.dump").glob("[0-9]*.dat.gz"):
        as_postgres("gzip", "-d", str(path))
    smallest = min((folder / "ehr.dump").glob("[0-9]*.dat"), key=lambda path: path.stat().st_size)
    content = smallest.read_bytes()
    for forged, told in (
        (b"\\.\n\nCOPY public.invented (id) FROM stdin;\n1\n\\.\n", "contents list"),
        (b"\\.\n\nCOPY public.patient (id) FROM stdin;\n1\n\\.\n", "twice"),
        (b"\\.\n\nDELETE FROM patient;\n", "DELETE"),
    ):
        smallest.write_bytes(content.replace(b"\\.\n", forged))
        result = dumped.read(inputs={"dumps": "forged"})["rows-read ehr"]
        assert result.outcome == "failed"
        assert told in result.observed


def test_a_dump_that_breaks_off_fails(dumped: Backup) -> None:
    folder = dumped.root / "broken"
    as_postgres("cp", "-a", str(dumped.root / "custom"), str(folder))
    path = folder / "ehr.dump"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    results = dumped.read(inputs={"dumps": "broken"})
    assert {result.outcome for result in results.values()} == {"failed"}


@pytest.mark.parametrize("kind", ["inserts", "through the parent"])
def test_what_cannot_be_counted_by_its_lines_is_left_open(kind: str, dumped: Backup) -> None:
    assert dumped.read(inputs={"dumps": kind})["rows-read ehr"].outcome == "undetermined"


def test_a_dump_that_is_not_there_fails(dumped: Backup) -> None:
    assert dumped.read(inputs={"dumps": "plain"})["rows-read ehr"].outcome == "failed"


# ---- a data directory


@pytest.fixture(scope="module")
def cold(odd: Cluster, dumped: Backup) -> Iterator[Backup]:
    """Return a backup that is a copy of the server that was shut down, and of one that was not."""
    root = odd.data.parent / "cold"
    as_postgres("mkdir", str(root))
    as_postgres(f"{BINARIES}/pg_basebackup", "-h", odd.host, "-D", str(root / "base"), "-c", "fast", "-X", "stream")
    odd.stop()
    as_postgres("cp", "-a", str(odd.data), str(root / "pg"))
    with (root / "pg/postgresql.auto.conf").open("a") as settings:
        settings.write("shared_preload_libraries = 'nowhere'\nignore_checksum_failure = on\n")
    yield dataclasses.replace(dumped, root=root)
    shutil.rmtree(root)


@pytest.mark.parametrize("folder", ["pg", "base"])
def test_rows_of_a_data_directory_are_counted_by_a_server_of_its_own(folder: str, cold: Backup) -> None:
    results = cold.read(inputs={"data_directory": folder}, newest_row=ROW)
    assert results["rows-read ehr"].outcome == "passed", (results, cold.not_judged)
    watermark = results["newest-read"].watermark
    assert watermark is not None
    assert watermark.at == NEWEST
    assert not (cold.root / folder / "postmaster.opts.new").exists()


def test_a_data_directory_whose_catalogue_was_altered_fails(cold: Backup, odd: Cluster) -> None:
    cluster = copy_of(odd, odd.data.parent / "altered")
    cluster.start()
    cluster.sql("DELETE FROM result WHERE id > 2")
    cluster.sql("CREATE OR REPLACE AGGREGATE pg_catalog.count(*) (sfunc = int8inc, stype = int8, initcond = '2998')")
    cluster.stop()
    result = dataclasses.replace(cold, root=cluster.data.parent).read(inputs={"data_directory": "data"})[
        "rows-read ehr"
    ]
    assert result.outcome == "failed"
    assert "count" in result.observed


def test_a_data_directory_that_lacks_rows_fails(cold: Backup, odd: Cluster) -> None:
    cluster = copy_of(odd, odd.data.parent / "lacking")
    cluster.start()
    cluster.sql("DELETE FROM result WHERE id > 2")
    cluster.stop()
    result = dataclasses.replace(cold, root=cluster.data.parent).read(inputs={"data_directory": "data"})[
        "rows-read ehr"
    ]
    assert result.outcome == "failed"
    assert "public.result has 2 rows" in result.observed


@pytest.mark.parametrize(
    ("inputs", "tier", "why"),
    [
        ({"data_directory": "pg"}, 2, "tier"),
        ({"data_directory": "pg", "wal_archive": "wal"}, 1, "wal_archive"),
        ({"data_directory": "elsewhere"}, 1, "read"),
    ],
)
def test_what_cannot_be_opened_by_itself_is_not_judged(
    inputs: dict[str, object], tier: int, why: str, cold: Backup
) -> None:
    assert cold.read(inputs=inputs, tier=tier) == {}
    assert [why in left.why for left in cold.not_judged] == [True]
    assert cold.read(inputs=inputs, tier=tier, newest_row=ROW)["newest-read"].undated


def test_a_directory_that_leads_elsewhere_or_is_too_large_is_not_judged(cold: Backup) -> None:
    (cold.root / "links").mkdir()
    shutil.copytree(cold.root / "pg", cold.root / "links/pg", symlinks=True)
    (cold.root / "links/pg/pg_tblspc/16999").symlink_to("/etc")
    as_root = dataclasses.replace(cold, root=cold.root / "links")
    assert as_root.read(inputs={"data_directory": "pg"}) == {}
    shutil.rmtree(cold.root / "links/pg/pg_tblspc")
    (cold.root / "links/pg/pg_tblspc").mkdir()
    with (cold.root / "links/pg/hole").open("wb") as stream:
        stream.truncate(1 << 50)
    assert as_root.read(inputs={"data_directory": "pg"}) == {}
