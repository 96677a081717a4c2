"""What drp counts of a MariaDB backup by itself, in a reader cell: dumps as text, and a copy under a server of its own."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drp.domain.check import CheckResult, Expectation
from drp.domain.check_runner import Answer
from drp.domain.judged import NotJudged
from drp_verifiers.mariadb import MariaDbOptions, MariaDbVerifier
from drp_verifiers.watermarks import Newest
from tests.hospital import backups_pacs
from tests.hospital.mariadb import served
from tests.hospital.processes import run
from tests.hospital.target import NamespaceTarget
from tests.support.fixtures_runbooks import OpenSandbox
from tests.support.fixtures_sandboxes import Rig

pytestmark = [pytest.mark.real, pytest.mark.slow]

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SEED = r"""
create database ward; use ward;
create table patient (id int primary key, name varchar(80), photo blob, seen_at datetime, weight double);
insert into patient select seq, concat('O''Hara \\ "x" (', seq, ');\n-- /* ', char(10), ')'), unhex(sha2(seq, 512)),
  '2026-11-21 10:00:00' + interval seq second, -seq / 7 from seq_1_to_500;
create table `odd ``table` (`a b` int, c varchar(9)); insert into `odd ``table` values (1, ''), (2, null), (3, ';');
create table nothing (id int); create table past (id int primary key) with system versioning; insert into past values (1);
delimiter //
create trigger upper before insert on patient for each row begin set new.name = concat('a;', new.name); end//
create procedure tidy() begin delete from patient; insert into patient (id) values (1), (2); end//
delimiter ;
"""


@dataclass
class Backup:
    """A physical backup, dumps in several forms, and the facts of both."""

    path: Path
    expectation: Expectation


@pytest.fixture(scope="module")
def backup(hospital_folder: Path) -> Iterator[Backup]:
    kept = hospital_folder / "read-kept"
    kept.mkdir()
    kept.chmod(0o777)
    with served(hospital_folder / "read-source") as server:
        server.sql(SEED)
        bare = Expectation(disaster_at=NOON, consistent_at=NOON, timeout_seconds=60)
        options = MariaDbOptions(database="ward", defaults_file=str(server.configuration), digest=True)
        facts = MariaDbVerifier().facts(NamespaceTarget(server.namespace, server.user), options, bare)
        for form, words in {
            "whole": ("--routines", "--triggers", "ward"),
            "rows": ("--skip-extended-insert", "--hex-blob", "--complete-insert", "--databases", "ward"),
            "all": ("--all-databases", "--skip-comments"),
        }.items():
            (kept / form).mkdir()
            (kept / form).chmod(0o777)
            dump = [*server.client("mariadb-dump"), "--single-transaction", f"--result-file={kept}/{form}/ward.sql"]
            run([*dump, *words], user=server.user)
        backups_pacs.mariadb_physical(server, kept)
        yield Backup(kept, replace(bare, facts=facts))


@pytest.fixture
def sandbox(rig: Rig) -> OpenSandbox:
    return OpenSandbox(rig)


def read(
    sandbox: OpenSandbox, backup: Backup, newest: Newest | None = None, tier: int = 1, **inputs: object
) -> list[Answer]:
    sandbox.own()
    cell = sandbox.rig.driver.open_reader(sandbox.handle)
    expectation = replace(backup.expectation, inputs=inputs, tier=tier)
    options = MariaDbOptions(database="ward", newest=newest)
    try:
        return list(MariaDbVerifier().read(sandbox.rig.driver.target(cell), options, expectation))
    finally:
        sandbox.rig.driver.destroy(cell)


def told(found: list[Answer]) -> dict[str, tuple[str, str]]:
    return {one.check: (one.outcome, one.observed) for one in found if isinstance(one, CheckResult)}


def why(found: list[Answer]) -> str:
    assert all(isinstance(one, NotJudged) for one in found), found
    return "; ".join(one.why for one in found if isinstance(one, NotJudged))


COUNTED = {"read-counts": ("passed", "4 tables, 504 rows, counted in the text")}


def test_rows_of_dumps_are_counted_in_their_text(sandbox: OpenSandbox, backup: Backup) -> None:
    root = sandbox.data / "restore"
    for form in ("whole", "rows", "all"):
        shutil.copytree(backup.path / form, root / form)
        found = read(sandbox, backup, dumps=form)
        assert told(found) == COUNTED, (form, found)
    path = root / "whole/ward.sql"
    text = path.read_bytes()
    with gzip.open(root / "whole/ward.sql.gz", "wb") as packed:
        packed.write(text)
    path.unlink()
    assert told(read(sandbox, backup, dumps="whole")) == COUNTED

    def changed(old: bytes, new: bytes) -> list[Answer]:
        assert old in text
        (root / "rows/ward.sql").write_bytes(text.replace(old, new, 1))
        return read(sandbox, backup, dumps="rows")

    assert told(changed(b"INSERT INTO `patient` VALUES\n(", b"INSERT INTO `patient` VALUES\n(0,'','','',0),(")) == {
        "read-counts": ("failed", "patient: 501, had 500")
    }
    assert told(changed(b"INSERT INTO `patient`", b"/*!999999 INSERT INTO `patient`")) == {}
    gone = b"INSERT INTO `odd ``table` VALUES\n(1,''),\n(2,NULL),\n(3,';');\n"
    for hidden in (b"", b"/* " + gone + b" */;", b"/*!60000 " + gone.rstrip(b";\n") + b" */;", b"-- " + gone.replace(b"\n", b" ")):
        assert told(changed(gone, hidden)) == {"read-counts": ("failed", "odd `table: 0, had 3")}, hidden
    assert told(changed(gone, gone + b"DROP DATABASE `whole`;"))["read-counts"][0] == "passed"
    assert told(changed(gone, gone + b"DROP DATABASE IF EXISTS ward;"))["read-counts"][0] == "failed"
    for also, verb in (
        (b"DELETE FROM `patient`;", "DELETE FROM"),
        (b"CALL tidy();", "CALL"),
        (b"INSERT INTO nothing SELECT 1;", "INSERT INTO"),
        (b"INSERT IGNORE INTO nothing VALUES (1);", "INSERT IGNORE"),
        (b"\\! touch /tmp/x\n;", "tells the client something"),
        (b"INSERT INTO nothing VALUES (1) ON DUPLICATE KEY UPDATE id = VALUES(id);", "update others"),
        (b"SET NAMES sjis;", "texts are written in sjis"),
    ):
        assert verb in why(changed(gone, gone + also + b"\n")), also


def test_a_copy_of_a_physical_backup_is_counted_under_a_server_of_its_own(sandbox: OpenSandbox, backup: Backup) -> None:
    root = sandbox.data / "restore"
    shutil.copytree(backup.path / "base", root / "base")
    newest = Newest(query="select max(seen_at) from patient", assume_utc=True)
    found = read(sandbox, backup, newest)
    assert {check: outcome for check, (outcome, _) in told(found).items()} == dict.fromkeys(
        ("read-counts", "read-content", "read-newest"), "passed"
    ), found
    assert told(found)["read-counts"][1] == "4 tables, 504 rows"
    assert not (root / "base/ib_logfile0").read_bytes().startswith(b"\0" * 512), "the restored files stay as they are"
    assert "only for applications of tier 1" in why(read(sandbox, backup, tier=2))
    assert "binary log goes on" in why(read(sandbox, backup, binlog="binlog"))
    with (root / "base/backup-my.cnf").open("a") as options:
        options.write("plugin_load=file_key_management=evil.so\n")
    assert "needs a plugin" in why(read(sandbox, backup))
    (root / "base/backup-my.cnf").unlink()
    for path in (root / "base/ward").glob("patient.*"):
        path.unlink()
    assert told(read(sandbox, backup))["read-counts"][0] == "failed"
