"""Backups as hospitals make them, each into a folder that a backup tool then keeps.

Every backup tells what it promises: the instant whose data it holds, and facts counted inside the same snapshot
(``exact``) or just before it (``at-least``, where later writes come back too).
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.hospital.gnuhealth import Instance
from tests.hospital.postgres import Cluster
from tests.hospital.processes import Daemon, HospitalError, as_user, copy, environment, hand_over, run

MODELS = (
    "party.party",
    "gnuhealth.patient",
    "gnuhealth.patient.lab.test",
    "gnuhealth.lab",
    "gnuhealth.imaging.test.request",
    "gnuhealth.imaging_orthanc.study",
    "ir.attachment",
)


@dataclass(frozen=True)
class Backup:
    """What a backup left behind, and what it promises."""

    application: str
    kind: str
    path: Path
    consistent_at: datetime
    facts: Mapping[str, Any] = field(default_factory=dict)


def now() -> datetime:
    """Return the instant, UTC."""
    return datetime.now(UTC)


def logical(instance: Instance, into: Path, within: Callable[[str], object] = lambda _: None) -> Backup:
    """Dump the database, then copy attachments: every row of the dump then finds its file.

    Counts come from the very snapshot that is dumped, so they are exact; ``within`` may ask for more inside of it.
    """
    target = hand_over(into / "database", instance.cluster.user)
    with _snapshot(instance.cluster, instance.database) as (snapshot, ask):
        at = datetime.fromisoformat(ask("select (now() at time zone 'UTC')::text || '+00:00'"))
        counts = {model: int(ask(f"select count(*) from {table(model)}")) for model in MODELS}
        within(snapshot)  # first: next numbers belong to no snapshot, and those of the dump may only be higher
        dump = [*instance.cluster.client("pg_dump", instance.database), "-Fc", f"--snapshot={snapshot}"]
        run([*dump, "-f", str(target / f"{instance.database}.dump")], user=instance.cluster.user)
    roles = [*instance.cluster.client("pg_dumpall"), "--globals-only", "-f", str(target / "globals.sql")]
    run(roles, user=instance.cluster.user)
    copy_rest(instance, into)
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


def copy_rest(instance: Instance, into: Path) -> None:
    """Copy attachments and configuration; always after the database, so that every row finds its file."""
    for part in (instance.attachments, instance.root / "etc"):
        copy(part, into / part.name)


def physical(instance: Instance, into: Path) -> Backup:
    """Take a base backup with its own manifest; the WAL archive beside it carries it forward in time."""
    counts = _counts(instance)
    target = hand_over(into / "base", instance.cluster.user)
    words = [*instance.cluster.client("pg_basebackup"), "-D", str(target),
             "-c", "fast", "-X", "stream", "--manifest-checksums=SHA256"]  # fmt: skip
    run(words, user=instance.cluster.user)
    copy_rest(instance, into)
    return Backup(instance.name, "postgres-physical", into, now(), _facts(counts, "at-least"))


def archived_wal(instance: Instance, into: Path, *, switch: bool = False) -> Backup:
    """Return what a base backup and the archive beside it promise now; ``switch`` closes the current segment first."""
    counts, at = _counts(instance), now()  # before the switch: what is written while it is archived is not in it
    if switch:
        _wait_for_archiver(instance.cluster, instance.cluster.sql("select pg_walfile_name(pg_switch_wal())"))
    copy_rest(instance, into)
    return Backup(instance.name, "postgres-physical", into, at, _facts(counts, "at-least"))


def _wait_for_archiver(cluster: Cluster, wanted: str) -> None:
    for _ in range(1000):
        if (cluster.archive / wanted).exists():
            return
        time.sleep(0.05)
    raise HospitalError(f"WAL segment {wanted} was not archived")


def shipped(instance: Instance, vault: Path, into: Path, *, switch: bool = False) -> Backup:
    """Copy a base backup with the WAL that there is now, then the rest: what a backup tool is given to keep."""
    made = archived_wal(instance, vault, switch=switch)
    into.mkdir(parents=True, exist_ok=True)
    for part in ("base", "wal", "stream"):
        if (vault / part).exists():
            copy(vault / part, into / part)
    copy_rest(instance, into)
    return replace(made, path=into)


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
