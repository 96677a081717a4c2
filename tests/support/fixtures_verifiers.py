"""Real servers for the tests of verifiers: PostgreSQL clusters that a test may damage, and small HTTP and TCP servers."""

from __future__ import annotations

import dataclasses
import json
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from drp.domain.check import CheckResult, Expectation
from drp.domain.judged import NotJudged
from drp_verifiers.postgres import PostgresVerifier
from drp_verifiers.postgres_facts import facts
from drp_verifiers.postgres_session import Connection, Session
from drp_verifiers.postgres_tables import databases
from tests.simulators.target import LocalTarget
from tests.support.scratch import MEMORY, scratch

BINARIES = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))

SEED = """
CREATE TABLE patient (id serial PRIMARY KEY, name text NOT NULL, changed_at timestamptz NOT NULL, naive timestamp);
CREATE TABLE result (id serial PRIMARY KEY, patient int REFERENCES patient, value numeric, tags int[]);
CREATE INDEX patient_name ON patient (name);
CREATE INDEX result_tags ON result USING gin (tags);
INSERT INTO patient (name, changed_at, naive)
  SELECT 'patient ' || n, timestamptz '2026-11-20 08:00:00+01' + n * interval '1 second', timestamp '2026-11-20 07:00:00'
  FROM generate_series(1, 3000) AS n;
INSERT INTO result (patient, value, tags) SELECT n, n * 1.5, ARRAY[n, n % 7] FROM generate_series(1, 3000) AS n;
CREATE UNLOGGED TABLE cache (id int);
INSERT INTO cache SELECT generate_series(1, 10);
"""
NEWEST = datetime(2026, 11, 20, 7, 50, 0, tzinfo=UTC)


