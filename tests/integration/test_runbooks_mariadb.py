"""The mariadb runbook on real backups: physical with binary log, to its end and to a second; dumps; and their damages."""

from __future__ import annotations

import shutil
import struct
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from drp.domain.runbook import RunbookResult
from tests.support.fixtures_mariadb import Vault
from tests.support.fixtures_runbooks import Driver

pytestmark = [pytest.mark.real, pytest.mark.slow]

ROOT = "/data/files/srv/pharmacy"
COMMIT, ROWS = 16, 23
COUNT = "select count(*) from pharmacy.dose"
PRODUCTION = """
[mysqld]
default-time-zone = Europe/Paris
loose-myisam_recover_options = BACKUP,QUICK
event_scheduler = ON
init_connect = 'SET time_zone = "+02:00"'
innodb_force_recovery = 0
[client]
init_connect = no
"""


def lay(runbooks: Driver, vault: Vault, *parts: str) -> Path:
    root = runbooks.sandbox.data / "files/srv/pharmacy"
    for part in parts or ("base", "binlog"):
        shutil.copytree(vault.path / part, root / part)
    runbooks.sandbox.own()
    return root


def last(log: bytes | bytearray, kind: int) -> range:
    """Return where the last event of a kind lies in a binary log."""
    position, found = 4, range(0)
    while position + 19 <= len(log):
        _, this, _, size, _, _ = struct.unpack_from("<IBIIIH", log, position)
        found = range(position, position + size) if this == kind else found
        position += size
    return found


def start(runbooks: Driver, **inputs: object) -> RunbookResult:
    return runbooks.run("mariadb", "start", restored_root=ROOT, **inputs)


def failure(result: RunbookResult) -> str:
    assert not result.ok
    assert result.failed_task is not None
    return result.failed_task.message


def told(result: RunbookResult) -> set[tuple[str, str]]:
    notices = result.outputs["drp_notices"]
    assert isinstance(notices, list)
    return {(each["kind"], each["subject"]) for each in notices}


def ask(runbooks: Driver, sql: str, who: str = "") -> str:
    return runbooks.sandbox.shell(f'mariadb --no-defaults {who} -NBe "{sql}" 2>&1 || true').strip()


def test_base_and_binary_log_bring_everything_back_once(runbooks: Driver, vault: Vault) -> None:
    root = lay(runbooks, vault)
    for name in ("drp-loaded", "drp-loading"):  # a backup of a drill must not pass for one
        (root / "base" / name).touch()
    (root / "etc").mkdir()
    (root / "etc/my.cnf").write_text(PRODUCTION)
    runbooks.sandbox.own()
    started = start(runbooks, binlog="binlog", configuration="etc")
    assert started.ok, started
    assert told(started) == {
        ("held-back", "event pharmacy.nightly"),
        ("held-back", "init_connect"),
        ("overridden", "default_time_zone"),
        ("overridden", "myisam_recover_options"),
    }
    state = started.outputs["mariadb"]
    assert isinstance(state, dict)
    assert state["replayed"] == ["binlog.000001", "binlog.000002"]
    assert datetime.fromisoformat(state["newest_transaction"]) >= vault.middle.replace(microsecond=0)
    assert ask(runbooks, COUNT) == "450"
    again = start(runbooks, binlog="binlog")
    assert again.ok
    assert "changed" not in {task.outcome for task in again.tasks}
    assert ask(runbooks, COUNT) == "450"
    time.sleep(1.2)
    braked = ask(runbooks, f"{COUNT}; select @@event_scheduler, @@log_bin; show all slaves status")
    assert braked.splitlines() == ["450", "OFF\t0"], "the event in the data must not run"
    assert "Access denied" in ask(runbooks, COUNT, "-h 127.0.0.1 -u app -pwrong")
    assert ask(runbooks, COUNT, "-h 127.0.0.1 -u app -pright") == "450"
    assert ask(runbooks, COUNT, "--socket=/data/sockets/mysqld.sock") == "450"
    stops = [runbooks.run("mariadb", "stop", restored_root=ROOT) for _ in range(2)]
    assert [stop.tasks[-1].outcome for stop in stops] == ["changed", "ok"]
    assert start(runbooks, binlog="binlog").ok
    assert ask(runbooks, COUNT) == "450", "the log must not be replayed again"


