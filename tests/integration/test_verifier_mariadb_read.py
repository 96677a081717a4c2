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
from drp_verifiers.mariadb_said import said
from drp_verifiers.watermarks import Newest
from tests.hospital import backups_pacs
from tests.hospital.mariadb import served
from tests.hospital.processes import run
from tests.hospital.target import NamespaceTarget
from tests.support.fixtures_runbooks import OpenSandbox
from tests.support.fixtures_sandboxes import Rig
from tests.support.role_programs import payload

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
        server.stop()
        shutil.copytree(server.data, kept / "cold")
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


GONE = b"INSERT INTO `odd ``table` VALUES\n(1,''),\n(2,NULL),\n(3,';');\n"
FIRST = b"INSERT INTO `patient` VALUES\n("
dump_rows, statements = payload("mariadb_dump_rows", "mariadb_statements")
COUNTED = {"read-counts": ("passed", "4 tables, 504 rows, counted in the text")}


def test_rows_of_dumps_are_counted_in_their_text(sandbox: OpenSandbox, backup: Backup) -> None:
    root = sandbox.data / "files"
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

    (root / "rows/ward.sql").write_bytes(text.replace(FIRST, FIRST + b"0,'','','',0),(", 1))
    assert told(read(sandbox, backup, dumps="rows")) == {"read-counts": ("failed", "patient: 501, had 500")}
    (root / "rows/ward.sql").write_bytes(text.replace(FIRST, b"DELETE FROM `patient`;" + FIRST, 1))
    assert "DELETE FROM" in why(read(sandbox, backup, dumps="rows"))


@pytest.mark.parametrize("fast", [True, False])
def test_a_dump_is_read_as_client_and_server_read_it(
    backup: Backup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fast: bool
) -> None:
    if not fast:
        monkeypatch.setattr(statements, "PLAIN_ROW", None)
        monkeypatch.setattr(statements, "CHUNK", 64)
    text = (backup.path / "whole/ward.sql").read_bytes()

    def counted(also: bytes = b"", instead: bytes = GONE, last: bytes = b"") -> dict[str, int]:
        (tmp_path / "ward.sql").write_bytes(text.replace(GONE, instead + also + b"\n", 1) + last)
        answer = dump_rows.count({"folder": str(tmp_path), "database": "", "seconds": 60, "release": 101119})
        if answer["why"]:
            raise statements.Odd("words", ", ".join(map(said, answer["why"])))
        found: dict[str, int] = answer["tables"].get("ward", {})
        return found

    whole = {"patient": 500, "odd `table": 3, "nothing": 0, "past": 1}
    assert GONE in text
    assert counted() == whole
    row = b"INSERT INTO nothing VALUES (1)"
    assert counted(b"DELIMITER //\n" + row + b"//\nDELIMITER ;\n/*!50000 " + row + b"*/;" + row + b" -- ;(\n;") == {
        **whole, "nothing": 3,
    }  # fmt: skip
    assert counted(b"SET autocommit=0;" + row + b";COMMIT;BEGIN;" + row + b";COMMIT;SET autocommit=1;") == {
        **whole,
        "nothing": 2,
    }
    assert counted(b"BEGIN;" + row + b";")["nothing"] == 1, "the next table that is made ends it"
    for begin in (b"BEGIN;", b"SET autocommit=0;"):
        with pytest.raises(statements.Odd, match="a transaction that does not end"):
            counted(last=begin + row + b";")
    for hidden in (b"", b"/* " + GONE + b" */;", b"-- " + GONE.replace(b"\n", b" "), b"/*!60000 " + row + b" */;"):
        assert counted(instead=hidden) == {**whole, "odd `table": 0}, hidden
    assert counted(b"DROP DATABASE `whole`;") == whole
    assert counted(b"DROP DATABASE IF EXISTS ward;") == {"past": 1, "patient": 500}, "what comes after it"
    for also, reason in (
        (b"CALL tidy();", "CALL"),
        (b"INSERT INTO nothing SELECT 1;", "INSERT INTO"),
        (b"INSERT IGNORE INTO nothing VALUES (1);", "INSERT IGNORE"),
        (b"REPLACE INTO nothing VALUES (1);", "REPLACE INTO"),
        (b"\\! touch /tmp/x\n;", "tells the client something"),
        (row + b" ON DUPLICATE KEY UPDATE id = VALUES(id);", "update others"),
        (row + b" ON DUPLICATE KEY UPDATE id = 7;", "in the middle of its rows"),
        (b"SET NAMES sjis;", "texts are written in sjis"),
        (b"/*!999999 /* */ " + row + b"; */", "more than one statement"),
        (b"/*!999999 none; " + row + b" */;", "more than one statement"),
        (b"/*!10000 " + row + b"; */", "in the middle of a comment"),
        (row + b" delimiter //\n;", "in the middle of a statement"),
        (b"SET STATEMENT max_statement_time=1 FOR DELETE FROM nothing;", "SET"),
        (b"SET default_storage_engine=BLACKHOLE;", "SET"),
        (b"CREATE FUNCTION f() RETURNS int RETURN 1;SET @a = f();", "SET"),
        (b"CREATE FUNCTION f() RETURNS int RETURN 1;INSERT INTO nothing VALUES (f());", "INSERT INTO"),
        (b"exit\n" + row + b";", "EXIT"),
    ):
        with pytest.raises(statements.Odd) as raised:
            counted(also)
        assert reason in said(raised.value.told)


def test_a_copy_of_a_physical_backup_is_counted_under_a_server_of_its_own(sandbox: OpenSandbox, backup: Backup) -> None:
    root = sandbox.data / "files"
    shutil.copytree(backup.path / "base", root / "base")
    newest = Newest(query="select max(seen_at) from patient", assume_utc=True)
    found = read(sandbox, backup, newest)
    assert {check: outcome for check, (outcome, _) in told(found).items()} == dict.fromkeys(
        ("read-counts", "read-content", "read-newest"), "passed"
    ), found
    assert told(found)["read-counts"][1] == "4 tables, 504 rows"
    assert not (root / "base/ib_logfile0").read_bytes().startswith(b"\0" * 512), "the restored files stay as they are"
    shutil.copytree(backup.path / "cold", root / "cold")
    assert told(read(sandbox, backup, data_directory="cold"))["read-counts"] == told(found)["read-counts"]
    assert "only for applications of tiers 0 and 1" in why(read(sandbox, backup, tier=2))
    assert "binary log goes on" in why(read(sandbox, backup, binlog="binlog"))
    with (root / "base/backup-my.cnf").open("a") as options:
        options.write("plugin_load=file_key_management=evil.so\n")
    assert "needs a plugin" in why(read(sandbox, backup))
    (root / "base/backup-my.cnf").unlink()
    for path in (root / "base/ward").glob("patient.*"):
        path.unlink()
    assert told(read(sandbox, backup))["read-counts"][0] == "failed"
