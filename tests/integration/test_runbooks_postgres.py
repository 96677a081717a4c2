"""The postgres runbook on real base backups: started, recovered, idempotent, stopped; and production's habits braked."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fixtures_runbooks import Driver

pytestmark = pytest.mark.real

PROGRAMS = Path(sorted(Path("/usr/lib/postgresql").iterdir())[-1]) / "bin"
ROOT = "/data/files/srv/ehr"
QUERY = "psql -h /data/sockets -U postgres -AtXc"


def as_postgres(script: str) -> None:
    subprocess.run(
        ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "sh", "-ec", script],
        check=True,
        cwd="/tmp",
        timeout=120,
        stdout=subprocess.DEVNULL,
    )


class Source:
    """A production server with a tablespace and an archive; `backup` was taken while it ran, `archive` goes on after."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="drp-production-"))
        subprocess.run(["chown", "postgres:", str(self.folder)], check=True)
        here, ctl = self.folder, f"{PROGRAMS}/pg_ctl -D {self.folder}/live -l {self.folder}/log -w"
        sql = f"psql -q -h {here} -p 54199 -d postgres -c"
        as_postgres(f"""
            mkdir {here}/archive {here}/space {here}/backup-space
            {PROGRAMS}/initdb -D {here}/live -A scram-sha-256 --auth-local=trust --no-sync -k >/dev/null
            cat >>{here}/live/postgresql.conf <<END
            port = 54199
            listen_addresses = ''
            unix_socket_directories = '{here}'
            archive_mode = on
            archive_command = 'cp %p {here}/archive/%f'
            shared_preload_libraries = 'pg_stat_statements'
            synchronous_standby_names = ''
            cluster_name = production
END
            {ctl} start
            {sql} "create tablespace fast location '{here}/space'"
            {sql} "create table patient tablespace fast as select g as id from generate_series(1, 1000) g"
            {PROGRAMS}/pg_basebackup -h {here} -p 54199 -D {here}/backup -X none -c fast -T {here}/space={here}/backup-space
            {sql} "insert into patient select g from generate_series(1001, 1500) g"
            {sql} "alter system set archive_command = '/bin/touch /data/archived'"
            {sql} "alter system set synchronous_standby_names = 'nobody'"
            {PROGRAMS}/psql -q -h {here} -p 54199 -d postgres -c "select pg_switch_wal()" || psql -q -h {here} -p 54199 -d postgres -c "select pg_switch_wal()"
            {ctl} -m fast stop
        """)
        # What a backup of a running server brings along.
        (self.folder / "backup/postmaster.pid").write_text("1\n/srv/ehr/pg\n")

    def restore(self, runbooks: Driver, *, archive: bool = False) -> Path:
        """Lay the backup into the sandbox's volume as a restore would, WAL included unless it comes from the archive."""
        root = runbooks.sandbox.data / "files/srv/ehr"
        shutil.copytree(self.folder / "backup", root / "pg", symlinks=True)
        production = Path(str(runbooks.sandbox.data / "files") + str(self.folder / "backup-space"))
        shutil.copytree(self.folder / "backup-space", production)
        if archive:
            shutil.copytree(self.folder / "archive", root / "wal")
        else:
            shutil.copytree(self.folder / "live/pg_wal", root / "pg/pg_wal", dirs_exist_ok=True)
            for segment in (self.folder / "archive").iterdir():
                shutil.copy(segment, root / "pg/pg_wal" / segment.name)
        (root / "pg").chmod(0o755)
        runbooks.sandbox.own()
        return root / "pg"


@pytest.fixture(scope="module")
def production() -> Iterator[Source]:
    source = Source()
    try:
        yield source
    finally:
        shutil.rmtree(source.folder)


