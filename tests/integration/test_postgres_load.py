"""Who loads a dump, and who enters the server that was made: code of the backup can do no more than write tables."""

from __future__ import annotations

import re
import shutil

import pytest

from tests.support.postgres_bench import PROGRAMS, Bench, Server, as_postgres, of_kind
from tests.support.role_programs import ROLES, load
from tests.support.scratch import MEMORY, scratch

pytestmark = pytest.mark.real
CODE = """
CREATE ROLE clerk LOGIN PASSWORD 'right'; CREATE ROLE boss SUPERUSER LOGIN PASSWORD 'right'; CREATE ROLE deputy LOGIN IN ROLE boss;
CREATE ROLE runner LOGIN IN ROLE pg_execute_server_program;
GRANT ALL ON SCHEMA public TO clerk;
CREATE FUNCTION public.lies() RETURNS bool LANGUAGE plpgsql AS $f$ BEGIN
  IF pg_catalog.current_setting('cluster_name') <> 'production' AND pg_catalog.current_setting('is_superuser') = 'on' THEN
    EXECUTE 'CREATE OR REPLACE AGGREGATE pg_catalog.count(*) (sfunc = int8inc, stype = int8, initcond = ''10'')';
  END IF; RETURN true; END $f$;
CREATE TABLE patient (id serial PRIMARY KEY, name text);
INSERT INTO patient (name) SELECT 'p' || n FROM generate_series(1, 5) AS n;
ALTER TABLE patient ADD CONSTRAINT tidy CHECK (public.lies());
SET SESSION AUTHORIZATION clerk;
CREATE FUNCTION public.own(int) RETURNS bool LANGUAGE sql AS 'SELECT $1 > 0'; REVOKE ALL ON FUNCTION public.own(int) FROM PUBLIC;
CREATE TABLE private (id int CHECK (public.own(id))); INSERT INTO private VALUES (1), (2);
RESET SESSION AUTHORIZATION;
CREATE FUNCTION public.few() RETURNS bool LANGUAGE plpgsql AS $f$ BEGIN
  IF session_user NOT IN ('postgres', 'root') THEN RAISE EXCEPTION 'not you'; END IF; RETURN true; END $f$;
CREATE TABLE picky (id int CHECK (public.few())); INSERT INTO picky VALUES (1);
CREATE SCHEMA inner_; CREATE DOMAIN inner_.positive AS int CHECK (value > 0); REVOKE ALL ON SCHEMA inner_ FROM PUBLIC;
CREATE TABLE inner_.odd (id int GENERATED ALWAYS AS IDENTITY, p inner_.positive DEFAULT 1, twice int GENERATED ALWAYS AS (n * 2) STORED, n int);
INSERT INTO inner_.odd (n) VALUES (1), (2);
ALTER TABLE inner_.odd ENABLE ROW LEVEL SECURITY; ALTER TABLE inner_.odd FORCE ROW LEVEL SECURITY;
CREATE TABLE parts (id int) PARTITION BY LIST (id); CREATE TABLE part1 PARTITION OF parts DEFAULT; INSERT INTO parts VALUES (1);
SELECT lo_from_bytea(0, 'image'); CREATE MATERIALIZED VIEW counted AS SELECT id FROM private;
REVOKE CONNECT ON DATABASE ehr FROM PUBLIC; GRANT CONNECT ON DATABASE ehr TO clerk;
"""
COUNTS = "select (select count(*) from patient), (select count(*) from private), (select count(*) from picky), (select count(*) from inner_.odd), (select count(*) from part1), (select count(*) from pg_largeobject_metadata), (select count(*) from counted), nextval('patient_id_seq')"
TCP = "psql -h 127.0.0.1 -d ehr -w -AtXc 'select 1' -U"


