"""Records of real PostgreSQL and MariaDB servers, as the reconciliation reads them."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest

from drp.domain.check import Expectation, Target
from drp.domain.reconciliation.collected import Row, microseconds
from drp.domain.reconciliation.declaration import RecordSource
from drp.verifiers.records import Records
from tests.hospital.mariadb import MariaDB
from tests.hospital.target import NamespaceTarget
from tests.integration.test_verifier_mariadb import server
from tests.simulators.target import LocalTarget
from tests.support.fixtures_verifiers import Cluster

__all__ = ["server"]

pytestmark = pytest.mark.real


def read(
    target: Target, expectation: Expectation, reader: str, fields: tuple[str, ...], **options: object
) -> tuple[list[Row], str]:
    found: list[Row] = []
    source = RecordSource(name="set", application="x", reader=reader, options=options, assume_utc=reader == "mariadb")
    trouble = Records(()).read(
        source, fields, target, expectation=expectation, receive=found.append, cancelled=lambda: False
    )
    return found, trouble


def postgres(cluster: Cluster, expectation: Expectation, query: str, *fields: str) -> tuple[list[Row], str]:
    options = {"host": cluster.host, "database": "ehr", "query": query, "user": "postgres"}
    return read(LocalTarget(user="postgres"), expectation, "postgres", fields, **options)


def test_postgresql_gives_every_row_with_its_instant(healthy: Cluster, expectation: Expectation):
    query = "SELECT id, name, changed_at AS at FROM patient ORDER BY id;"
    found, trouble = postgres(healthy, expectation, query, "id", "name")
    assert trouble == ""
    assert len(found) == 3000
    assert found[0] == (microseconds(datetime(2026, 11, 20, 7, 0, 1, tzinfo=UTC)), ("1", "patient 1"))


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT 1 AS id FROM nowhere", 'relation "nowhere" does not exist'),
        ("SELECT 1 / (id - 2990) AS id FROM patient", "division by zero"),
        ("SELECT id, naive AS at FROM patient", "no time zone"),
        ("SELECT name FROM patient", "has no field id"),
        ("SELECT nextval('patient_id_seq') AS id", "read-only transaction"),
        ("SELECT 1 AS id) AS q; DROP TABLE patient; --", "ERROR"),
    ],
)
def test_postgresql_tells_what_is_wrong_and_changes_nothing(
    healthy: Cluster, expectation: Expectation, query: str, said: str
):
    assert said in postgres(healthy, expectation, query, "id")[1]
    assert healthy.sql("SELECT count(*) FROM patient").strip() == "3000"


def test_a_server_that_does_not_answer_is_told(healthy: Cluster, expectation: Expectation):
    options = {"host": "/nowhere", "database": "ehr", "query": "SELECT 1 AS id"}
    assert "No such file" in read(LocalTarget(user="postgres"), expectation, "postgres", ("id",), **options)[1]


def test_values_that_would_break_a_line_come_out_as_they_are(healthy: Cluster, expectation: Expectation):
    query = r"SELECT E'a\n{\"id\": 2}\t\\ \u00e9' AS id"
    assert postgres(healthy, expectation, query, "id")[0] == [(None, ('a\n{"id": 2}\t\\ é',))]


def test_mariadb_gives_every_row_with_its_instant(server: MariaDB, expectation: Expectation):
    server.sql(
        "create database orders; create table orders.lab (number int, patient varchar(99), at datetime(6)); insert into "
        r"orders.lab values (1, 'a\tb\nc\\d\\\\n', '2026-11-21 02:00:00.000001'), (2, null, null), (3, 'é', '2026-11-21')"
    )
    options = {"database": "orders", "socket": str(server.socket), "user": "root"}
    target = NamespaceTarget(server.namespace)

    def read_it(query):
        return read(target, expectation, "mariadb", ("number", "patient"), query=query, **options)

    found, trouble = read_it("select * from lab order by number;")
    at = microseconds(datetime(2026, 11, 21, 2, tzinfo=UTC))
    assert trouble == ""
    assert found[0] == (at + 1, ("1", "a\tb\nc\\d\\\\n"))
    assert found[1:] == [(None, ("2", "")), (at - 7_200_000_000, ("3", "é"))]
    assert "doesn't exist" in read_it("select * from nowhere")[1]
    assert "READ ONLY" in read_it("delete from lab")[1]
    assert read(target, dataclasses.replace(expectation), "mariadb", ("number",), **options, query="select 1 as x")[1]
