"""The catalogue of a PostgreSQL server, altered for real in every way that would let it answer otherwise; and not."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from drp.domain.check import Expectation
from drp_verifiers.postgres_catalogue import compare, look, outside
from drp_verifiers.postgres_session import Connection, Session
from drp_verifiers.watermarks import Newest
from tests.simulators.target import LocalTarget
from tests.support.fixtures_verifiers import BINARIES, Cluster, as_postgres, make_cluster

pytestmark = pytest.mark.real
MODS = "SET allow_system_table_mods = on;\n"
FUNCTION = "CREATE FUNCTION public.f(int8) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'ten'::text $$;\n"


class Damage(NamedTuple):
    sql: str
    named: str
    """What the failure has to name."""


ADDED = """CREATE FUNCTION pg_catalog.json_build_array(text, text, int8) RETURNS json LANGUAGE sql
  AS $$ SELECT '["rows", "public.patient", 12]'::json $$"""
DAMAGES = {
    "aggregate": Damage(
        "CREATE OR REPLACE AGGREGATE pg_catalog.count(*) (sfunc = int8inc, stype = int8, initcond = '10')", "aggregate pg_catalog.count ()"
    ),
    "function": Damage(
        "CREATE OR REPLACE FUNCTION pg_catalog.lower(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS 'SELECT $1'",
        "proc pg_catalog.lower (pg_catalog.text): prolang",
    ),
    "function altered": Damage("ALTER FUNCTION pg_catalog.length(text) SET enable_seqscan = off", "proconfig"),
    "row of a function": Damage("UPDATE pg_proc SET prosrc = 'int4mi' WHERE proname = 'int4pl'", "int4pl"),
    "function added": Damage(ADDED, "json_build_array"),
    "member of an extension": Damage(
        f"{ADDED}; ALTER EXTENSION plpgsql ADD FUNCTION pg_catalog.json_build_array(text, text, int8)", "json_build_array"
    ),
    "operator": Damage("UPDATE pg_operator SET oprcode = 'int4ne' WHERE oprcode = 'int4eq'::regproc", "oprcode"),
    "operator added": Damage(
        "CREATE FUNCTION public.g(text, int4) RETURNS bool LANGUAGE sql AS 'SELECT true';"
        "CREATE OPERATOR pg_catalog.= (leftarg = text, rightarg = int4, function = public.g)",
        "operator pg_catalog.= pg_catalog.text pg_catalog.int4",
    ),
    "member of a family": Damage("DELETE FROM pg_amop WHERE amopopr = 97 AND amopfamily = 1976", "amop"),
    "family added to": Damage(
        "CREATE FUNCTION public.g(text, int4) RETURNS bool LANGUAGE sql AS 'SELECT true';"
        "CREATE OPERATOR public.< (leftarg = text, rightarg = int4, function = public.g);"
        "ALTER OPERATOR FAMILY pg_catalog.integer_ops USING btree ADD OPERATOR 1 public.< (text, int4)",
        "amop pg_catalog.btree integer_ops",
    ),
    "support function": Damage("UPDATE pg_amproc SET amproc = 'btint8cmp' WHERE amproc = 'btint4cmp'::regproc", "amproc"),
    "operator class": Damage("UPDATE pg_opclass SET opcdefault = false WHERE opcname = 'int4_ops' AND opcmethod = 403", "opcdefault"),
    "cast": Damage("UPDATE pg_cast SET castcontext = 'e' WHERE castsource = 23 AND casttarget = 20", "castcontext"),
    "cast added": Damage(
        f"{FUNCTION}CREATE CAST (int8 AS text) WITH FUNCTION public.f(int8) AS ASSIGNMENT", "cast pg_catalog.int8 pg_catalog.text"
    ),
    "type": Damage("UPDATE pg_type SET typanalyze = 'range_typanalyze' WHERE typname = 'xid8'", "type xid8, in the file"),
    "what prints a type": Damage(
        "CREATE FUNCTION public.lie(xid8) RETURNS bytea LANGUAGE sql AS $$ SELECT ''::bytea $$;"
        "UPDATE pg_type SET typsend = 'public.lie(xid8)'::regprocedure WHERE typname = 'xid8'",
        "type xid8, in the file of types",
    ),
    "view": Damage(
        f"{MODS}CREATE OR REPLACE VIEW pg_catalog.pg_timezone_abbrevs AS SELECT ''::text AS abbrev, NULL::interval AS utc_offset, true AS is_dst",
        "rewrite _RETURN pg_catalog.pg_timezone_abbrevs",
    ),
    "view of the standard": Damage(
        "CREATE OR REPLACE VIEW information_schema.enabled_roles AS SELECT NULL::information_schema.sql_identifier AS role_name",
        "information_schema.enabled_roles",
    ),
    "schema of the standard": Damage("DROP SCHEMA information_schema CASCADE", "information_schema"),
    "domain of the standard": Damage(
        "ALTER DOMAIN information_schema.cardinal_number DROP CONSTRAINT cardinal_number_domain_check", "cardinal_number"
    ),
    "heirs of a table": Damage(
        f"{MODS}CREATE TABLE public.h () INHERITS (pg_catalog.pg_description)", "pg_description"
    ),
    "trigger": Damage(
        f"{MODS}CREATE FUNCTION public.t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        "CREATE TRIGGER t BEFORE INSERT ON pg_catalog.pg_description FOR EACH ROW EXECUTE FUNCTION public.t()",
        "trigger pg_catalog.pg_description t",
    ),
    "rule": Damage(
        f"{MODS}CREATE RULE r AS ON INSERT TO pg_catalog.pg_description DO INSTEAD NOTHING", "rewrite r pg_catalog.pg_description"
    ),
    "index": Damage(f"{MODS}CREATE INDEX i ON pg_catalog.pg_description (description)", "index pg_catalog.i"),
    "row security": Damage(f"{MODS}ALTER TABLE pg_catalog.pg_description ENABLE ROW LEVEL SECURITY", "relrowsecurity"),
    "column": Damage("UPDATE pg_attribute SET attnotnull = false WHERE attrelid = 'pg_description'::regclass", "attnotnull"),
    "column added": Damage(f"{MODS}ALTER TABLE pg_catalog.pg_description ADD COLUMN more text", "attribute"),
    "name of a table taken": Damage(
        f"{MODS}ALTER TABLE pg_catalog.pg_ts_parser RENAME TO pg_ts_parser_; SET search_path = public;"
        "CREATE TABLE pg_catalog.pg_ts_parser AS TABLE pg_catalog.pg_ts_parser_",
        "table pg_ts_parser of the catalogue",
    ),
    "table read as a view": Damage(
        f"{MODS}ALTER TABLE pg_catalog.pg_ts_parser RENAME TO pg_ts_parser_;"
        "CREATE VIEW pg_catalog.pg_ts_parser AS TABLE pg_catalog.pg_ts_parser_",
        "",
    ),
    "language": Damage("UPDATE pg_language SET lanpltrusted = true WHERE lanname = 'c'", "lanpltrusted"),
    "access method": Damage("UPDATE pg_am SET amhandler = 'hashhandler' WHERE amname = 'brin'", "amhandler"),
    "dictionary": Damage("ALTER TEXT SEARCH DICTIONARY pg_catalog.simple (stopwords = english)", "dictinitoption"),
    "configuration of search": Damage("ALTER TEXT SEARCH CONFIGURATION pg_catalog.simple DROP MAPPING FOR word", "ts_config_map"),
    "collation": Damage("UPDATE pg_collation SET collcollate = 'C.UTF-8' WHERE collname = 'POSIX'", "collcollate"),
    "conversion": Damage("UPDATE pg_conversion SET condefault = false WHERE conname = 'utf8_to_iso_8859_1'", "condefault"),
    "label": Damage("INSERT INTO pg_seclabel VALUES (1255, 1255, 0, 'x', 'y')", "seclabel"),
}  # fmt: skip
OF_ALL = Damage(
    "CREATE OR REPLACE FUNCTION pg_catalog.upper(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS 'SELECT $1'",
    "template1: proc",
)
HEALTHY = {
    "extensions of the system's schema": """CREATE EXTENSION amcheck SCHEMA pg_catalog; CREATE EXTENSION pg_prewarm SCHEMA pg_catalog;
        CREATE EXTENSION adminpack; CREATE EXTENSION pg_trgm SCHEMA pg_catalog""",
    "extensions": "CREATE EXTENSION btree_gin; CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE EXTENSION pg_stat_statements",
    "privileges": """REVOKE EXECUTE ON FUNCTION pg_catalog.pg_ls_dir(text) FROM PUBLIC; GRANT SELECT ON pg_catalog.pg_authid TO pg_monitor;
        GRANT EXECUTE ON FUNCTION pg_catalog.pg_switch_wal() TO pg_monitor; REVOKE ALL ON SCHEMA public FROM PUBLIC""",
    "owner": "CREATE ROLE manager; ALTER FUNCTION pg_catalog.pg_ls_dir(text) OWNER TO manager; ALTER SCHEMA information_schema OWNER TO manager",
    "language made anew": "DROP EXTENSION plpgsql; CREATE EXTENSION plpgsql",
    "no language": "DROP EXTENSION plpgsql",
    "tended": "VACUUM FULL pg_type; VACUUM FULL pg_proc; VACUUM FULL pg_rewrite; REINDEX SYSTEM {database}; ANALYZE",
    "settings": "ALTER DATABASE {database} SET search_path = public; ALTER DATABASE {database} SET enable_sort = off",
    "objects of users": """CREATE TYPE mood AS ENUM ('ok'); CREATE DOMAIN d AS int CHECK (value > 0); CREATE TYPE span AS RANGE (subtype = time);
        CREATE AGGREGATE public.count(text) (sfunc = textcat, stype = text); CREATE COLLATION c FROM "C"; CREATE TABLE p (id int) PARTITION BY RANGE (id);
        CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (1) TO (9); CREATE TEXT SEARCH CONFIGURATION mine (COPY = pg_catalog.english);
        CREATE FUNCTION m(mood) RETURNS text LANGUAGE sql AS $$ SELECT 'x' $$; CREATE CAST (mood AS text) WITH FUNCTION m(mood);
        CREATE OPERATOR CLASS public.j DEFAULT FOR TYPE json USING hash AS STORAGE json; CREATE STATISTICS s ON id, (id + 1) FROM p1;
        CREATE PUBLICATION pub FOR ALL TABLES; CREATE VIEW v AS SELECT * FROM pg_catalog.pg_proc; SELECT lo_from_bytea(0, 'x')""",
    "an older form of a view": f"""{MODS}DO $do$ BEGIN EXECUTE 'CREATE OR REPLACE VIEW pg_catalog.pg_stats_ext_exprs WITH (security_barrier) AS
        SELECT * FROM (' || rtrim(pg_get_viewdef('pg_stats_ext_exprs'::regclass), ';') || ') AS q WHERE true'; END $do$""",
}  # fmt: skip