def test_a_restored_server_starts_once_and_stops_once(runbooks: Driver, production: Source) -> None:
    data = production.restore(runbooks)
    before = (data / "postgresql.conf").read_bytes(), (data / "postgresql.auto.conf").read_bytes()
    checked = runbooks.run("postgres", "start", restored_root=ROOT)
    assert checked.ok, checked
    assert checked.outputs["postgres"]["recovered"] is True  # type: ignore[index]
    assert runbooks.sandbox.shell(f"{QUERY} 'select count(*) from patient'") == "1500\n"
    again = runbooks.run("postgres", "start", restored_root=ROOT)
    assert again.ok
    assert "changed" not in {task.outcome for task in again.tasks}
    stopped = runbooks.run("postgres", "stop", restored_root=ROOT)
    assert [task.outcome for task in stopped.tasks][-1] == "changed"
    stopped_again = runbooks.run("postgres", "stop", restored_root=ROOT)
    assert [task.outcome for task in stopped_again.tasks][-1] == "ok"
    log = runbooks.sandbox.shell("cat /run/pg/server.log")
    assert "database system is shut down" in log
    assert before == ((data / "postgresql.conf").read_bytes(), (data / "postgresql.auto.conf").read_bytes())


def test_nothing_of_production_goes_on(runbooks: Driver, production: Source) -> None:
    data = production.restore(runbooks)
    with (data / "postgresql.auto.conf").open("a") as settings:
        settings.write(
            "shared_preload_libraries = 'pg_stat_statements, pg_cron'\nssl = on\nsynchronous_standby_names = 'nobody'\n"
            "archive_command = 'touch /data/archived'\nprimary_conninfo = 'host=10.0.0.1'\n"
        )
    (data / "standby.signal").touch()
    runbooks.sandbox.own()
    result = runbooks.run("postgres", "start", restored_root=ROOT, settings={"work_mem": "5MB"})
    assert result.ok, result
    outputs = result.outputs["postgres"]
    assert isinstance(outputs, dict)
    assert outputs["braked"] == ["pg_cron"]
    assert outputs["tls"] == "off"
    shown = runbooks.sandbox.shell(
        f"for name in shared_preload_libraries archive_mode synchronous_standby_names listen_addresses work_mem; do"
        f" {QUERY} \"show $name\"; done; {QUERY} 'create table written as select 1; select pg_switch_wal() is null'"
    )
    assert shown.splitlines() == ["pg_stat_statements", "off", "", "127.0.0.1", "5MB", "SELECT 1", "f"]
    assert not (runbooks.sandbox.data / "archived").exists()


def test_wal_from_a_restored_archive_is_replayed_and_what_lies_beside_it_is_told(
    runbooks: Driver, production: Source
) -> None:
    data = production.restore(runbooks, archive=True)
    (data.parent / "wal/README").write_text("the archive\n")
    runbooks.sandbox.own()
    result = runbooks.run("postgres", "start", restored_root=ROOT, wal_archive="wal")
    assert result.ok, result
    assert runbooks.sandbox.shell(f"{QUERY} 'select count(*) from patient'") == "1500\n"
    told = {"kind": "beside", "subject": "wal/README", "observed": "none of the log's files"}
    assert result.outputs["drp_notices"] == [told]


def test_missing_wal_is_a_failed_start_with_its_reason_and_the_servers_log(
    runbooks: Driver, production: Source
) -> None:
    data = production.restore(runbooks)
    for segment in (data / "pg_wal").glob("0000*"):
        segment.unlink()
    result = runbooks.run("postgres", "start", restored_root=ROOT)
    assert result.failed_task is not None
    assert result.failed_task.name == "Start PostgreSQL, and wait until it has recovered and accepts connections"
    assert "the server ended: " in result.failed_task.message
    assert "checkpoint" in result.failed_task.message
    assert any("checkpoint" in line for line in result.outputs["postgres_log"]), result  # type: ignore[attr-defined]


def test_a_check_run_changes_nothing(runbooks: Driver, production: Source) -> None:
    data = production.restore(runbooks)
    tasks = (
        "- name: Rehearse\n  ansible.builtin.import_role: {name: postgres, tasks_from: start}\n  check_mode: true\n"
        f"  vars: {{postgres_restored_root: {ROOT}, postgres_data_directory: pg}}\n"
    )
    result = runbooks.play(tasks)
    assert result.ok, result
    assert (data / "postmaster.pid").read_text().startswith("1\n")