def test_a_second_is_reached_or_the_start_fails(runbooks: Driver, vault: Vault) -> None:
    lay(runbooks, vault)
    later = vault.middle + timedelta(hours=1)
    message = failure(start(runbooks, binlog="binlog", recovery_target_time=later.isoformat()))
    assert "cannot be reached: the newest transaction in the binary log is of" in message
    assert "without a binary log" in failure(start(runbooks, recovery_target_time=vault.middle.isoformat()))
    started = start(runbooks, binlog="binlog", recovery_target_time=vault.middle.isoformat())
    assert started.ok, started
    assert ask(runbooks, COUNT) == "400"
    assert started.outputs["mariadb"]["stopped_before"] <= vault.middle.isoformat()  # type: ignore[index]


def test_damage_of_the_binary_log_is_named_before_anything_of_it_is_carried_out(runbooks: Driver, vault: Vault) -> None:
    second = lay(runbooks, vault) / "binlog/binlog.000002"
    content = bytearray(second.read_bytes())
    rows = last(content, ROWS)
    content[(rows.start + rows.stop) // 2] ^= 0xFF
    second.write_bytes(content)
    for _ in range(2):  # a second start must not get further
        assert "binlog.000002 is damaged at" in failure(start(runbooks, binlog="binlog"))
    assert ask(runbooks, COUNT) == "300"


def test_a_log_that_was_cut_off_by_the_disaster_counts_up_to_there(runbooks: Driver, vault: Vault) -> None:
    second = lay(runbooks, vault) / "binlog/binlog.000002"
    content = second.read_bytes()
    second.write_bytes(content[: last(content, COMMIT).start + 10])
    assert start(runbooks, binlog="binlog").ok
    assert ask(runbooks, COUNT) == "400", "a transaction without its end did not happen"


def test_a_dump_is_loaded_into_an_empty_server(runbooks: Driver, vault: Vault) -> None:
    root = lay(runbooks, vault, "database")
    path = root / "database/pharmacy.sql"
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"INSERT INTO", b"INSERT INT0"))
    said = failure(start(runbooks, dumps="database"))
    assert "the dump pharmacy.sql could not be loaded: mariadb ended with 1: ERROR" in said
    assert "given_at" not in said, "what stands after the error's place may be a patient's"
    awake = b"SET GLOBAL event_scheduler = ON;\n-- Dump completed"
    path.write_bytes(whole.replace(b"-- Dump completed", awake))
    (path.parent / "old").mkdir()
    (path.parent / "old/pharmacy.sql").write_bytes(whole)
    runbooks.sandbox.own()
    started = start(runbooks, dumps="database")
    assert started.ok, started
    assert told(started) == {
        ("held-back", "event pharmacy.nightly"),
        ("unused", "event_scheduler"),
        ("unused", "old"),
    }
    assert ask(runbooks, "select @@event_scheduler") == "OFF"
    assert started.outputs["mariadb"]["databases"] == ["pharmacy"]  # type: ignore[index]
    assert int(ask(runbooks, COUNT)) >= 450, "an event may have run before it was stopped, which is why that is told"


def test_damages_of_the_physical_backup_are_named(runbooks: Driver, vault: Vault) -> None:
    base = lay(runbooks, vault) / "base"
    checkpoints = base / "xtrabackup_checkpoints"
    said = checkpoints.read_text()
    checkpoints.write_text(said.replace("full-backuped", "incremental"))
    assert "the backup is incremental" in failure(start(runbooks))
    checkpoints.write_text(said)
    (base / "ib_logfile0").write_bytes(b"\0" * 512)  # the log that makes a copy of a running server whole
    assert "the physical backup could not be prepared: mariadb-backup ended with 1" in failure(start(runbooks))
    info = base / "xtrabackup_info"
    info.write_text(info.read_text().replace("server_version = 10.", "server_version = 99."))
    newer = start(runbooks)
    assert "the backup came from MariaDB 99." in failure(newer)
    assert "the backup came from MariaDB 99." in str(newer.outputs["drp_limit"]), "this machine is too old for it"
    assert "is data_directory the folder of a physical backup?" in failure(start(runbooks, data_directory="binlog"))