def database_of(name: str) -> str:
    return name.replace(" ", "_").replace("'", "")


@pytest.fixture(scope="module")
def altered(postgres_folder: Path) -> Iterator[Cluster]:
    """Yield a running cluster that has a database for each damage, and one for each odd but healthy thing."""
    cluster = make_cluster(postgres_folder / "catalogues")
    cluster.start()
    try:
        names = [database_of(name) for name in (*DAMAGES, *HEALTHY)]
        cluster.sql("\n".join(f'CREATE DATABASE "{name}" STRATEGY file_copy;' for name in names), "postgres")
        for name, damage in DAMAGES.items():
            cluster.sql(damage.sql, database_of(name))
        for name, sql in HEALTHY.items():
            cluster.sql(sql.format(database=database_of(name)), database_of(name))
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(cluster.data.parent)


def compare_with_new(cluster: Cluster) -> dict[str, Any]:
    connection = Connection(host=cluster.host, port=cluster.port, user="postgres")
    session = Session(LocalTarget("postgres"), connection, str(BINARIES), 120)
    answer = compare(session, version=int(BINARIES.parent.name), binaries="", data=())
    assert answer.trouble is None, answer.trouble
    return dict(answer.data)


@pytest.fixture(scope="module")
def compared(altered: Cluster) -> dict[str, Any]:
    return compare_with_new(altered)


