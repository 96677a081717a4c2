"""Backups as hospitals make them, each into a folder that a backup tool then keeps.

Every backup tells what it promises: the instant whose data it holds, and facts counted inside the same snapshot
(``exact``) or just before it (``at-least``, where later writes come back too).
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.hospital.gnuhealth import Instance
from tests.hospital.mariadb import MariaDB
from tests.hospital.orthanc import Orthanc
from tests.hospital.postgres import Cluster
from tests.hospital.processes import Daemon, HospitalError, as_user, environment, hand_over, run

MODELS = (
    "party.party",
    "gnuhealth.patient",
    "gnuhealth.patient.lab.test",
    "gnuhealth.lab",
    "gnuhealth.imaging.test.request",
    "gnuhealth.imaging_orthanc.study",
    "ir.attachment",
)


_KINDS = {1: "patients", 2: "studies", 3: "series", 4: "instances"}


@dataclass(frozen=True)
class Backup:
    """What a backup left behind, and what it promises."""

    application: str
    kind: str
    path: Path
    consistent_at: datetime
    facts: Mapping[str, Any] = field(default_factory=dict)


def _now() -> datetime:
    return datetime.now(UTC)


# --- GNU Health on PostgreSQL -------------------------------------------------------------------------------------


def logical(instance: Instance, into: Path) -> Backup:
    """Dump the database, then copy attachments: every row of the dump then finds its file.

    Counts come from the very snapshot that is dumped, so they are exact.
    """
    target = hand_over(into / "database", instance.cluster.user)
    with _snapshot(instance.cluster, instance.database) as (snapshot, ask):
        at = datetime.fromisoformat(ask("select (now() at time zone 'UTC')::text || '+00:00'"))
        counts = {model: int(ask(f"select count(*) from {table(model)}")) for model in MODELS}
        dump = [*instance.cluster.client("pg_dump", instance.database), "-Fc", f"--snapshot={snapshot}"]
        run([*dump, "-f", str(target / f"{instance.database}.dump")], user=instance.cluster.user)
    roles = [*instance.cluster.client("pg_dumpall"), "--globals-only", "-f", str(target / "globals.sql")]
    run(roles, user=instance.cluster.user)
    _copy_rest(instance, into)
    return Backup(instance.name, "postgres-logical", into, at, _facts(counts, "exact"))


def table(model: str) -> str:
    """Return the table of a Tryton model."""
    return model.replace(".", "_")


def _facts(counts: Mapping[str, int], rule: str) -> dict[str, Any]:
    return {"gnuhealth": {"counts": dict(counts), "rule": rule}}


@contextlib.contextmanager
def _snapshot(cluster: Cluster, database: str) -> Iterator[tuple[str, Any]]:
    """Hold a repeatable-read transaction open; yields its exported snapshot and a way to ask inside of it."""
    words = [*cluster.client("psql", database), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
    process = subprocess.Popen(
        as_user(cluster.user, words), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(), text=True
    )
    assert process.stdin
    assert process.stdout

    def ask(statement: str) -> str:
        process.stdin.write(statement + ";\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise HospitalError("psql ended early")
        return line.strip()

    try:
        process.stdin.write("begin isolation level repeatable read read only;\n")
        yield ask("select pg_export_snapshot()"), ask
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


def _copy_rest(instance: Instance, into: Path) -> None:
    for part in (instance.attachments, instance.root / "etc"):
        shutil.rmtree(into / part.name, ignore_errors=True)
        run(["cp", "-a", str(part), str(into / part.name)])


def physical(instance: Instance, into: Path) -> Backup:
    """Take a base backup with its own manifest; the WAL archive beside it carries it forward in time."""
    counts = _counts(instance)
    target = hand_over(into / "base", instance.cluster.user)
    words = [*instance.cluster.client("pg_basebackup"), "-D", str(target),
             "-c", "fast", "-X", "stream", "--manifest-checksums=SHA256"]  # fmt: skip
    run(words, user=instance.cluster.user)
    _copy_rest(instance, into)
    return Backup(instance.name, "postgres-physical", into, _now(), _facts(counts, "at-least"))


def archived_wal(instance: Instance, into: Path, *, switch: bool = False) -> Backup:
    """Return what a base backup and the archive beside it promise now; ``switch`` closes the current segment first."""
    if switch:
        instance.cluster.sql("select pg_switch_wal()")
        _wait_for_archiver(instance.cluster)
    at = _now()
    _copy_rest(instance, into)
    return Backup(instance.name, "postgres-physical", into, at, _facts({}, "at-least"))


def _wait_for_archiver(cluster: Cluster) -> None:
    wanted = cluster.sql("select pg_walfile_name(pg_current_wal_lsn() - 1)")
    for _ in range(200):
        if (cluster.archive / wanted).exists():
            return
        time.sleep(0.05)
    raise HospitalError(f"WAL segment {wanted} was not archived")


def _counts(instance: Instance) -> dict[str, int]:
    union = " union all ".join(f"select '{m}', count(*) from {table(m)}" for m in MODELS)
    rows = instance.cluster.sql(union, instance.database).splitlines()
    return {model: int(count) for model, count in (row.split("|") for row in rows)}


def receive_wal(instance: Instance, into: Path) -> Daemon:
    """Stream WAL as it is written. A commit is acknowledged only when the stream holds it: nothing acknowledged is lost."""
    cluster = instance.cluster
    target = hand_over(into / "stream", cluster.user)
    base = [*cluster.client("pg_receivewal"), "--slot=vault"]
    run([*base, "--create-slot", "--if-not-exists"], user=cluster.user)
    receiver = Daemon.start(
        f"pg_receivewal of {instance.name}",
        [*base, "--synchronous", "--no-loop", "-D", str(target)],
        user=cluster.user,
        namespace=cluster.namespace,
        log=instance.root / "log" / "receivewal.log",
    )
    streaming = (
        "select count(*) from pg_stat_replication where application_name = 'pg_receivewal' and state = 'streaming'"
    )
    receiver.wait_until(lambda: cluster.sql(streaming) == "1")
    cluster.sql("alter system set synchronous_standby_names = 'pg_receivewal'")
    cluster.sql("select pg_reload_conf()")
    receiver.wait_until(lambda: cluster.sql("select sync_state from pg_stat_replication") == "sync")
    return receiver


# --- Orthanc ------------------------------------------------------------------------------------------------------


def orthanc_cold(pacs: Orthanc, into: Path) -> Backup:
    """Stop, copy, start again."""
    pacs.stop()
    at = _now()
    _copy_pacs(pacs, into)
    pacs.start()
    return Backup("pacs", "orthanc-sqlite-cold", into, at, index_facts(into / "storage"))


def orthanc_hot(pacs: Orthanc, into: Path) -> Backup:
    """Copy index and write-ahead log FIRST, attachments after them: every row of the index then finds its file."""
    at = _now()
    _copy_index(pacs, into, ("index", "index-wal"))
    _copy_attachments(pacs, into)
    return Backup("pacs", "orthanc-sqlite-hot", into, at, index_facts(into / "storage"))


def orthanc_hot_without_wal(pacs: Orthanc, into: Path) -> Backup:
    """A defective backup that is often seen: the newest studies live in the write-ahead log and are missing.

    The facts are those that an inventory of the live PACS would have given, so that the loss can be noticed.
    """
    with tempfile.TemporaryDirectory() as scratch:
        whole = Path(scratch, "storage")
        whole.mkdir()
        for name in ("index", "index-wal"):
            shutil.copy(pacs.storage / name, whole)
        facts = index_facts(whole)
    at = _now()
    _copy_index(pacs, into, ("index",))
    _copy_attachments(pacs, into)
    return Backup("pacs", "orthanc-sqlite-hot", into, at, facts)


def orthanc_on_database(pacs: Orthanc, database: Cluster | MariaDB, into: Path) -> Backup:
    """Dump the index database first, then copy attachments."""
    name = str(pacs.database["Database"])
    target = hand_over(into / "database", database.user)
    at, counts = _now(), _database_counts(database, name)
    if isinstance(database, Cluster):
        run([*database.client("pg_dump", name), "-Fc", "-f", str(target / f"{name}.dump")], user=database.user)
    else:
        words = [
            *database.client("mariadb-dump"),
            "--single-transaction",
            "--master-data=2",
            "--routines",
            "--triggers",
        ]
        run([*words, f"--result-file={target / f'{name}.sql'}", name], user=database.user)
    _copy_attachments(pacs, into)
    run(["cp", "-a", str(pacs.root / "etc"), str(into / "etc")])
    return Backup("pacs", f"orthanc-{pacs.index}", into, at, {"orthanc": {"counts": counts, "rule": "at-least"}})


def _database_counts(database: Cluster | MariaDB, name: str) -> dict[str, int]:
    rows = database.sql("select resourceType, count(*) from Resources group by resourceType", name).splitlines()
    kinds = dict(row.replace("\t", "|").split("|") for row in rows)
    return {kind: int(kinds.get(str(number), 0)) for number, kind in _KINDS.items()}


def _copy_pacs(pacs: Orthanc, into: Path) -> None:
    into.mkdir(parents=True, exist_ok=True)
    run(["cp", "-a", str(pacs.storage), str(into / "storage")])
    run(["cp", "-a", str(pacs.root / "etc"), str(into / "etc")])


def _copy_index(pacs: Orthanc, into: Path, names: tuple[str, ...]) -> None:
    hand_over(into / "storage", pacs.user)
    for name in names:
        if (pacs.storage / name).exists():
            run(["cp", "-a", str(pacs.storage / name), str(into / "storage" / name)])


def _copy_attachments(pacs: Orthanc, into: Path) -> None:
    hand_over(into / "storage", pacs.user)
    for folder in sorted(pacs.storage.iterdir()):
        if folder.is_dir():
            run(["cp", "-a", str(folder), str(into / "storage" / folder.name)])
    if not (into / "etc").exists():
        run(["cp", "-a", str(pacs.root / "etc"), str(into / "etc")])


def index_facts(storage: Path) -> dict[str, Any]:
    """Return what an index copy holds, from a scratch copy: opening it would merge its write-ahead log."""
    with tempfile.TemporaryDirectory() as scratch:
        for name in ("index", "index-wal"):
            if (storage / name).exists():
                shutil.copy(storage / name, scratch)
        connection = sqlite3.connect(Path(scratch, "index"))
        try:
            kinds = dict(connection.execute("select resourceType, count(*) from Resources group by resourceType"))
            size = connection.execute("select coalesce(sum(compressedSize), 0) from AttachedFiles").fetchone()[0]
        finally:
            connection.close()
    counts = {kind: int(kinds.get(number, 0)) for number, kind in _KINDS.items()}
    return {"orthanc": {"counts": counts, "rule": "exact", "bytes": int(size)}}


# --- MariaDB ------------------------------------------------------------------------------------------------------


def mariadb_physical(server: MariaDB, into: Path) -> Backup:
    """Copy the server while it runs; the binary log carries the copy forward in time."""
    target = hand_over(into / "base", server.user)
    words = ["mariadb-backup", f"--defaults-file={server.configuration}", "--backup", f"--target-dir={target}"]
    run([*words, "--user=root", f"--socket={server.socket}"], user=server.user)
    return Backup("pacs", "mariadb-physical", into, _now(), {})


def receive_binlog(server: MariaDB, into: Path) -> Daemon:
    """Stream the binary log as it is written, from its first file."""
    target = hand_over(into / "binlog", server.user)
    first = server.sql("show binary logs").splitlines()[0].split("\t")[0]
    words = [
        *server.client("mariadb-binlog"),
        "--read-from-remote-server",
        "--raw",
        "--stop-never",
        "--stop-never-slave-server-id=77",
    ]
    receiver = Daemon.start(
        "binary log receiver",
        [*words, f"--result-file={target}/", first],
        user=server.user,
        namespace=server.namespace,
        log=server.root.parent / "log" / "binlog.log",
    )
    receiver.wait_until(lambda: (target / first).exists())
    return receiver
