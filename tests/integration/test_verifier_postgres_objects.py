"""The postgres verifier on everything that a database holds besides plain rows: each class lost, altered, and sound."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from drp.domain.check import CheckResult, Expectation
from drp_verifiers.parts_postgres import PARTS
from drp_verifiers.postgres_objects import OF_A_DATABASE
from tests.integration.test_verifier_postgres import failed, outcomes
from tests.support.fixtures_verifiers import BINARIES, Cluster, as_postgres, copy_of, make_cluster

pytestmark = pytest.mark.real

EVERY_CLASS = Path(__file__).parents[1] / "support" / "schemas" / "postgres_every_class.sql"
NEVER_THERE = {
    "languages", "publication schemas", "security labels", "text search parsers", "text search templates", "transforms",
}  # fmt: skip
"""Those that need functions in C, a provider of labels, or a later version than some that are tried."""


@pytest.fixture(scope="module")
def rich(postgres_folder: Path) -> Cluster:
    """Return a stopped cluster whose database ``e`` has an object of every class."""
    made = make_cluster(postgres_folder / "rich")
    with (made.data / "postgresql.conf").open("a") as stream:
        stream.write("wal_level = logical\n")
    made.start()
    try:
        made.sql("CREATE DATABASE e TEMPLATE template0", "postgres")
        made.sql(EVERY_CLASS.read_text(encoding="utf-8"), "e")
        made.facts = made.count(digest=True)
    finally:
        made.stop()
    return made


@pytest.fixture
def every(rich: Cluster, postgres_folder: Path, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """Yield a running copy of it for one test."""
    copy = copy_of(rich, postgres_folder / f"r{abs(hash(request.node.nodeid)) % 10**10}")
    copy.start()
    yield copy
    copy.stop()
    shutil.rmtree(copy.data.parent)


def look(cluster: Cluster, rich: Cluster, moment: Expectation, **options: object) -> dict[str, CheckResult]:
    """Return what the verifier says of a copy, without what other tests look at."""
    expected = dataclasses.replace(moment, facts=rich.facts)
    return cluster.verify(expected, amcheck=False, checksums="no", application_role="clerk", **options)


def test_the_schema_has_an_object_of_every_class(rich: Cluster):
    postgres: dict[str, dict[str, dict[str, dict[str, int]]]] = rich.facts["postgres"]  # type: ignore[assignment]
    found = postgres["databases"]["e"]["objects"]
    assert {one.name for one in OF_A_DATABASE} - NEVER_THERE <= found.keys()


def test_a_dump_and_its_load_are_equal(every: Cluster, rich: Cluster, moment: Expectation):
    """Also where the server prints an expression otherwise after it has read its own words."""
    dump = every.data.parent / "e.dump"
    where = ("-h", every.host, "-d", "e")
    as_postgres(f"{BINARIES}/pg_dump", *where, "-Fc", "-f", str(dump))
    every.sql(
        "ALTER SUBSCRIPTION sub DISABLE; ALTER SUBSCRIPTION sub SET (slot_name = NONE); DROP SUBSCRIPTION sub", "e"
    )
    every.sql("DROP DATABASE e", "postgres")
    as_postgres(f"{BINARIES}/pg_restore", "-h", every.host, "-d", "postgres", "-C", "--exit-on-error", str(dump))
    results = look(every, rich, moment)
    assert outcomes(results) == {"passed"}, {name: one.observed for name, one in results.items()}
    assert results["objects e"].basis == results["content e"].basis == "content"
    assert (
        "its content" in results["large-objects e"].observed
        or "content is the same" in results["large-objects e"].observed
    )


@pytest.mark.parametrize(
    ("change", "check", "named"),
    [
        ("DROP INDEX clin.trg", "objects e", "indexes: 10, had 11; missing or not valid: clin.trg"),
        ("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'clin.trg'::regclass", "objects e", "clin.trg"),
        ("ALTER TABLE clin.patient DROP CONSTRAINT patient_name_born_key", "objects e", "patient_name_born_key on clin.patient"),
        ("ALTER TABLE clin.visit DISABLE TRIGGER audit", "objects e", "triggers with another definition: audit on clin.visit"),
        ("DROP VIEW clin.open", "objects e", "views: 0, had 1; missing: clin.open"),
        ("CREATE OR REPLACE FUNCTION clin.audit() RETURNS trigger LANGUAGE plpgsql AS 'begin return null; end'", "objects e",
         "functions with another definition: clin.audit()"),
        ("DROP POLICY pol ON clin.patient", "objects e", "pol on clin.patient"),
        ("ALTER TABLE clin.patient DISABLE ROW LEVEL SECURITY", "objects e", "tables with another definition: clin.patient"),
        ("ALTER TABLE clin.patient ALTER name DROP NOT NULL", "objects e", "tables with another definition: clin.patient"),
        ("REVOKE SELECT ON clin.visit FROM nurse", "objects e", "table clin.visit"),
        ("REVOKE SELECT (name) ON clin.patient FROM nurse", "objects e", "table column clin.patient.name"),
        ("ALTER TABLE clin.link OWNER TO nurse", "objects e", "tables with another definition: clin.link"),
        ("COMMENT ON TABLE clin.patient IS 'persons'", "objects e", "comments with another definition: table clin.patient"),
        ("ALTER TYPE clin.sex RENAME VALUE 'x' TO 'y'", "objects e", "clin.sex"),
        ("ALTER DATABASE e RESET search_path", "objects e", "settings of the database"),
        ("REFRESH MATERIALIZED VIEW clin.sums WITH NO DATA", "objects e", "materialized views with another definition: clin.sums"),
        ("DROP EVENT TRIGGER et", "objects e", "event triggers: 0, had 1"),
        ("DROP SERVER srv CASCADE", "objects e", "foreign servers: 0, had 1"),
        ("REVOKE nurse FROM doctor", "objects of the server", "memberships: 1, had 2; missing: doctor in nurse"),
        ("ALTER ROLE doctor BYPASSRLS", "objects of the server", "roles with another definition: doctor"),
        ("SELECT lo_unlink(min(oid)) FROM pg_largeobject_metadata", "large-objects e", "5 large objects"),
        ("SELECT lo_put(min(oid), 10, 'x') FROM pg_largeobject_metadata", "large-objects e", "not what it was"),
        ("REVOKE SELECT ON clin.visit FROM nurse; ALTER VIEW clin.open OWNER TO nurse", "views e", "clin.open: 42501: permission denied for table patient"),
        ("REVOKE USAGE ON SCHEMA clin FROM nurse", "roles e", "clerk may read 0 relations, might read"),
        ("DROP OWNED BY clerk; DROP ROLE clerk", "roles e", "clerk is not here"),
        ("SELECT setval('clin.patient_id_seq', 7)", "sequences e", "clin.patient_id_seq gives 8 next, and clin.patient.id holds 50"),
        ("SELECT setval('clin.visit_no', 101)", "sequences e", "clin.visit_2.id holds 291 already"),
        ("UPDATE clin.patient SET name = 'XXX' WHERE id = 7", "content e", "clin.patient"),
        ("TRUNCATE clin.visit_2 CASCADE", "row-counts e", "clin.visit_2 has 0 rows"),
        ("TRUNCATE clin.cache", "unlogged e", "clin.cache has 0 rows, had 2: a base backup never holds them"),
    ],
)  # fmt: skip
def test_what_was_lost_or_altered_is_named(
    every: Cluster, rich: Cluster, moment: Expectation, change: str, check: str, named: str
):
    every.sql(change, "e")
    results = look(every, rich, moment)
    assert check in failed(results)
    assert named in results[check].observed


def test_what_is_right_is_not_blamed(every: Cluster, rich: Cluster, moment: Expectation):
    """Numbers that a server skipped, objects made after the facts, a declared loss, a view that a load refreshed."""
    every.sql("SELECT setval('clin.patient_id_seq', 90); CREATE VIEW clin.later AS SELECT 1; TRUNCATE clin.cache", "e")
    every.sql("ALTER SEQUENCE clin.visit_no RESTART 1", "e")
    every.sql("SET session_replication_role = replica; REFRESH MATERIALIZED VIEW clin.sums", "e")
    results = look(every, rich, moment, unlogged_lost=("clin.c*",), sequences_behind=("clin.visit_no",))
    assert outcomes(results) == {"passed"}
    assert "not in the facts" in results["objects e"].observed
    assert "views clin.later" in results["objects e"].observed
    assert any("clin.cache has 0 rows, had 2" in one.why for one in every.not_judged)


def test_a_number_in_use_fails_without_facts_too(every: Cluster, moment: Expectation):
    every.sql("SELECT setval('clin.patient_id_seq', 7)", "e")
    results = every.verify(moment, amcheck=False, checksums="no")
    assert failed(results) == {"sequences e"}


def test_facts_of_an_earlier_drp_prove_nothing_of_objects(every: Cluster, rich: Cluster, moment: Expectation):
    tables = {
        name: {"tables": one["tables"]}
        for name, one in rich.facts["postgres"]["databases"].items()  # type: ignore[index]
    }
    results = every.verify(dataclasses.replace(moment, facts={"postgres": {"databases": tables}}), amcheck=False)
    assert not failed(results)
    undetermined = {name for name, one in results.items() if one.outcome == "undetermined"}
    assert {"objects e", "large-objects e", "unlogged e"} <= undetermined
    assert any(one.part == "content of rows, e" for one in every.not_judged)


def test_every_table_of_the_catalogue_belongs_to_a_part(every: Cluster):
    own = {thing for part in PARTS for thing in part.catalogue}
    listed = "SELECT relname FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r'"
    of_server = every.sql(listed, "e")
    assert set(of_server.split()) - own == set()