@pytest.mark.parametrize("name", DAMAGES)
def test_an_altered_catalogue_is_told_from_a_new_one(name: str, compared: dict[str, Any]):
    told = compared["databases"][database_of(name)]
    if name == "table read as a view":
        assert "42809" in told["silent"][1]
        return
    assert any(DAMAGES[name].named in difference[0] for difference in told["differences"]), told


@pytest.mark.parametrize("name", HEALTHY)
def test_what_users_and_administrators_do_alarms_nobody(name: str, compared: dict[str, Any]):
    told = compared["databases"][database_of(name)]
    assert told["differences"] == []
    assert told["unknown"] == []
    assert told["types"] == "read"


def test_a_cluster_of_another_machine_has_other_locales_and_is_the_same(postgres_folder: Path):
    """What initdb makes after them has other numbers then: the whole of information_schema."""
    folder = postgres_folder / "elsewhere"
    cluster = Cluster(folder / "data")
    folder.mkdir()
    shutil.chown(folder, "postgres", "postgres")
    (folder / "locale").write_text("#!/bin/sh\necho POSIX\n")
    (folder / "locale").chmod(0o755)
    words = ["-N", "-A", "trust", "-U", "postgres", "-E", "LATIN1", "--locale=C", "--wal-segsize=1", str(cluster.data)]
    as_postgres("/usr/bin/env", f"PATH={folder}:/usr/bin:/bin", f"{BINARIES}/initdb", *words)
    cluster.start()
    try:
        numbers = cluster.sql("SELECT 'information_schema'::regnamespace::oid", "postgres")
        told = compare_with_new(cluster)["databases"]
    finally:
        cluster.stop()
        shutil.rmtree(folder)
    assert numbers
    assert {name: database["differences"] for name, database in told.items()} == {"postgres": [], "template1": []}


