"""`drp verifier` as a user runs it: lists, tries and facts, their exit statuses and their documents."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import warm
from tests.support.fixtures_verifiers import BINARIES, Cluster, as_postgres
from tests.support.waiting import PATIENCE

DRP = str(Path(sys.executable).parent / "drp")


def drp(*arguments: str, check: int | None = None) -> subprocess.CompletedProcess[str]:
    ended = warm.drp("verifier", *arguments)
    if check is not None:
        assert ended.returncode == check, ended.stdout + ended.stderr
    return ended


def test_list_names_every_verifier_with_its_distribution():
    listed = json.loads(drp("list", "--json", check=0).stdout)
    assert listed["schema"] == "drp/verifiers/1"
    assert {"command", "files", "http", "postgres", "sqlite", "tcp"} <= {found["name"] for found in listed["verifiers"]}
    assert "drp_verifiers.postgres:PostgresVerifier" in drp("list", check=0).stdout


def test_list_shows_the_options_of_one():
    text = drp("list", "postgres", check=0).stdout
    assert "required or if-enabled or no" in text
    assert "sha256:" in text
    document = json.loads(drp("list", "postgres", "--json", check=0).stdout)
    assert document["options"]["properties"]["port"]["type"] == "integer"
    assert "did you mean postgres" in drp("list", "postgers", check=10).stderr


@pytest.mark.parametrize(
    ("script", "status", "word"),
    [
        ("exit 0", 0, "1 passed"),
        ("exit 1", 1, "1 failed"),
        ("exit 9", 3, "1 undetermined"),
        ("kill -SEGV $$", 1, "signal 11"),
        ("kill -9 $$", 3, "as by the limit for memory"),
    ],
)
def test_try_ends_with_the_outcome(script, status, word):
    argv = json.dumps(["/bin/sh", "-c", script])
    assert word in drp("try", "command", "--target", "local", "--option", f"argv={argv}", check=status).stdout


def test_try_as_json():
    argv = ("--option", 'argv: ["/bin/true"]')
    assert drp("try", "command", "--target", "local", *argv).returncode == 2
    ended = drp("try", "command", "--target", "local", "--option", 'argv=["/bin/true"]', "--json", check=0)
    document = json.loads(ended.stdout)
    assert document["schema"] == "drp/check-results/1"
    assert document["results"][0]["check"] == "command/exit"


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (["port"], 2, "say key=value"),
        (["port=[1"], 2, "no YAML"),
        (["port=1", "port.x=2"], 2, "already has a value"),
        (["prot=1"], 10, "did you mean `port`"),
        (["port=x"], 10, "port: must be a whole number"),
    ],
)
def test_wrong_options_are_explained(options, status, words):
    arguments = [argument for option in options for argument in ("--option", option)]
    assert words in drp("try", "tcp", "--target", "local", *arguments, check=status).stderr


def test_output_cannot_act_on_the_terminal():
    argv = json.dumps(["/usr/bin/printf", "\x1b[2Jx"])
    text = drp("try", "command", "--target", "local", "--option", f"argv={argv}", check=0).stdout
    assert "\x1b" not in text


@pytest.mark.real
def test_facts_of_a_server_fit_its_restored_copy(healthy: Cluster, tmp_path: Path):
    facts = tmp_path / "facts.json"
    facts.write_text(drp("facts", "postgres", "--host", healthy.host, "--user", "postgres", check=0).stdout)
    tables = json.loads(facts.read_text())["postgres"]["databases"]["ehr"]["tables"]
    assert tables == {"public.patient": 3000, "public.result": 3000}
    options = ("--option", f"host={healthy.host}", "--facts", str(facts))
    newest = ("--option", "newest.query=SELECT max(changed_at) FROM patient", "--option", "newest.database=ehr")
    ended = drp("try", "postgres", "--target", "local", *options, *newest, check=0)
    assert "2026-11-20 07:50:00Z" in ended.stdout
    assert "amcheck=False" in ended.stderr
    assert "postgres/amcheck" not in ended.stdout
    facts.write_text(facts.read_text().replace("3000", "2999"))
    wrong = drp("try", "postgres", "--target", "local", *options, check=1).stdout
    assert "public.patient has 3,000 rows, had 2,999 (+1)" in wrong
    before = drp("try", "postgres", "--target", "local", *options, *newest, "--disaster-at", "2026-11-20T07:00:00")
    assert "dated after the disaster" in before.stdout


@pytest.mark.real
def test_facts_in_the_snapshot_of_a_dump_ignore_what_came_later(cluster: Cluster):
    cluster.start()
    holder = subprocess.Popen(
        [f"{BINARIES}/psql", "-X", "-q", "-At", "-h", cluster.host, "-U", "postgres", "-d", "ehr"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdin is not None
        assert holder.stdout is not None
        holder.stdin.write("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pg_export_snapshot();\n")
        holder.stdin.flush()
        snapshot = holder.stdout.readline().strip()
        cluster.sql("DELETE FROM result WHERE id <= 10")
        where = ("facts", "postgres", "--host", cluster.host, "--database", "ehr")
        then = json.loads(drp(*where, "--snapshot", snapshot, check=0).stdout)
        now = json.loads(drp(*where, check=0).stdout)
    finally:
        holder.communicate("ROLLBACK;\n", timeout=PATIENCE)
    assert then["postgres"]["databases"]["ehr"]["tables"]["public.result"] == 3000
    assert now["postgres"]["databases"]["ehr"]["tables"]["public.result"] == 2990
    assert "invalid snapshot" in drp(*where, "--snapshot", "0000-0-0", check=13).stderr


@pytest.mark.real
def test_facts_are_refused_when_a_table_cannot_be_read(cluster: Cluster):
    cluster.start()
    file = cluster.file_of("patient")
    cluster.stop()
    cluster.flip(file, 2 * 8192 + 6000)
    cluster.start()
    ended = drp("facts", "postgres", "--host", cluster.host, check=13)
    assert ended.stdout == ""
    assert "invalid page" in ended.stderr


@pytest.mark.real
def test_facts_of_a_server_that_is_down_or_closed_are_refused(cluster: Cluster):
    assert "no facts" in drp("facts", "postgres", "--host", cluster.host, check=13).stderr
    (cluster.data / "pg_hba.conf").write_text("local all all reject\n")
    cluster.start()
    assert "no facts" in drp("facts", "postgres", "--host", cluster.host, check=13).stderr


@pytest.mark.real
def test_a_password_comes_by_reference_only(cluster: Cluster, tmp_path: Path):
    cluster.start()
    cluster.sql("CREATE ROLE reader LOGIN SUPERUSER PASSWORD 'canary-secret-of-the-reader'")
    (cluster.data / "pg_hba.conf").write_text("local all postgres trust\nlocal all reader scram-sha-256\n")
    as_postgres(f"{BINARIES}/pg_ctl", "-D", str(cluster.data), "reload")
    passwords = tmp_path / "pgpass"
    passwords.write_text("*:*:*:reader:canary-secret-of-the-reader\n")
    passwords.chmod(0o600)
    argv = [DRP, "verifier", "facts", "postgres", "--host", cluster.host, "--user", "reader", "--database", "ehr"]
    ended = subprocess.run(argv, capture_output=True, text=True, env={"PGPASSFILE": str(passwords)}, timeout=60)
    assert ended.returncode == 0, ended.stderr
    assert "canary-secret" not in ended.stdout + ended.stderr
    without = subprocess.run(
        argv, capture_output=True, text=True, env={"PGPASSWORD": "canary-secret-of-the-reader"}, timeout=60
    )
    assert without.returncode == 13


@pytest.mark.real
def test_facts_of_a_database_file(tmp_path: Path):
    import sqlite3

    connection = sqlite3.connect(tmp_path / "index")
    connection.executescript("CREATE TABLE study (id INTEGER); INSERT INTO study VALUES (1), (2)")
    connection.close()
    printed = drp("facts", "sqlite", str(tmp_path / "index"), "--as", "index", check=0).stdout
    facts = json.loads(printed)["sqlite"]["index"]
    assert (facts["tables"], facts["objects"]) == ({"study": 2}, {"tables": 1})
    assert "no file" in drp("facts", "sqlite", str(tmp_path / "gone"), check=13).stderr
