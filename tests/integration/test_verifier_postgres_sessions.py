"""The postgres verifier on servers whose own settings would hide what is wrong with them."""

from __future__ import annotations

import json

import pytest

from drp.domain.check import Expectation
from drp_verifiers.postgres_census import take
from drp_verifiers.postgres_facts import facts
from drp_verifiers.postgres_server import hiding, server_facts
from drp_verifiers.postgres_session import Connection, Session
from drp_verifiers.statements import NoAnswer
from tests.integration.test_verifier_postgres import PAGE, damage, failed, outcomes
from tests.simulators.target import LocalTarget
from tests.support.fixtures_verifiers import BINARIES, Cluster

pytestmark = pytest.mark.real


def session(cluster: Cluster, user: str = "postgres") -> Session:
    return Session(
        LocalTarget("postgres"), Connection(host=cluster.host, port=5432, user=user, database="ehr"), str(BINARIES), 30
    )


@pytest.mark.parametrize(
    ("place", "setting"),
    [
        ("alter system", "ignore_checksum_failure"),
        ("alter database ehr", "zero_damaged_pages"),
        ("alter role postgres", "ignore_checksum_failure"),
        ("alter role all in database ehr", "zero_damaged_pages"),
    ],
)
def test_rot_is_found_whatever_a_setting_says(cluster: Cluster, expectation: Expectation, place: str, setting: str):
    cluster.start()
    cluster.sql(f"{place} set {setting} = on")
    cluster.stop()
    damage(cluster, "patient", 2 * PAGE + 6000)
    results = cluster.verify(expectation)
    assert {"amcheck", "row-counts ehr", "checksums"} <= failed(results)
    assert "invalid page in block 2" in results["checksums"].observed
    with pytest.raises(NoAnswer, match="XX001"):
        facts(session(cluster), ("ehr",))


def test_what_others_were_not_told_of_makes_the_pages_undetermined(cluster: Cluster, expectation: Expectation):
    """An application that reads a damaged page so leaves it in the buffers, where it looks sound to everybody."""
    cluster.start()
    cluster.sql("create role clerk login superuser; alter role clerk set zero_damaged_pages = on")
    results = cluster.verify(expectation)
    assert results["checksums"].outcome == "undetermined"
    assert "zero_damaged_pages is on for role clerk" in results["checksums"].observed
    told = json.loads(json.dumps(facts(session(cluster), ("ehr",))))
    assert told["postgres"]["hidden_from_others"] == ["zero_damaged_pages is on for role clerk"]
    cluster.sql("alter role clerk reset zero_damaged_pages")
    assert hiding(session(cluster), "ehr") == ()
    assert "hidden_from_others" not in facts(session(cluster), ("ehr",))["postgres"]
    assert outcomes(cluster.verify(expectation)) == {"passed"}


def test_a_user_who_may_not_look_properly_does_not_judge(cluster: Cluster):
    cluster.start()
    cluster.sql("create role clerk login; grant pg_read_all_data to clerk")
    assert take(session(cluster, "clerk"), "ehr").tables["public.patient"] == 3000
    assert facts(session(cluster, "clerk"), ("ehr",))
    cluster.sql("alter system set zero_damaged_pages = on; select pg_reload_conf()")
    with pytest.raises(NoAnswer, match="cannot look without hiding damage: zero_damaged_pages is on"):
        server_facts(session(cluster, "clerk"), "ehr")
    with pytest.raises(NoAnswer, match="let a superuser look"):
        facts(session(cluster, "clerk"), ("ehr",))
    assert server_facts(session(cluster), "ehr")["checksums"] is True


def test_rows_are_counted_in_the_table(cluster: Cluster, expectation: Expectation):
    """An index that lost rows, and the planner's taste for it, do not change a count."""
    cluster.start()
    cluster.sql("alter database ehr set enable_seqscan = off; alter database ehr set enable_indexonlyscan = on")
    cluster.sql("update pg_index set indisready = false where indexrelid = 'patient_name'::regclass")
    cluster.sql("insert into patient (name, changed_at) select 'late', '2026-11-20Z' from generate_series(1, 5)")
    cluster.sql("update pg_index set indisready = true where indexrelid = 'patient_name'::regclass; vacuum patient")
    results = cluster.verify(expectation)
    assert "public.patient has 3005 rows, had 3000" in results["row-counts ehr"].observed


def test_a_prepared_transaction_is_named_and_holds_nothing_up(cluster: Cluster, expectation: Expectation):
    with (cluster.data / "postgresql.conf").open("a") as stream:
        stream.write("max_prepared_transactions = 4\n")
    cluster.start()
    cluster.sql(
        "begin; insert into patient (name, changed_at) values ('late', '2026-11-20Z'); prepare transaction 'xa-1'"
    )
    results = cluster.verify(expectation)
    assert outcomes(results) == {"passed"}
    assert "prepared transactions that nobody has ended: xa-1" in results["server"].observed
    assert "parents were not compared, xa-1 holds locks" in results["amcheck"].observed