def test_nothing_that_a_server_with_an_altered_catalogue_says_counts(cluster: Cluster, expectation: Expectation):
    cluster.start()
    cluster.sql("DELETE FROM result; DELETE FROM patient WHERE id > 2")
    cluster.sql("CREATE OR REPLACE AGGREGATE pg_catalog.count(*) (sfunc = int8inc, stype = int8, initcond = '2998')")
    results = cluster.verify(expectation, newest=Newest(query="SELECT max(changed_at) FROM patient", database="ehr"))
    assert results["catalogue"].outcome == "failed"
    assert "count" in results["catalogue"].observed
    others = [result for name, result in results.items() if name != "catalogue"]
    assert {result.outcome for result in others} == {"undetermined"}
    assert {result.because for result in others} == {"catalogue"}
    assert results["newest"].undated


def test_what_production_added_on_purpose_is_declared_by_name(cluster: Cluster, expectation: Expectation):
    cluster.start()
    cluster.sql(
        "CREATE FUNCTION pg_catalog.text(int4) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS 'SELECT textin(int4out($1))'"
    )
    expected = dataclasses.replace(expectation, facts=cluster.count())
    assert cluster.verify(expected)["catalogue"].outcome == "failed"
    results = cluster.verify(expected, accepted_in_catalogue=("proc pg_catalog.text (pg_catalog.int4)",))
    assert {result.outcome for result in results.values()} == {"passed"}
    assert "accepted" in results["catalogue"].observed


def test_without_programs_of_its_version_a_catalogue_is_not_judged(healthy: Cluster):
    connection = Connection(host=healthy.host, port=healthy.port, user="postgres")
    session = Session(LocalTarget("postgres"), connection, str(BINARIES), 60)
    found = look(session, version=11, binaries="", accepted=(), data=())
    assert found.result.outcome == "undetermined"
    assert "PostgreSQL 11" in found.result.observed


def test_functions_out_of_the_backup_leave_a_server_unjudged(healthy: Cluster):
    assert outside("/data/restore/lib/x.so")
    assert outside("$libdir/../../data/x")
    assert not outside("$libdir/pgcrypto")
    assert not outside("citext")


CODE = """CREATE TYPE {0}mood AS ENUM ('ok'); DROP TYPE {0}mood;
CREATE FUNCTION f(patient) RETURNS bool LANGUAGE sql BEGIN ATOMIC SELECT $1.id > 0; END;
CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER t BEFORE UPDATE ON patient FOR EACH ROW WHEN (OLD.id > 7) EXECUTE FUNCTION t();
CREATE RULE r AS ON DELETE TO patient DO ALSO NOTHING;
CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION e();
CREATE EXTENSION pg_trgm; CREATE VIEW v AS SELECT 1 AS one;"""


def test_code_of_a_database_is_told_with_a_digest_that_outlives_a_dump(cluster: Cluster):
    cluster.start()
    cluster.sql("CREATE DATABASE other TEMPLATE ehr", "postgres")
    cluster.sql(CODE.format("a"))
    cluster.sql("CREATE TABLE moves_numbers ()", "other")
    cluster.sql(CODE.format("b"), "other")
    told = compare_with_new(cluster)["databases"]
    here, there = (
        {name.partition(": ")[2]: digest for name, digest in told[name]["code"]} for name in ("ehr", "other")
    )
    assert here == there
    assert sorted(here) == [
        "event trigger e", "extension pg_trgm", "function public.e ()", "function public.f (public.patient)", "function public.t ()",
        "rule r public.patient", "trigger public.patient t",
    ]  # fmt: skip
    cluster.sql("CREATE OR REPLACE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'")
    now = {name.partition(": ")[2]: digest for name, digest in compare_with_new(cluster)["databases"]["ehr"]["code"]}
    assert [name for name in now if now[name] != here[name]] == ["function public.t ()"]
