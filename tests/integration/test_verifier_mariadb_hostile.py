"""What restored content can do to make a MariaDB answer for it, on a real server: caught, outlasted, or named."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drp.domain.check import CheckResult, Expectation
from drp.domain.check_runner import Answer
from drp.domain.judged import NotJudged
from drp.domain.restored_code import RestoredCode
from drp_verifiers.mariadb import MariaDbOptions, MariaDbVerifier
from tests.hospital.mariadb import MariaDB, served
from tests.hospital.processes import write_private
from tests.hospital.target import NamespaceTarget

pytestmark = [pytest.mark.real, pytest.mark.slow]

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SEED = """
create database ward; use ward;
create table patient (id int primary key, name varchar(40)); insert into patient select seq, 'p' from seq_1_to_12;
create table ledger (id int) engine=MyISAM; insert into ledger values (1), (2);
create procedure tidy() select 1; create user app@'127.0.0.1' identified by 'right'; create user app@localhost;
grant select, create temporary tables on ward.* to app@localhost;
"""


@pytest.fixture(scope="module")
def server(hospital_folder: Path) -> Iterator[MariaDB]:
    with served(hospital_folder / "hostile") as made:
        made.sql(SEED)
        yield made


@pytest.fixture(scope="module")
def expectation(server: MariaDB) -> Expectation:
    bare = Expectation(disaster_at=NOON, consistent_at=NOON, timeout_seconds=60)
    options = MariaDbOptions(database="ward", defaults_file=str(server.configuration))
    facts = MariaDbVerifier().facts(NamespaceTarget(server.namespace, server.user), options, bare)
    return replace(bare, facts=facts)


def answers(server: MariaDB, expectation: Expectation, file: str = "", *, tables: bool = False) -> list[Answer]:
    options = MariaDbOptions(database="ward", defaults_file=file or str(server.configuration), tables=tables)
    return list(MariaDbVerifier().verify(NamespaceTarget(server.namespace, server.user), options, expectation))


def outcomes(found: list[Answer]) -> dict[str, CheckResult]:
    return {each.check: each for each in found if isinstance(each, CheckResult)}


TAMPERED = [
    ("rename table mysql.time_zone_name to mysql.kept; create view mysql.time_zone_name as select * from mysql.kept",
     "drop view mysql.time_zone_name; rename table mysql.kept to mysql.time_zone_name", "mysql.time_zone_name is a view"),
    ("alter table mysql.servers add column said int as (1)", "alter table mysql.servers drop column said",
     "mysql.servers computes its column said"),
    ("create function mysql.sha2(a text, b int) returns text return 'so'", "drop function mysql.sha2",
     "function mysql.sha2 is none of its own"),
    ("create event mysql.nightly on schedule every 1 day do set @a = 1", "drop event mysql.nightly",
     "event mysql.nightly"),
    ("create view mysql.beside as select 1", "drop view mysql.beside", "mysql.beside is a view"),
    ("drop procedure mysql.AddGeometryColumn; create procedure mysql.AddGeometryColumn(a int) select 1",
     "drop procedure mysql.AddGeometryColumn",
     "procedure mysql.AddGeometryColumn is another one"),
]  # fmt: skip


def test_a_server_whose_own_schema_was_changed_is_asked_nothing_else(server: MariaDB, expectation: Expectation) -> None:
    sound = answers(server, expectation)
    assert {one.outcome for one in outcomes(sound).values()} == {"passed"}, sound
    assert [one.name for one in sound if isinstance(one, RestoredCode)] == ["routine ward.tidy"]
    for group in (TAMPERED[:-1], TAMPERED[-1:]):
        server.sql(";".join(change for change, _, _ in group))
        found = outcomes(answers(server, expectation))
        assert found["system"].outcome == "failed"
        assert [told for _, _, told in group if told not in found["system"].observed] == [], found["system"]
        others = [one for check, one in found.items() if check not in {"server", "system"}]
        assert {(one.outcome, one.because) for one in others} == {("undetermined", "system")}, others
        server.sql(";".join(undo for _, undo, _ in group))


def test_the_schema_of_an_older_release_and_usual_plugins_are_no_alarm(
    server: MariaDB, expectation: Expectation
) -> None:
    server.sql(
        "alter table mysql.servers modify Username char(64); create table mysql.host (Host char(60)) engine=MyISAM"
    )
    for library in ("server_audit", "auth_ed25519", "simple_password_check"):
        server.sql(f"install soname '{library}'")
    found = answers(server, expectation)
    assert {one.outcome for one in outcomes(found).values()} == {"passed"}, found
    named = {one.name for one in found if isinstance(one, RestoredCode)}
    assert {"plugin SERVER_AUDIT", "plugin ed25519", "plugin simple_password_check"} <= named
    assert any(isinstance(one, NotJudged) and "host; servers" in one.why for one in found), found
    server.sql("drop table mysql.host; alter table mysql.servers modify Username char(128) not null default ''")
    for library in ("server_audit", "auth_ed25519", "simple_password_check"):
        server.sql(f"uninstall soname '{library}'")


def test_what_is_set_for_every_session_changes_no_answer(server: MariaDB, expectation: Expectation) -> None:
    server.sql("xa start 'a'; insert into ward.patient select seq from seq_13_to_99; xa end 'a'; xa prepare 'a'".replace(
        "select seq from", "select seq, 'q' from"))  # fmt: skip
    server.sql(
        "set global tx_isolation = 'READ-UNCOMMITTED'; set global sql_select_limit = 1; set global max_join_size = 1;"
        "set global sql_mode = 'ORACLE'; set global time_zone = '+11:00'; set global max_statement_time = 0.001;"
    )
    try:
        found = outcomes(answers(server, expectation))
        assert {one.outcome for one in found.values()} == {"passed"}, found
        assert found["counts"].observed == "2 tables, 14 rows"
    finally:
        write_private(server.root / "undo.sql", "", server.user)
        server.sql(
            "set session max_statement_time = 0, sql_select_limit = default, sql_big_selects = 1;"
            "set global tx_isolation = 'REPEATABLE-READ'; set global sql_select_limit = 18446744073709551615;"
            "set global max_join_size = 18446744073709551615; set global sql_mode = ''; set global time_zone = 'SYSTEM';"
            "set global max_statement_time = 0; xa rollback 'a'"
        )


def test_a_table_that_is_made_for_every_session_hides_no_other(server: MariaDB, expectation: Expectation) -> None:
    file = server.root / "etc" / "app.cnf"
    write_private(file, f"[client]\nsocket={server.socket}\nuser=app\n", server.user)
    made = "create temporary table if not exists ward.patient as select seq as id, 'x' as name from seq_1_to_12"
    server.sql(f'delete from ward.patient where id > 2; set global init_connect = "{made}"')
    try:
        found = outcomes(answers(server, expectation, str(file)))
        assert {one.outcome for one in found.values()} == {"undetermined"}, found
        assert "temporary tables for every session" in found["server"].observed
        whole = answers(server, expectation)
        assert "setting INIT_CONNECT" in {one.name for one in whole if isinstance(one, RestoredCode)}
        assert "patient: 2, had 12" in outcomes(whole)["counts"].observed, "an administrator's session does not run it"
    finally:
        server.sql("set global init_connect = ''; insert into ward.patient select seq, 'p' from seq_3_to_12")


def test_a_view_is_opened_without_running_its_functions(server: MariaDB, expectation: Expectation) -> None:
    hidden = "create temporary table if not exists ward.patient as select seq as id, 'x' as name from ward.seq_1_to_12"
    server.sql(
        f"delimiter //\ncreate function ward.hide() returns int begin {hidden}; return 1; end//\ndelimiter ;\n"
        "create view ward.aaa as select ward.hide() as hidden; delete from ward.patient where id > 2"
    )
    try:
        assert server.sql("select count(*) from ward.aaa; select count(*) from ward.patient") == "1\n12", (
            "a session that asks it"
        )
        found = outcomes(answers(server, expectation))
        assert "patient: 2, had 12" in found["counts"].observed
        assert found["views"].outcome == "passed"
        server.sql("create or replace view ward.aaa as select ward.hide() as hidden, name from ward.patient")
        server.sql("rename table ward.patient to ward.other")
        assert "aaa" in outcomes(answers(server, expectation))["views"].observed
        server.sql("rename table ward.other to ward.patient")
    finally:
        server.sql(
            "drop view ward.aaa; drop function ward.hide; insert into ward.patient select seq, 'p' from seq_3_to_12",
            "ward",
        )


def test_rows_are_counted_and_not_believed(server: MariaDB, expectation: Expectation) -> None:
    server.sql("flush tables ward.ledger")
    index = server.data / "ward" / "ledger.MYI"
    content = bytearray(index.read_bytes())
    at = content.index(struct.pack(">Q", 2), 24)
    content[at : at + 8] = struct.pack(">Q", 12)
    kept, facts = index.read_bytes(), expectation.facts["mariadb"]["ward"]  # type: ignore[index]
    index.write_bytes(content)
    assert server.sql("select count(*) from ward.ledger") == "12", "what its file states of itself"
    wanted = replace(expectation, facts={"mariadb": {"ward": facts | {"tables": {"patient": 12, "ledger": 12}}}})
    assert "ledger: 2, had 12" in outcomes(answers(server, wanted))["counts"].observed
    server.sql("flush tables ward.ledger")
    index.write_bytes(kept)
    server.sql("create table ward.all_of_it (id int) engine=MERGE union=(ward.ledger)")
    found = outcomes(answers(server, expectation))
    assert "not counted, since they lie elsewhere: all_of_it (MRG_MYISAM)" in found["counts"].observed
    server.sql("drop table ward.all_of_it")


def test_no_more_of_an_option_file_is_taken_than_who_asks(server: MariaDB, expectation: Expectation) -> None:
    file, trace = server.root / "etc" / "restored.cnf", server.root / "tmp" / "trace"
    evil = f"tee={trace}\nplugin-dir={server.root}\ndefault-auth=evil\ninit-command=SET @a = 1\nexecute=SELECT 'so'\n"
    write_private(file, f"[client]\nsocket={server.socket}\nuser=root\n{evil}[mariadb]\n{evil}", server.user)
    found = outcomes(answers(server, expectation, str(file)))
    assert {one.outcome for one in found.values()} == {"passed"}, found
    assert not trace.exists()
