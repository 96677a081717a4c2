"""The ``mariadb`` verifier on a real server whose tables are whole, damaged, shorter or gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drp.domain.check import CheckResult, Expectation
from drp_verifiers.mariadb import MariaDbOptions, MariaDbVerifier
from drp_verifiers.watermarks import Newest
from tests.hospital.mariadb import MariaDB, served
from tests.hospital.target import NamespaceTarget

pytestmark = [pytest.mark.real, pytest.mark.slow]

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
EXPECTATION = Expectation(
    facts={"mariadb": {"pharmacy": {"counts": {"dose": 300, "drug": 2}}}},
    disaster_at=NOW,
    consistent_at=NOW,
    timeout_seconds=60,
)
SEED = """
create database pharmacy; use pharmacy;
create table drug (id int primary key, name varchar(40));
create table dose (id int primary key, drug int, given_at datetime) engine=MyISAM;
insert into drug values (1, 'a'), (2, 'b');
insert into dose select seq, 1 + seq % 2, '2026-11-21 10:00:00' + interval seq second from seq_1_to_300;
"""


@pytest.fixture
def server(hospital_folder: Path, request: pytest.FixtureRequest) -> Iterator[MariaDB]:
    with served(hospital_folder / f"mariadb-{abs(hash(request.node.name)) % 10**8}") as made:
        made.sql(SEED)
        yield made


def verify(server: MariaDB, **changes: object) -> dict[str, CheckResult]:
    newest = Newest(query="select max(given_at) from dose", assume_utc=True)
    options = MariaDbOptions(database="pharmacy", defaults_file=str(server.configuration), newest=newest)
    target = NamespaceTarget(server.namespace, server.user)
    results = MariaDbVerifier().verify(target, replace(options, **changes), EXPECTATION)  # type: ignore[arg-type]
    return {result.check: result for result in results if isinstance(result, CheckResult)}


def test_a_whole_server_passes_and_its_damage_is_caught(server: MariaDB) -> None:
    results = verify(server)
    assert {
        check: (result.outcome, result.observed) for check, result in results.items() if result.outcome != "passed"
    } == dict.fromkeys(
        ("objects",),
        ("undetermined", "the facts in the manifest do not know of this: made by an earlier drp, make them again"),
    ), "such facts know of rows only"
    watermark = results["newest"].watermark
    assert watermark is not None
    assert watermark.at == datetime(2026, 11, 21, 10, 5, tzinfo=UTC)

    options = MariaDbOptions(database="pharmacy", defaults_file=str(server.configuration))
    target = NamespaceTarget(server.namespace, server.user)
    facts = MariaDbVerifier().facts(target, options, EXPECTATION)
    known = facts["mariadb"]["pharmacy"]  # type: ignore[index]
    assert (known["tables"], known["rule"]) == ({"dose": 300, "drug": 2}, "exact")

    assert verify(server, newest=Newest(query="select max(given_at) from dose"))["newest"].outcome == "undetermined"

    server.sql("delete from dose where id > 290", "pharmacy")
    shorter = verify(server)
    assert shorter["counts"].outcome == "failed"
    assert "dose: 290, had 300" in shorter["counts"].observed

    server.sql("flush tables", "pharmacy")
    data = server.data / "pharmacy" / "dose.MYD"
    content = bytearray(data.read_bytes())
    content[500:900] = b"\xff" * 400
    data.write_bytes(content)
    assert verify(server)["tables"].outcome == "failed"

    server.sql("drop table dose", "pharmacy")
    assert verify(server)["counts"].outcome == "failed"
    server.sql("drop table drug", "pharmacy")
    assert verify(server)["counts"].outcome == "failed", "an empty database"


def test_a_server_that_had_to_be_forced_or_does_not_answer_fails(server: MariaDB) -> None:
    server.stop()
    text = server.configuration.read_text()
    server.configuration.write_text(text.replace("[mariadbd]", "[mariadbd]\ninnodb_force_recovery=1"))
    server.start()
    assert verify(server)["server"].outcome == "failed"
    server.kill()
    silent = verify(server)
    assert silent["server"].outcome == "failed"
    assert silent["counts"].outcome == "undetermined"
    assert verify(server, defaults_file="/absent")["server"].outcome == "failed"


HOSTILE = """
[client]
init-command="SET time_zone='+02:00', sql_select_limit=1"
[mariadb-client]
execute="SELECT 'dose', 300"
[mariadb-check]
auto-repair
"""


def test_an_instant_is_the_same_in_every_zone(server: MariaDB) -> None:
    """A TIMESTAMP is shown in the session's zone, a DATETIME is what production's clocks showed."""
    server.sql("create table exam (id int, at timestamp, seen_at datetime)", "pharmacy")
    server.sql(
        "set time_zone='+00:00'; insert into exam values (1, '2026-11-21 10:00:00', '2026-11-21 11:00:00')", "pharmacy"
    )
    stored, shown = "select max(at) from exam", "select max(seen_at) from exam"
    wanted = datetime(2026, 11, 21, 10, tzinfo=UTC)
    for zone in ("SYSTEM", "+02:00", "-11:00"):
        server.sql(f"set global time_zone='{zone}'")
        for query, said in ((stored, {"assume_utc": True}), (shown, {"zone": "Europe/Paris"})):
            found = verify(server, newest=Newest(query=query, **said), tables=False)["newest"]  # type: ignore[arg-type]
            assert found.watermark is not None, found
            assert found.watermark.at == wanted, (zone, query)
    for query, why in (
        ("select convert_tz(max(seen_at), 'Europe/Paris', 'UTC') from exam", "knows no zone Europe/Paris"),
        ("select coalesce(convert_tz(max(seen_at), 'CET', '+00:00'), max(seen_at)) from exam", "knows no zone CET"),
        ("select convert_tz(max(seen_at), 'SYSTEM', '+00:00') from exam", "zone of the machine"),
        ("select max(seen_at) from exam -- latest", ""),
        ("set time_zone = '-06:00'; select max(at) from exam", "the session was changed while it was asked"),
    ):
        found = verify(server, newest=Newest(query=query, assume_utc=True), tables=False)["newest"]
        assert (found.outcome if why else "undetermined") == "undetermined", found
        assert why in found.observed


def test_restored_option_files_do_not_answer_for_the_server(server: MariaDB) -> None:
    text = server.configuration.read_text()
    server.configuration.write_text(text + HOSTILE)
    results = verify(server)
    assert results.pop("objects").outcome == "undetermined", "facts of rows only"
    assert {check: each.outcome for check, each in results.items()} == dict.fromkeys(results, "passed"), results


def test_odd_but_healthy_tables_pass_and_what_is_not_looked_at_is_named(server: MariaDB) -> None:
    server.sql(
        "create table audit (id int primary key, v int) with system versioning; insert into audit values (1, 1), (2, 1);"
        "create table export (id int not null) engine=csv; create table cache (id int) engine=memory; create sequence numbers;"
        "create view latest as select max(id) from dose; create table `we``ird na'me` (id int)",
        "pharmacy",
    )
    where = "host '127.0.0.1', port 3306, user 'hub', database 'pharmacy'"
    server.sql("install soname 'ha_federatedx'")
    server.sql(
        f"create user hub@'127.0.0.1'; grant all on *.* to hub@'127.0.0.1'; create server far foreign data wrapper mysql options ({where})"
    )
    server.sql(
        "create table remote (id int, drug int, given_at datetime) engine=FEDERATED connection='far/dose'", "pharmacy"
    )
    server.sql("create or replace server far foreign data wrapper mysql options (host '10.66.0.9', user 'x')")
    results = verify(server)
    assert (results["tables"].outcome, results["counts"].outcome) == ("passed", "passed"), results
    assert "not looked at, since they lie elsewhere: remote (FEDERATED)" in results["tables"].observed
    assert "not counted, since they lie elsewhere: remote (FEDERATED)" in results["counts"].observed
    options = MariaDbOptions(database="pharmacy", defaults_file=str(server.configuration))
    facts = MariaDbVerifier().facts(NamespaceTarget(server.namespace, server.user), options, EXPECTATION)
    counts = facts["mariadb"]["pharmacy"]["tables"]  # type: ignore[index]
    assert counts["audit"] == 2
    assert "remote" not in counts


def test_what_a_dump_leaves_out_is_counted_and_definers_that_are_gone_are_named(server: MariaDB) -> None:
    server.sql(
        "create user app@localhost; create user gone@localhost; create definer=app@localhost view latest as select max(id) from dose;"
        "create definer=app@localhost trigger upper before insert on drug for each row set new.name = upper(new.name);"
        "create definer=gone@localhost procedure old() select 1; create event nightly on schedule every 1 day do delete from dose;"
        "create sequence numbers; drop user gone@localhost",
        "pharmacy",
    )
    options = MariaDbOptions(database="pharmacy", defaults_file=str(server.configuration), tables=False)
    target = NamespaceTarget(server.namespace, server.user)
    facts = MariaDbVerifier().facts(target, options, EXPECTATION)
    known = facts["mariadb"]["pharmacy"]  # type: ignore[index]
    wanted = {"views": 1, "triggers": 1, "routines": 1, "events": 1, "sequences": 1}
    assert {kind: known["objects"][kind] for kind in wanted} == wanted
    assert known["orphans"] == 1, "production has one already, and nobody misses it"

    def checked() -> dict[str, CheckResult]:
        expectation = replace(EXPECTATION, facts=facts)
        answers = MariaDbVerifier().verify(target, options, expectation)
        return {each.check: each for each in answers if isinstance(each, CheckResult)}

    assert {each.outcome for each in checked().values()} == {"passed"}
    server.sql("drop user app@localhost")
    found = checked()
    assert found["objects"].outcome == "passed"
    assert (found["definers"].outcome, "latest by app@localhost" in found["definers"].observed) == ("failed", True)
    server.sql("drop procedure old; drop event nightly", "pharmacy")
    found = checked()
    assert found["counts"].outcome == "passed"
    assert found["objects"].outcome == "failed"
    assert "events: 0, had 1; missing: `nightly`; routines: 0, had 1" in found["objects"].observed
