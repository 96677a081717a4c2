"""Whose word counts in a restored server: settings that would steer or silence, and what would act by itself."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.postgres_bench import Bench, Failed, Production, Server, of_kind

pytestmark = pytest.mark.real


def lay(bench: Bench, production: Production, change: Callable[[Path], None] | None = None, base: str = "base") -> None:
    bench.lay((production.folder / base, "pg"), change=change and (lambda root: change(root / "pg")))


# ---- settings


def configure(pg: Path, lines: str) -> None:
    with (pg / "postgresql.conf").open("a") as stream:
        stream.write(lines)


def test_restored_settings_neither_steer_nor_silence(postgres_bench: Bench, postgres_production: Production) -> None:
    steering = (
        "recovery_target_xid = '1'\nrecovery_target_inclusive = off\nrecovery_target_timeline = '1'\n"
        "recovery_min_apply_delay = '8h'\nrestore_command = 'cp /x'\nIgnore_Checksum_Failure = on\nhot_standby = on\n"
        "archive_library = 'basic_archive'\nsynchronous_standby_names = 'nobody'\nprimary_conninfo = 'host=10.0.0.1 password=secret'\n"
        "ssl = on\nlog_statement = all\nlog_min_duration_statement = 0\ntrack_counts = off\n"
    )

    def change(root: Path) -> None:
        (root / "pg/more").mkdir()
        (root / "pg/more/steer.conf").write_text(steering)
        configure(root / "pg", "include_dir = 'more'\n")
        with (root / "pg/postgresql.auto.conf").open("a") as stream:
            stream.write("ZERO_Damaged_Pages = 'off'\nzero_damaged_pages = 'on'\nrecovery_target_inclusive = 'off'\n")

    folder = postgres_production.folder
    postgres_bench.lay((folder / "base", "pg"), (folder / "wal", "wal"), change=change)
    told = postgres_bench.start(wal_archive="wal", verify_base=False)
    assert postgres_bench.rows() == 400
    overridden = {one.partition(":")[0] for one in of_kind(told, "overridden")}
    assert overridden == {
        "recovery_target_timeline",
        "restore_command",
        "primary_conninfo",
        "recovery_target_xid", "recovery_target_inclusive", "recovery_min_apply_delay", "ignore_checksum_failure",
        "zero_damaged_pages", "track_counts",
    }  # fmt: skip
    names = (
        "ignore_checksum_failure",
        "zero_damaged_pages",
        "archive_mode",
        "log_statement",
        "ssl",
        "recovery_target_xid",
        "timezone",
    )
    assert [postgres_bench.ask(f"show {name}") for name in names] == ["off", "off", "off", "none", "off", "", "UTC"]
    assert "secret" not in json.dumps(told)
    assert "insert into" not in postgres_bench.shell("cat /run/pg/server.log")


def test_a_locale_that_is_not_here_and_a_setting_that_is_unknown(
    postgres_bench: Bench, postgres_production: Production
) -> None:
    lay(
        postgres_bench,
        postgres_production,
        lambda pg: configure(pg, "lc_monetary = 'xx_XX.UTF-8'\nlc_time = 'xx_XX.UTF-8'\n"),
        "cold",
    )
    told = postgres_bench.start()
    assert [one.partition(":")[0] for one in of_kind(told, "overridden")] == ["lc_monetary", "lc_time"]
    assert "the locale xx_XX.UTF-8 is not installed where drills run" in of_kind(told, "overridden")[0]
    assert postgres_bench.ask("show lc_monetary") == "C"
    lay(
        postgres_bench,
        postgres_production,
        lambda pg: configure(pg, "edb_redwood_date = on\nwork_mem = much\n"),
        "cold",
    )
    with pytest.raises(Failed) as failed:
        postgres_bench.start()
    assert "does not take the restored configuration" in str(failed.value)
    assert 'unrecognized configuration parameter "edb_redwood_date"' in str(failed.value)


def preload(bench: Bench, production: Production, libraries: str) -> None:
    lay(bench, production, lambda pg: configure(pg, f"shared_preload_libraries = '{libraries}'\n"), "cold")


def test_libraries_that_work_by_themselves_stay_out(postgres_bench: Bench, postgres_production: Production) -> None:
    preload(postgres_bench, postgres_production, 'pg_stat_statements, "pg_cron"')
    told = postgres_bench.start()
    assert of_kind(told, "held-back") == ["pg_cron: a library that works by itself; not loaded"]
    assert (told["braked"], told["workers"]) == (["pg_cron"], "as restored")
    assert postgres_bench.ask("show shared_preload_libraries") == "pg_stat_statements"
    preload(postgres_bench, postgres_production, "pg_trgm")
    assert postgres_bench.start()["workers"] == "none"
    assert postgres_bench.ask("show max_worker_processes") == "0"


def test_libraries_that_are_not_here_are_this_machines_limit(
    postgres_bench: Bench, postgres_production: Production
) -> None:
    preload(postgres_bench, postgres_production, "pg_hint_plan, auto_explain")
    told = postgres_bench.start()
    assert of_kind(told, "overridden") == ["pg_hint_plan: a library that is not installed where drills run; left out"]
    preload(postgres_bench, postgres_production, "acme_audit")
    with pytest.raises(Failed, match=r'could not access file "acme_audit": .* not installed where') as failed:
        postgres_bench.start()
    assert failed.value.limit


def test_a_server_that_is_larger_than_the_sandbox_is_no_fault_of_the_backup(
    postgres_bench: Bench, postgres_production: Production
) -> None:
    large = "min_dynamic_shared_memory = 64GB\nwal_buffers = 2000MB\n"
    lay(postgres_bench, postgres_production, lambda pg: configure(pg, large), "cold")
    postgres_bench.start()
    assert postgres_bench.rows() == 400
    larger = "max_connections = 200000\nmax_locks_per_transaction = 2000\n"
    lay(postgres_bench, postgres_production, lambda pg: configure(pg, larger), "cold")
    with pytest.raises(Failed, match="Cannot allocate memory: more than the sandbox has") as failed:
        postgres_bench.start()
    assert failed.value.limit


# ---- what the catalogues say


@pytest.fixture(scope="module")
def busy(postgres_production: Production) -> Path:
    """A cold copy of a server that would do many things by itself, and in which roles and databases say what is hidden."""
    folder = postgres_production.folder / "busy"
    folder.mkdir()
    shutil.chown(folder, "postgres", "postgres")
    server = Server(folder / "data")
    subprocess.run(["cp", "-a", str(postgres_production.folder / "cold"), str(server.data)], check=True)
    server.configure("archive_mode = off\nwal_level = logical\nmax_prepared_transactions = 5")
    server.start()
    try:
        server.sql("""
            create role clerk login;
            alter role clerk set zero_damaged_pages = on;
            alter database ehr set ignore_checksum_failure = on;
            alter role all set track_counts = off;
            alter role postgres set default_transaction_read_only = on;
            create subscription feed connection 'host=10.0.0.9 password=secret' publication p with (connect = false);
            create extension postgres_fdw;
            create server billing foreign data wrapper postgres_fdw options (host '10.0.0.7');
            create user mapping for clerk server billing options (user 'x', password 'secret');
            create function remember() returns event_trigger language plpgsql as 'begin null; end';
            create event trigger watch on ddl_command_end execute function remember();
            create schema jobs;
            create table jobs.job (jobid bigint, schedule text, command text, username text, jobname text);
            insert into jobs.job values (7, '*/5 * * * *', 'select send_to_everybody(''M. Dupont'')', 'clerk', 'nightly export');
            create schema pgagent;
            create table pgagent.pga_job (jobid int, jobname text, jobenabled bool);
            insert into pgagent.pga_job values (1, 'vacuum', false);
            create schema _timescaledb_config;
            create table _timescaledb_config.bgw_job (id int, application_name text, schedule_interval interval);
            insert into _timescaledb_config.bgw_job values (1000, 'Compression Policy', '1 day');
        """)
    finally:
        server.stop()
    return server.data


def test_what_would_act_is_listed_from_the_catalogues(postgres_bench: Bench, busy: Path) -> None:
    postgres_bench.lay((busy, "pg"))
    told = postgres_bench.start()
    held = of_kind(told, "held-back")
    assert held == [
        "subscription feed: of database ehr, disabled; no worker was started",
        "ehr: foreign server billing: postgres_fdw, 1 user mappings: it could reach out, and has no way",
        "ehr: event trigger watch: on ddl_command_end; checks do not set it off",
        "ehr: cron job 7: nightly export, */5 * * * *, clerk",
        "ehr: timescaledb job 1000: Compression Policy, every 1 day",
        "ehr: pgagent job 1: vacuum, disabled",
    ]
    assert "Dupont" not in json.dumps(told)
    assert "secret" not in json.dumps(told)
    assert sorted(of_kind(told, "overridden")) == [
        "ignore_checksum_failure: on for database ehr; taken back in the restored copy",
        "track_counts: off for all roles; taken back in the restored copy",
        "zero_damaged_pages: on for role clerk; taken back in the restored copy",
    ]
    assert postgres_bench.ask("select count(*) from pg_db_role_setting") == "1"
    assert postgres_bench.ask("show ignore_checksum_failure") == "off"
