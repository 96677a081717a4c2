"""A dump that is hostile, loaded by the mariadb runbook: nothing of it runs in the client, steers the server or opens it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drp.domain.check import CheckResult, Expectation, Target
from drp.domain.restored_code import RestoredCode
from drp.domain.runbook import RunbookResult
from drp_verifiers.mariadb import MariaDbOptions, MariaDbVerifier
from tests.hospital.mariadb import served
from tests.hospital.processes import run
from tests.hospital.target import NamespaceTarget
from tests.support.fixtures_runbooks import Driver
from tests.support.role_programs import load

pytestmark = [pytest.mark.real, pytest.mark.slow]

ROOT = "/data/files/srv/ward"
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SEED = """
create database ward; use ward; create table patient (id int primary key, name varchar(9));
insert into patient select seq, 'p' from seq_1_to_12; create function one() returns int return 1;
"""
HOSTILE = """
SET GLOBAL init_connect = "CREATE TEMPORARY TABLE IF NOT EXISTS ward.patient AS SELECT seq AS id FROM seq_1_to_12";
SET GLOBAL tx_isolation = 'READ-UNCOMMITTED';
SET GLOBAL sql_mode = 'ORACLE';
SET GLOBAL sql_select_limit = 1;
SET GLOBAL max_statement_time = 0.001;
SET GLOBAL time_zone = '+11:00';
SET GLOBAL event_scheduler = ON;
CHANGE MASTER TO MASTER_HOST = '127.0.0.9', MASTER_USER = 'r', MASTER_PASSWORD = 'x';
START SLAVE;
CREATE USER mighty@'%' IDENTIFIED BY 'known'; GRANT ALL ON *.* TO mighty@'%' WITH GRANT OPTION;
CREATE ROLE chief; GRANT ALL ON *.* TO chief; CREATE USER led@'%' IDENTIFIED BY 'known'; GRANT chief TO led@'%';
CREATE USER 'o''dd'@'10.%' IDENTIFIED BY 'known'; GRANT FILE ON *.* TO 'o''dd'@'10.%';
CREATE USER keeper@'%' IDENTIFIED BY 'known'; GRANT SUPER ON *.* TO keeper@'%';
CREATE USER app@'%' IDENTIFIED BY 'right'; GRANT ALL ON ward.* TO app@'%';
"""
END = b"-- Dump completed"


@pytest.fixture(scope="module")
def dump(hospital_folder: Path) -> tuple[bytes, Expectation]:
    with served(hospital_folder / "hostile-source") as server:
        server.sql(SEED)
        bare = Expectation(disaster_at=NOON, consistent_at=NOON, timeout_seconds=60)
        options = MariaDbOptions(database="ward", defaults_file=str(server.configuration))
        facts = MariaDbVerifier().facts(NamespaceTarget(server.namespace, server.user), options, bare)
        words = [*server.client("mariadb-dump"), "--single-transaction", "--routines", "ward"]
        made = run(words, user=server.user).stdout
    return made, replace(bare, facts=facts)


def start(runbooks: Driver, text: bytes, **inputs: object) -> RunbookResult:
    folder = runbooks.sandbox.data / "files/srv/ward/dumps"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ward.sql").write_bytes(text)
    runbooks.sandbox.own()
    return runbooks.run("mariadb", "start", restored_root=ROOT, dumps="dumps", **inputs)


@contextmanager
def caller(runbooks: Driver) -> Iterator[Target]:
    sandbox = runbooks.sandbox
    cell = sandbox.rig.driver.open_caller(sandbox.handle)
    yield sandbox.rig.driver.target(cell)
    sandbox.rig.driver.destroy(cell)


def test_a_dump_tells_the_client_nothing(runbooks: Driver, dump: tuple[bytes, Expectation]) -> None:
    text, _ = dump
    started = start(runbooks, text.replace(END, b"\\! touch /tmp/there\n" + END))
    assert started.failed_task is not None
    assert "Not allowed in the sandbox mode" in started.failed_task.message
    client, *_ = load("mariadb", "client")
    for told, refused in {
        "system touch /tmp/there": "sandbox mode", "tee /tmp/there": "sandbox mode", "source /etc/passwd": "sandbox mode",
        "select 1 into outfile '/tmp/there';": "secure-file-priv",
        "load data local infile '/etc/passwd' into table ward.patient;": "ERROR",
    }.items():  # fmt: skip
        words = " ".join(client.READER)
        assert refused in runbooks.sandbox.shell(f"{words} 2>&1 <<'END' || true\n{told}\nEND\n"), told
    assert runbooks.sandbox.shell("ls /tmp/there 2>&1 || true").endswith("No such file or directory\n")


def test_what_a_dump_sets_for_the_whole_server_is_taken_back(runbooks: Driver, dump: tuple[bytes, Expectation]) -> None:
    text, expectation = dump
    inputs = {"production_addresses": ["10.66.0.5"], "network_administrators": ["keeper@%"]}
    started = start(runbooks, text.replace(END, HOSTILE.encode() + END), **inputs)
    assert started.ok, started
    notices = started.outputs["drp_notices"]
    assert isinstance(notices, list)
    told = {(each["kind"], each["subject"]) for each in notices}
    assert told >= {
        ("overridden", "init_connect"), ("overridden", "tx_isolation"), ("overridden", "sql_mode"),
        ("overridden", "time_zone"), ("overridden", "sql_select_limit"), ("overridden", "max_statement_time"), ("unused", "event_scheduler"), ("held-back", "replication"),
        ("overridden", "account mighty@%"), ("overridden", "account led@%"), ("overridden", "account o'dd@10.%"),
    }, told  # fmt: skip
    assert {subject for kind, subject in told if kind == "unused"} == {"event_scheduler"}
    assert not any("keeper" in subject or "app@" in subject for _, subject in told)
    ask = "mariadb --no-defaults -NBe 'select 12' -h 127.0.0.1 -p{} -u {} 2>&1 || true"
    assert "Access denied" in runbooks.sandbox.shell(ask.format("known", "mighty"))
    assert "Access denied" in runbooks.sandbox.shell(ask.format("known", "led"))
    assert runbooks.sandbox.shell(ask.format("known", "keeper")) == "12\n"
    assert runbooks.sandbox.shell(ask.format("right", "app")) == "12\n"
    assert "Access denied" in runbooks.sandbox.shell(
        "mariadb --no-defaults -e 'select 1' -h 127.0.0.1 -u root 2>&1 || true"
    )
    with caller(runbooks) as target:
        found = list(MariaDbVerifier().verify(target, MariaDbOptions(database="ward"), expectation))
    results = {one.check: one for one in found if isinstance(one, CheckResult)}
    assert {one.outcome for one in results.values()} == {"passed"}, results
    assert "routine ward.one" in {one.name for one in found if isinstance(one, RestoredCode)}