def as_postgres(*argv: str, check: bool = True, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command as the user postgres."""
    entry = pwd.getpwnam("postgres")
    return subprocess.run(
        argv,
        user=entry.pw_uid,
        group=entry.pw_gid,
        extra_groups=[],
        input=text,
        capture_output=True,
        text=True,
        check=check,
        cwd="/",
        timeout=120,
    )


@dataclass
class Cluster:
    """A PostgreSQL cluster that listens on a socket in its own directory only."""

    data: Path
    facts: dict[str, object] = field(default_factory=dict)
    """What a backup job would have kept of it."""
    not_judged: list[NotJudged] = field(default_factory=list)
    """What the newest look at it left out."""

    @property
    def port(self) -> int:
        return 5432

    @property
    def host(self) -> str:
        return str(self.data.parent)

    def start(self, *, wait: bool = True) -> None:
        options = f"-c listen_addresses= -c unix_socket_directories={self.host} -c fsync=off -c logging_collector=off"
        log = self.data.parent / "log"
        as_postgres(
            f"{BINARIES}/pg_ctl", "-D", str(self.data), "-l", str(log), "-o", options, "-w" if wait else "-W", "start"
        )

    def stop(self) -> None:
        as_postgres(f"{BINARIES}/pg_ctl", "-D", str(self.data), "-m", "fast", "-w", "stop", check=False)

    def sql(self, sql: str, database: str = "ehr") -> str:
        argv = (
            f"{BINARIES}/psql",
            "-X",
            "-q",
            "-At",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            self.host,
            "-d",
            database,
            "-f",
            "-",
        )
        return as_postgres(*argv, text=sql).stdout.strip()

    def file_of(self, relation: str) -> Path:
        return self.data / self.sql(f"SELECT pg_relation_filepath('{relation}')")

    def flip(self, file: Path, offset: int) -> None:
        """Invert one byte of a file in place; the server must be stopped."""
        with file.open("r+b") as stream:
            stream.seek(offset)
            byte = stream.read(1)
            stream.seek(offset)
            stream.write(bytes([byte[0] ^ 0xFF]))

    def count(self, *, digest: bool = False) -> dict[str, object]:
        """Return the facts of the running server, as they come out of a manifest."""
        connection = Connection(host=self.host, port=self.port, user="postgres", database="postgres")
        session = Session(LocalTarget("postgres"), connection, str(BINARIES), 60)
        made = facts(session, databases(session, "postgres"), digest=digest, whole=True)
        return cast("dict[str, object]", json.loads(json.dumps(made)))

    def verify(self, expectation: Expectation, **options: object) -> dict[str, CheckResult]:
        """Run the verifier and return its results by name."""
        verifier = PostgresVerifier()
        chosen = verifier.Options(host=self.host, user="postgres", **options)
        answers = list(verifier.verify(LocalTarget("postgres"), chosen, expectation))
        results = [answer for answer in answers if isinstance(answer, CheckResult)]
        self.not_judged = [answer for answer in answers if isinstance(answer, NotJudged)]
        assert len({result.check for result in results}) == len(results)
        return {result.check: result for result in results}


def make_cluster(folder: Path, *, checksums: bool = True) -> Cluster:
    """Make an empty, stopped cluster in a new folder that belongs to postgres."""
    folder.mkdir(parents=True)
    shutil.chown(folder, "postgres", "postgres")
    flags = ["-k"] if checksums else []
    data = folder / "data"
    as_postgres(
        f"{BINARIES}/initdb",
        "-N",
        "-A",
        "trust",
        "-U",
        "postgres",
        "-E",
        "UTF8",
        "--locale=C.UTF-8",
        "--wal-segsize=1",
        *flags,
        str(data),
    )
    return Cluster(data)


def copy_of(cluster: Cluster, folder: Path) -> Cluster:
    """Return a stopped copy of a stopped cluster in a new folder."""
    folder.mkdir()
    shutil.chown(folder, "postgres", "postgres")
    as_postgres("cp", "-a", str(cluster.data), str(folder / "data"))
    return Cluster(folder / "data")


@pytest.fixture(scope="session")
def postgres_folder() -> Iterator[Path]:
    """Yield a folder that the user postgres can reach (pytest's own is private to root)."""
    with scratch("drp-test-postgres", MEMORY) as folder:
        yield folder


@pytest.fixture(scope="session")
def seeded_cluster(postgres_folder: Path) -> Cluster:
    """Return a stopped cluster with a seeded database ``ehr``: copy it before use."""
    cluster = make_cluster(postgres_folder / "seed")
    cluster.start()
    try:
        cluster.sql("CREATE DATABASE ehr", "postgres")
        cluster.sql(SEED)
        cluster.sql("VACUUM FREEZE ANALYZE; CHECKPOINT")
        cluster.facts = cluster.count()
    finally:
        cluster.stop()
    return cluster


@pytest.fixture(scope="session")
def healthy(seeded_cluster: Cluster, postgres_folder: Path) -> Iterator[Cluster]:
    """Yield a running copy of the seeded cluster that no test may change."""
    copy = copy_of(seeded_cluster, postgres_folder / "healthy")
    copy.start()
    yield copy
    copy.stop()


@pytest.fixture
def cluster(seeded_cluster: Cluster, postgres_folder: Path, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """Yield a stopped copy of the seeded cluster for one test; it is stopped and removed after."""
    copy = copy_of(seeded_cluster, postgres_folder / f"c{abs(hash(request.node.nodeid)) % 10**10}")
    yield copy
    copy.stop()
    shutil.rmtree(copy.data.parent)


@pytest.fixture
def moment() -> Expectation:
    """Return what a drill expects of a backup without facts: declared at noon, a recovery point of ten o'clock."""
    noon = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    return Expectation(disaster_at=noon, declared_at=noon, consistent_at=noon - timedelta(hours=2), timeout_seconds=60)


@pytest.fixture
def expectation(moment: Expectation, seeded_cluster: Cluster) -> Expectation:
    """Return what a drill expects of the seeded cluster."""
    return dataclasses.replace(moment, facts=seeded_cluster.facts)


@pytest.fixture
def free_port() -> int:
    """Return a port on loopback that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
