"""Verifiers as drills run them: through the agent of a real sandbox, on a server that was started inside it."""

from __future__ import annotations

import hashlib
import io
import tarfile
from datetime import timedelta

import pytest

from drp.domain.application import CheckSpec
from drp.domain.check import CheckResult, Expectation, Target
from drp.verifiers.running import Checks
from tests.support.fixtures_sandboxes import Rig
from tests.support.fixtures_verifiers import BINARIES, NEWEST, Cluster

pytestmark = pytest.mark.real

OPTIONS = {
    "newest": {"query": "SELECT max(changed_at) FROM patient", "database": "ehr"},
    "assertions": [
        {"name": "seventh", "sql": "SELECT name FROM patient WHERE id = 7", "database": "ehr", "matches": "7$"}
    ],
}


def packed(cluster: Cluster) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=1) as archive:
        archive.add(cluster.data, "pg")
    return stream.getvalue()


def start(target: Target, cluster: Cluster) -> None:
    unpacked = target.run(["tar", "-xz", "--no-same-owner", "-C", "/data"], stdin=packed(cluster))
    assert unpacked.exit_code == 0, unpacked.stderr
    options = "-c listen_addresses=127.0.0.1 -c unix_socket_directories=/data/sockets -c shared_buffers=16MB"
    argv = [f"{BINARIES}/pg_ctl", "-D", "/data/pg", "-l", "/tmp/log", "-o", options, "-w", "start"]
    started = target.run(["setsid", *argv], timeout_seconds=60)
    assert started.exit_code == 0, started.stdout + started.stderr


def check(target: Target, verifier: str, options: dict, expectation: Expectation) -> dict[str, CheckResult]:
    spec = CheckSpec(name="ehr", verifier=verifier, options=options, timeout=timedelta(seconds=60))
    checks = Checks([spec])
    parts = [checks.run(spec, place, target, expectation, lambda: False) for place in checks.places(spec)]
    results = [result for part in parts for result in part.results]
    return {result.check.removeprefix("ehr/"): result for result in results}


@pytest.fixture
def target(rig: Rig) -> Target:
    return rig.driver.target(rig.open(data_bytes=256 << 20))


def test_a_healthy_server_passes_every_statement_in_a_sandbox(target, seeded_cluster, expectation):
    start(target, seeded_cluster)
    results = check(target, "postgres", OPTIONS, expectation)
    assert {name: result.outcome for name, result in results.items() if result.outcome != "passed"} == {}
    assert len(results) == 16
    assert results["newest"].watermark is not None
    assert results["newest"].watermark.at == NEWEST
    assert "pages were read; no failure" in results["checksums"].observed


def test_damage_is_seen_in_a_sandbox(target, cluster, expectation):
    cluster.start()
    heap, gin = cluster.file_of("patient"), cluster.file_of("result_tags")
    cluster.stop()
    cluster.flip(heap, 2 * 8192 + 6000)
    cluster.flip(gin, 2 * 8192 + 6000)
    start(target, cluster)
    results = check(target, "postgres", OPTIONS, expectation)
    assert {name for name, result in results.items() if result.outcome == "failed"} >= {
        "amcheck",
        "row-counts ehr",
        "checksums",
    }


TABLE_T = hashlib.sha256(b"CREATE TABLE t (a)").hexdigest()[:16]


def test_the_other_verifiers_work_in_a_sandbox(target, expectation):
    make = (
        "mkdir -p /data/files/a && cd /data/files/a && printf '%%PDF-1.7' > x.pdf && touch -d 2026-11-20T09:00Z x.pdf"
    )
    assert target.run(["/bin/sh", "-c", make]).exit_code == 0
    database = "import sqlite3; c = sqlite3.connect('/data/files/db'); c.execute('CREATE TABLE t (a)'); c.execute('INSERT INTO t VALUES (1)'); c.commit()"
    assert target.run(["/usr/bin/python3", "-c", database]).exit_code == 0
    serve = "cd /data/files && setsid /usr/bin/python3 -m http.server --bind 127.0.0.1 8080 >/dev/null 2>&1 & sleep 1"
    assert target.run(["/bin/sh", "-c", serve]).exit_code == 0
    tree = check(target, "files", {"root": "a", "magic": True, "newest": True}, expectation)
    assert [result.outcome for result in tree.values()] == ["passed"] * 3
    facts = Expectation(
        facts={"sqlite": {"db": {"tables": {"t": 1}, "definitions": {"tables": {"t": TABLE_T}}}}},
        disaster_at=expectation.disaster_at,
        consistent_at=expectation.consistent_at,
    )
    rows = check(target, "sqlite", {"path": "db"}, facts)
    assert [result.outcome for result in rows.values()] == ["passed"] * 5
    page = check(target, "http", {"url": "http://127.0.0.1:8080/a/x.pdf", "body_matches": "^%PDF"}, expectation)
    assert [result.outcome for result in page.values()] == ["passed"] * 2
    assert check(target, "tcp", {"port": 8080}, expectation)["accepts"].outcome == "passed"
    assert check(target, "tcp", {"port": 8081}, expectation)["accepts"].outcome == "failed"
    assert check(target, "command", {"argv": ["/bin/true"]}, expectation)["exit"].outcome == "passed"
    killed = check(target, "command", {"argv": ["/bin/sh", "-c", "kill -SEGV $$"]}, expectation)["exit"]
    assert (killed.outcome, "signal 11" in killed.observed) == ("failed", True)


def test_a_sandbox_that_is_gone_is_undetermined(rig, expectation):
    handle = rig.open()
    lost = rig.driver.target(handle)
    rig.driver.destroy(handle)
    (result,) = check(lost, "tcp", {"port": 1}, expectation).values()
    assert result.outcome == "undetermined"
    assert "SandboxError" in result.observed
