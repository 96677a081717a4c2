"""Backups and binary logs of real MariaDB servers, each made once; tests damage copies of them."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.hospital import backups_pacs
from tests.hospital.mariadb import served
from tests.hospital.processes import hand_over, run
from tests.support.binary_logs import Logs

SEED = """
create database pharmacy; use pharmacy;
create table dose (id int primary key auto_increment, given_at datetime default now());
insert into dose (id) select seq from seq_1_to_300;
create table note (id int primary key, text varchar(200)) engine=MyISAM;
insert into note select seq, repeat('x', 200) from seq_1_to_500;
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


@pytest.fixture(scope="session")
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
        words = [*server.client("mariadb-dump"), "--single-transaction", "--master-data=2", "--events", "--routines"]
        run([*words, f"--result-file={target}/pharmacy.sql", "pharmacy"], user=server.user)
        time.sleep(0.5)
        server.kill()
        receiver.kill()
    return Vault(kept, taken, middle)


@pytest.fixture(scope="session")
def logs(hospital_folder: Path) -> Logs:
    kept = hospital_folder / "binary-log"
    kept.mkdir()
    with served(hospital_folder / "logging") as server:
        server.sql("create database ris; create table ris.exam (id int primary key); insert into ris.exam values (1)")
        file, position = server.sql("show master status").split("\t")[:2]
        gtid = server.sql("select @@gtid_binlog_pos")
        server.sql("insert into ris.exam values (2); insert into ris.exam values (3)")
        server.kill()
        server.start()
        server.sql("insert into ris.exam values (4); flush binary logs; insert into ris.exam values (5)")
        server.stop()
        server.start()
        server.sql("insert into ris.exam values (6); insert into ris.exam values (7)")
        for path in server.data.glob("binlog.*"):
            shutil.copy(path, kept)
    (kept / "binlog.state").unlink(missing_ok=True)
    return Logs(kept, (file, int(position)), gtid, datetime.now(UTC) + timedelta(seconds=2))
