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
    return {result.check: result for result in results}


def test_a_whole_server_passes_and_its_damage_is_caught(server: MariaDB) -> None:
    results = verify(server)
    assert {
        check: (result.outcome, result.observed) for check, result in results.items() if result.outcome != "passed"
    } == {}
    watermark = results["newest"].watermark
    assert watermark is not None
    assert watermark.at == datetime(2026, 11, 21, 10, 5, tzinfo=UTC)

    options = MariaDbOptions(database="pharmacy", defaults_file=str(server.configuration))
    target = NamespaceTarget(server.namespace, server.user)
    facts = MariaDbVerifier().facts(target, options, EXPECTATION)
    assert facts == {"mariadb": {"pharmacy": {"counts": {"dose": 300, "drug": 2}, "rule": "exact"}}}

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