@pytest.fixture(scope="module")
def loaded(postgres_bench: Bench) -> Bench:
    """Return a sandbox with a server into which a dump with code of its own was loaded."""
    with scratch("drp-test-load", MEMORY) as folder:
        shutil.chown(folder, "postgres", "postgres")
        server = Server(folder / "data")
        server.create("cluster_name = 'production'")
        server.start()
        where = ["-h", server.host, "-U", "postgres"]
        as_postgres(["mkdir", folder / "dumps"])
        try:
            server.sql("create database ehr", "postgres")
            server.sql(CODE)
            as_postgres([PROGRAMS / "pg_dump", *where, "-Fc", "-f", folder / "dumps/ehr.dump", "ehr"])
            as_postgres([PROGRAMS / "pg_dumpall", *where, "--globals-only", "-f", folder / "dumps/globals.sql"])
        finally:
            server.stop()
        postgres_bench.lay((folder / "dumps", "dumps"))
    postgres_bench.told = postgres_bench.start(dumps="dumps", passwords="required")  # type: ignore[attr-defined]
    return postgres_bench


def test_everything_is_loaded_and_code_of_the_backup_was_no_superuser(loaded: Bench) -> None:
    assert loaded.ask(COUNTS) == "5|2|1|2|1|1|2|6", "and count() is the server's own"
    assert loaded.ask("select agginitval from pg_aggregate where aggfnoid = 2803") == "0"
    assert loaded.ask("select count(*) from pg_roles where rolname ~ '^loader'") == "0"
    assert loaded.ask("select has_database_privilege('runner', 'ehr', 'connect')") == "f"


def test_what_only_a_superuser_could_load_is_told(loaded: Bench) -> None:
    told = [one for one in of_kind(loaded.told, "overridden") if "loaded as a superuser" in one]  # type: ignore[attr-defined]
    assert len(told) == 1
    assert "picky" in told[0]


def test_who_can_act_on_the_machine_enters_by_the_socket_only(loaded: Bench) -> None:
    for role in ("postgres", "boss", "deputy", "runner"):
        said = loaded.shell(f"{TCP} {role} 2>&1 || true")
        assert "no password supplied" in said, "from its own loopback production's password is asked for"
    addresses = loaded.shell("grep -v ^# /run/pg/pg_hba.conf").splitlines()
    powerful = '+"boss",+"postgres",+"pg_execute_server_program",+"pg_write_server_files",+"pg_read_server_files"'
    assert f"host all {powerful} all reject" in addresses
    assert addresses.index(f"host all {powerful} all reject") < addresses.index("host all all all md5")
    assert loaded.shell(f"PGPASSWORD=right {TCP} clerk").strip() == "1"
    assert loaded.ask("select 1") == "1"


def test_nothing_that_a_restored_server_sees_tells_that_it_is_a_drill(loaded: Bench) -> None:
    seen = loaded.ask("select name || '=' || coalesce(setting, '') from pg_settings where source <> 'default'")
    seen += loaded.ask("select application_name || backend_type from pg_stat_activity")
    seen += loaded.ask("select rolname from pg_roles") + loaded.ask("select datname from pg_database")
    seen += loaded.shell(
        "for one in /proc/[0-9]*; do cat $one/comm; cat $one/environ | tr '\\0' '\\n' | grep ^PG; done 2>/dev/null; true"
    )
    seen += loaded.shell(
        "find /run/pg /data/sockets /data/postgres -print; cat $(find /run/pg -name '*.py' -o -name '*.conf') /dev/null"
    )
    words = [line for line in seen.splitlines() if any(word in line.lower() for word in ("drp", "drill", "exercise"))]
    assert words == []


@pytest.mark.parametrize("part", ["pg_common", "pg_wal", "pg_archive", "pg_fetch"])
def test_programs_that_the_server_can_read_say_nothing_of_themselves(part: str) -> None:
    (start,) = load("postgres", "pg_start")
    text = start.bare((ROLES / f"postgres/files/{part}.py").read_text())
    assert not re.search("drp|drill", text)
    assert compile(text, part, "exec")


@pytest.mark.parametrize("passwords", ["not-asked", "required"])
def test_names_of_roles_cannot_open_a_door(passwords: str) -> None:
    (entrances,) = load("postgres", "pg_entrances")
    assert entrances.lines(['x" all trust\nhost all'], passwords) == ["local all all trust"], "TCP stays shut"
    lines = entrances.lines(["postgres"], passwords)
    assert lines[-2:] == [
        "host replication all all reject",
        f"host all all all {'md5' if passwords == 'required' else 'trust'}",
    ]
    assert any(line.endswith("all reject") and '+"postgres"' in line for line in lines)
