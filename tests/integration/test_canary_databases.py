"""Heartbeats in real databases: written, kept short, read by verifiers as canaries, and refused with the right status."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drp import canaries
from drp.canaries import Heartbeat
from drp.config.canaries import DatabaseCanary
from drp.domain.check import Expectation
from drp.domain.restore import SecretReference
from drp.errors import AccessDenied, NotFound, Unreachable
from drp_verifiers.mariadb import MariaDbOptions, MariaDbVerifier
from drp_verifiers.watermarks import Newest
from tests.hospital.mariadb import MariaDB, served
from tests.hospital.target import NamespaceTarget
from tests.support.fixtures_verifiers import BINARIES, Cluster, as_postgres
from tests.support.s3_server import free_ports

pytestmark = [pytest.mark.real, pytest.mark.slow]
AT = datetime(2026, 11, 20, 7, 55, tzinfo=UTC)
PASSWORD = 'a "quoted" \\ pass#word'


def beat(at: datetime = AT) -> Heartbeat:
    return Heartbeat(at=at, nonce=os.urandom(8).hex())


def secret(value: str):
    return lambda reference: value


def settings(**changes: object) -> DatabaseCanary:
    base = DatabaseCanary(
        kind="postgres",
        host="/nowhere",
        port=5432,
        database="ehr",
        user="drp_canary",
        password=SecretReference(kind="credential", value=("canary",)),
        ca_file=None,
        keep=3,
        timeout_seconds=10,
    )
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


@pytest.fixture
def postgres(cluster: Cluster) -> tuple[Cluster, int]:
    """A server that asks everybody but its superuser for a password, over its socket and over TCP."""
    rules = "local all postgres trust\nlocal all all scram-sha-256\nhost all all 127.0.0.1/32 scram-sha-256\n"
    (cluster.data / "pg_hba.conf").write_text(rules)
    (port,) = free_ports(1)
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={cluster.host} -c fsync=off"
    log = str(cluster.data.parent / "log")
    as_postgres(f"{BINARIES}/pg_ctl", "-D", str(cluster.data), "-l", log, "-o", options, "-w", "start")
    psql(
        cluster, port, f"CREATE ROLE drp_canary LOGIN PASSWORD '{PASSWORD}'; GRANT CREATE ON DATABASE ehr TO drp_canary"
    )
    return cluster, port


def psql(cluster: Cluster, port: int, sql: str) -> str:
    argv = (f"{BINARIES}/psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-h", cluster.host, "-p", str(port))
    return as_postgres(*argv, "-d", "ehr", "-f", "-", text=sql).stdout.strip()


def test_postgres_keeps_the_last_heartbeats_over_socket_and_tcp(postgres: tuple[Cluster, int]) -> None:
    cluster, port = postgres
    for number in range(5):
        host = cluster.host if number % 2 else "127.0.0.1"
        written = canaries.write(settings(host=host, port=port), beat(AT + timedelta(minutes=number)), secret(PASSWORD))
        assert written.place == f"postgres {host}:{port}/ehr drp.drp_canary"
        assert written.removed_from_the_future == 0
    kept = psql(cluster, port, "SET timezone = 'UTC'; SELECT at FROM drp.drp_canary ORDER BY at")
    assert kept.splitlines() == [f"2026-11-20 07:{minute}:00+00" for minute in (57, 58, 59)]


def test_postgres_heartbeats_of_a_clock_that_ran_ahead_are_removed(postgres: tuple[Cluster, int]) -> None:
    cluster, port = postgres
    chosen = settings(host=cluster.host, port=port)
    canaries.write(chosen, beat(AT + timedelta(days=900)), secret(PASSWORD))
    assert canaries.write(chosen, beat(), secret(PASSWORD)).removed_from_the_future == 1
    assert psql(cluster, port, "SELECT count(*) FROM drp.drp_canary") == "1"


def test_postgres_account_needs_nothing_but_its_table(postgres: tuple[Cluster, int]) -> None:
    cluster, port = postgres
    psql(
        cluster,
        port,
        "REVOKE CREATE ON DATABASE ehr FROM drp_canary; CREATE SCHEMA drp; GRANT USAGE ON SCHEMA drp TO drp_canary;"
        "CREATE TABLE drp.drp_canary (at timestamptz NOT NULL, nonce text NOT NULL);"
        "GRANT SELECT, INSERT, DELETE ON drp.drp_canary TO drp_canary",
    )
    canaries.write(settings(host=cluster.host, port=port), beat(), secret(PASSWORD))
    assert psql(cluster, port, "SELECT count(*) FROM drp.drp_canary") == "1"


def test_what_postgres_refuses_says_why(postgres: tuple[Cluster, int]) -> None:
    cluster, port = postgres
    chosen = settings(host=cluster.host, port=port)
    with pytest.raises(AccessDenied, match="password") as refused:
        canaries.write(chosen, beat(), secret("wrong"))
    assert refused.value.exit_status == 12
    assert "wrong" not in str(refused.value)
    with pytest.raises(NotFound):
        canaries.write(dataclasses.replace(chosen, database="nothing"), beat(), secret(PASSWORD))
    psql(cluster, port, "REVOKE CREATE ON DATABASE ehr FROM drp_canary")
    with pytest.raises(AccessDenied, match="permission denied"):
        canaries.write(chosen, beat(), secret(PASSWORD))
    psql(cluster, port, "GRANT CREATE ON DATABASE ehr TO drp_canary; ALTER SYSTEM SET default_transaction_read_only = on; SELECT pg_reload_conf()")  # fmt: skip
    with pytest.raises(Unreachable, match="read-only"):
        canaries.write(chosen, beat(), secret(PASSWORD))
    cluster.stop()
    for host in (cluster.host, "127.0.0.1"):
        with pytest.raises(Unreachable) as silent:
            canaries.write(dataclasses.replace(chosen, host=host), beat(), secret(PASSWORD))
        assert silent.value.exit_status == 13


def test_postgres_is_told_the_password_itself_only_where_it_is_known(
    postgres: tuple[Cluster, int], tmp_path: Path
) -> None:
    cluster, port = postgres
    certificate, key = cluster.data / "server.crt", cluster.data / "server.key"
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    words += [
        "-subj",
        "/CN=ehr",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        str(key),
        "-out",
        str(certificate),
    ]
    as_postgres(*words)
    trusted = tmp_path / "ca.pem"
    trusted.write_bytes(certificate.read_bytes())
    rules = "local all postgres trust\nlocal all all password\nhost all all 127.0.0.1/32 password\n"
    (cluster.data / "pg_hba.conf").write_text(rules)
    psql(cluster, port, "ALTER SYSTEM SET ssl = on; SELECT pg_reload_conf()")
    canaries.write(settings(host=cluster.host, port=port), beat(), secret(PASSWORD))
    with pytest.raises(AccessDenied, match="in the clear") as refused:
        canaries.write(settings(host="127.0.0.1", port=port), beat(), secret(PASSWORD))
    assert "scram-sha-256" in refused.value.hint
    canaries.write(settings(host="127.0.0.1", port=port, ca_file=trusted), beat(), secret(PASSWORD))
    psql(cluster, port, "SET password_encryption = md5; ALTER ROLE drp_canary PASSWORD 'old-word'")
    (cluster.data / "pg_hba.conf").write_text(rules.replace("password", "md5"))
    psql(cluster, port, "SELECT pg_reload_conf()")
    canaries.write(settings(host="127.0.0.1", port=port), beat(), secret("old-word"))
    with pytest.raises(AccessDenied, match="none is configured"):
        canaries.write(settings(host="127.0.0.1", port=port, password=None), beat(), secret(""))


def test_the_postgres_verifier_takes_the_canary_and_refuses_one_from_the_future(
    postgres: tuple[Cluster, int], expectation: Expectation
) -> None:
    cluster, port = postgres
    psql(cluster, port, "ALTER ROLE drp_canary SET timezone = 'America/New_York'")
    canaries.write(settings(host=cluster.host, port=port), beat(), secret(PASSWORD))
    newest = Newest(query="SELECT max(at) FROM drp.drp_canary", database="ehr", canary=True)
    options = {"port": port, "newest": newest, "amcheck": False, "row_counts": False, "checksums": "no"}
    watermark = cluster.verify(expectation, **options)["newest"].watermark
    assert watermark is not None
    assert (watermark.at, watermark.canary) == (AT, True)
    canaries.write(settings(host=cluster.host, port=port), beat(AT + timedelta(days=2)), secret(PASSWORD))
    assert cluster.verify(expectation, **options)["newest"].outcome == "undetermined"


@pytest.fixture
def mariadb(hospital_folder: Path, request: pytest.FixtureRequest) -> Iterator[MariaDB]:
    with served(hospital_folder / f"canary-{abs(hash(request.node.name)) % 10**8}") as made:
        said = PASSWORD.replace("\\", "\\\\")
        made.sql(f"create database ehr; create user drp_canary@localhost identified by '{said}'")
        made.sql("grant select, insert, delete, create on ehr.drp_canary to drp_canary@localhost")
        yield made


def test_mariadb_takes_keeps_and_reads_heartbeats(mariadb: MariaDB) -> None:
    chosen = settings(kind="mariadb", host=str(mariadb.socket), port=3306)
    for number in range(5):
        written = canaries.write(chosen, beat(AT + timedelta(minutes=number)), secret(PASSWORD))
        assert written.removed_from_the_future == 0
    assert mariadb.sql("select count(*), min(at) from drp_canary", "ehr") == "3\t2026-11-20 07:57:00.000000"
    assert canaries.write(chosen, beat(), secret(PASSWORD)).removed_from_the_future == 3
    mariadb.sql("revoke create on ehr.drp_canary from drp_canary@localhost")
    canaries.write(chosen, beat(AT + timedelta(seconds=1)), secret(PASSWORD))

    newest = Newest(query="SELECT max(at) FROM drp_canary", assume_utc=True, canary=True)
    options = MariaDbOptions(database="ehr", defaults_file=str(mariadb.configuration), newest=newest)
    noon = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    expectation = Expectation(disaster_at=noon, consistent_at=noon, declared_at=noon, timeout_seconds=60)
    target = NamespaceTarget(mariadb.namespace, mariadb.user)
    results = {result.check: result for result in MariaDbVerifier().verify(target, options, expectation)}
    watermark = results["newest"].watermark
    assert watermark is not None
    assert (watermark.at, watermark.canary) == (AT + timedelta(seconds=1), True)


def test_what_mariadb_refuses_says_why(mariadb: MariaDB) -> None:
    chosen = settings(kind="mariadb", host=str(mariadb.socket), port=3306)
    mariadb.sql(
        "install soname 'auth_ed25519'; create user proof@localhost identified via ed25519 using password('word')"
    )
    mariadb.sql("grant select, insert, delete, create on ehr.drp_canary to proof@localhost")
    canaries.write(dataclasses.replace(chosen, user="proof"), beat(), secret("word"))
    mariadb.sql("drop table drp_canary", "ehr")
    with pytest.raises(AccessDenied, match="1045") as refused:
        canaries.write(chosen, beat(), secret("wr0ng"))
    assert "wr0ng" not in str(refused.value)
    mariadb.sql("revoke create on ehr.drp_canary from drp_canary@localhost")
    with pytest.raises(AccessDenied, match="1142"):
        canaries.write(chosen, beat(), secret(PASSWORD))
    mariadb.sql("grant create on other.* to drp_canary@localhost")
    with pytest.raises(NotFound):
        canaries.write(dataclasses.replace(chosen, database="other"), beat(), secret(PASSWORD))
    mariadb.stop()
    with pytest.raises(Unreachable):
        canaries.write(chosen, beat(), secret(PASSWORD))
    (port,) = free_ports(1)
    with pytest.raises(Unreachable):
        canaries.write(dataclasses.replace(chosen, host="127.0.0.1", port=port), beat(), secret(PASSWORD))
