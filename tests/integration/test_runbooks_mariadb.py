"""The mariadb runbook on real backups: physical with binary log, to its end and to a second; dumps; and their damages."""

from __future__ import annotations

import shutil
import struct
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drp.domain.runbook import RunbookResult
from tests.hospital import backups_pacs
from tests.hospital.mariadb import served
from tests.hospital.processes import hand_over, run
from tests.support.fixtures_runbooks import Driver

pytestmark = [pytest.mark.real, pytest.mark.slow]

ROOT = "/data/restore/srv/pharmacy"
COMMIT, ROWS = 16, 23
COUNT = "select count(*) from pharmacy.dose"
SEED = """
create database pharmacy; use pharmacy;
create table dose (id int primary key auto_increment, given_at datetime default now());
insert into dose (id) select seq from seq_1_to_300;
create user app@'127.0.0.1' identified by 'right'; grant all on pharmacy.* to app@'127.0.0.1';
create event nightly on schedule every 1 second do insert into dose () values ();
create user root@'10.20.0.9' identified by 'other';
"""


@dataclass
class Vault:
    """A backup of 300 rows, a binary log that goes on with 100 more and then with 50 more, and a dump of all 450."""

    path: Path
    taken: datetime
    middle: datetime


@pytest.fixture(scope="module")
def vault(hospital_folder: Path) -> Vault:
    kept = hospital_folder / "pharmacy-kept"
    kept.mkdir()
    kept.chmod(0o755)
    with served(hospital_folder / "pharmacy") as server:
        server.sql(SEED)
        time.sleep(1.1)
        taken = datetime.now(UTC)
        backups_pacs.mariadb_physical(server, kept)
        receiver = backups_pacs.receive_binlog(server, kept)
        server.sql("insert into dose () select null, now() from seq_1_to_100", "pharmacy")
        time.sleep(1.1)
        middle = datetime.now(UTC)
        server.sql("flush binary logs; insert into dose () select null, now() from seq_1_to_50", "pharmacy")
        target = hand_over(kept / "database", server.user)
        words = [*server.client("mariadb-dump"), "--single-transaction", "--master-data=2"]
        run([*words, f"--result-file={target}/pharmacy.sql", "pharmacy"], user=server.user)
        time.sleep(0.5)
        server.kill()
        receiver.kill()
    return Vault(kept, taken, middle)


def lay(runbooks: Driver, vault: Vault, *parts: str) -> Path:
    root = runbooks.sandbox.data / "restore/srv/pharmacy"
    for part in parts or ("base", "binlog"):
        shutil.copytree(vault.path / part, root / part)
    runbooks.sandbox.own()
    return root


def last(log: bytes, kind: int) -> range:
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


def ask(runbooks: Driver, sql: str, who: str = "") -> str:
    return runbooks.sandbox.shell(f'mariadb --no-defaults {who} -NBe "{sql}" 2>&1 || true').strip()


def test_base_and_binary_log_bring_everything_back_once(runbooks: Driver, vault: Vault) -> None:
    lay(runbooks, vault)
    started = start(runbooks, binlog="binlog")
    assert started.ok, started
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
    assert braked.splitlines() == ["450", "DISABLED\t0"], "the event in the data must not run"
    assert "Access denied" in ask(runbooks, COUNT, "-h 127.0.0.1 -u app -pwrong")
    assert ask(runbooks, COUNT, "-h 127.0.0.1 -u app -pright") == "450"
    assert ask(runbooks, COUNT, "--socket=/run/drp-mariadb/mariadb.sock") == "450"
    stops = [runbooks.run("mariadb", "stop", restored_root=ROOT) for _ in range(2)]
    assert [stop.tasks[-1].outcome for stop in stops] == ["changed", "ok"]
    assert start(runbooks, binlog="binlog").ok
    assert ask(runbooks, COUNT) == "450", "the log must not be replayed again"


def test_a_second_is_reached_or_the_start_fails(runbooks: Driver, vault: Vault) -> None:
    root = lay(runbooks, vault)
    kept = runbooks.sandbox.data / "kept"
    shutil.copytree(root / "base", kept)
    later, earlier = vault.middle + timedelta(hours=1), vault.taken - timedelta(hours=1)
    impossible = {
        later.isoformat(): "cannot be reached: the newest transaction in the binary log is of",
        earlier.isoformat(): "cannot be reached: the backup itself holds a transaction of",
        "2026-01-01T00:00:00.5": "has no time zone",
        "yesterday": "is no instant",
    }
    for target, message in impossible.items():
        assert message in failure(start(runbooks, binlog="binlog", recovery_target_time=target)), target
    assert "without a binary log" in failure(start(runbooks, recovery_target_time=vault.middle.isoformat()))
    started = start(runbooks, binlog="binlog", recovery_target_time=vault.middle.isoformat())
    assert started.ok, started
    assert ask(runbooks, COUNT) == "400"
    assert started.outputs["mariadb"]["stopped_before"] <= vault.middle.isoformat()  # type: ignore[index]


def test_damages_of_the_binary_log_are_named(runbooks: Driver, vault: Vault) -> None:
    root = lay(runbooks, vault)
    log = root / "binlog"
    first, second = (log / f"binlog.00000{number}" for number in (1, 2))
    whole, more = first.read_bytes(), second.read_bytes()
    first.unlink()
    assert "binlog.000001, with which the binary log goes on, is not in" in failure(start(runbooks, binlog="binlog"))
    first.write_bytes(whole[:-7])
    assert "binlog.000001 is cut off at" in failure(start(runbooks, binlog="binlog"))
    first.write_bytes(whole)
    second.rename(log / "binlog.000003")
    assert "the binary log has a gap: binlog.000002 is missing" in failure(start(runbooks, binlog="binlog"))
    (log / "binlog.000003").unlink()
    flipped = bytearray(more)
    rows = last(more, ROWS)
    flipped[(rows.start + rows.stop) // 2] ^= 0xFF
    second.write_bytes(bytes(flipped))
    runbooks.sandbox.own()
    message = failure(start(runbooks, binlog="binlog"))
    assert "the binary log is damaged" in message or "is damaged at" in message
    assert "was replayed in part" in failure(start(runbooks, binlog="binlog"))


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
    damages = {
        whole[: len(whole) // 2]: "the dump pharmacy.sql breaks off",
        whole.replace(
            b"INSERT INTO", b"INSERT INT0"
        ): "the dump pharmacy.sql could not be loaded: mariadb ended with 1: ERROR",
    }
    for content, message in damages.items():
        path.write_bytes(content)
        said = failure(start(runbooks, dumps="database"))
        assert message in said
        assert "given_at" not in said, "what stands after the error's place may be a patient's"
    assert "there is no dump in" in failure(start(runbooks, dumps="absent"))
    path.write_bytes(whole)
    started = start(runbooks, dumps="database")
    assert started.ok, started
    assert started.outputs["mariadb"]["databases"] == ["pharmacy"]  # type: ignore[index]
    assert ask(runbooks, COUNT) == "450"


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
    assert "the backup came from MariaDB 99." in failure(start(runbooks))
    assert "is data_directory the folder of a physical backup?" in failure(start(runbooks, data_directory="binlog"))
