"""Backups of a PACS: Orthanc on SQLite, cold and hot, on a database server, and that server itself.

Orthanc keeps its SQLite index locked, so a hot backup is a copy of files, and only one order of them is right.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.hospital.backups import Backup, now
from tests.hospital.mariadb import MariaDB
from tests.hospital.orthanc import Orthanc
from tests.hospital.postgres import Cluster
from tests.hospital.processes import Daemon, HospitalError, copy, hand_over, run

MOST_COPIES = 200
"""Orthanc merges its log every few seconds: this often, a copy may be whole by chance before that is an error."""
_KINDS = {1: "patients", 2: "studies", 3: "series", 4: "instances"}


def orthanc_cold(pacs: Orthanc, into: Path) -> Backup:
    """Stop, copy, start again."""
    pacs.stop()
    at = now()
    _copy_pacs(pacs, into)
    pacs.start()
    return Backup("pacs", "orthanc-sqlite-cold", into, at, index_facts(into / "storage"))


def orthanc_hot(pacs: Orthanc, into: Path) -> Backup:
    """Copy index and write-ahead log FIRST, attachments after them: every row of the index then finds its file."""
    _empty(into)
    at = now()
    _copy_index(pacs, into, ("index", "index-wal"))
    _copy_attachments(pacs, into)
    return Backup("pacs", "orthanc-sqlite-hot", into, at, index_facts(into / "storage"))


def orthanc_hot_without_wal(pacs: Orthanc, into: Path, before: Callable[[], object]) -> Backup:
    """A defective backup that is often seen: the newest studies live in the write-ahead log and are missing.

    ``before`` makes something new. Orthanc merges its log every ten seconds, so a copy may be whole by chance: then
    it is taken again. The facts are those that an inventory of the live PACS would have given.
    """
    for _ in range(MOST_COPIES):
        shutil.rmtree(into, ignore_errors=True)
        before()
        _copy_index(pacs, into, ("index", "index-wal"))
        at = now()
        if log_holds_the_newest(into / "storage"):
            facts = index_facts(into / "storage")
            (into / "storage" / "index-wal").unlink()
            _copy_attachments(pacs, into)
            return Backup("pacs", "orthanc-sqlite-hot", into, at, facts)
    raise HospitalError("every copy of the index was whole by chance")


def orthanc_hot_in_the_wrong_order(pacs: Orthanc, into: Path, meanwhile: Callable[[], object]) -> Backup:
    """A defective backup that is often seen: attachments first, so what arrives meanwhile is in the index alone."""
    _empty(into)
    _copy_attachments(pacs, into)
    meanwhile()
    at = now()
    _copy_index(pacs, into, ("index", "index-wal"))
    return Backup("pacs", "orthanc-sqlite-hot", into, at, index_facts(into / "storage"))


def orthanc_on_database(pacs: Orthanc, database: Cluster | MariaDB, into: Path) -> Backup:
    """Dump the index database first, then copy attachments."""
    _empty(into)
    name = str(pacs.database["Database"])
    target = hand_over(into / "database", database.user)
    at, counts = now(), database_counts(database, name)
    if isinstance(database, Cluster):
        run([*database.client("pg_dump", name), "-Fc", "-f", str(target / f"{name}.dump")], user=database.user)
        roles = [*database.client("pg_dumpall"), "--globals-only", "-f", str(target / "globals.sql")]
        run(roles, user=database.user)
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
    return Backup("pacs", f"orthanc-{pacs.index}", into, at, {"orthanc": {"counts": counts, "rule": "at-least"}})


def database_counts(database: Cluster | MariaDB, name: str) -> dict[str, int]:
    rows = database.sql("select resourceType, count(*) from Resources group by resourceType", name).splitlines()
    kinds = dict(row.replace("\t", "|").split("|") for row in rows)
    # the plugins for database servers count kinds from 0, Orthanc's own index from 1
    return {kind: int(kinds.get(str(number - 1), 0)) for number, kind in _KINDS.items()}


def _empty(into: Path) -> None:
    """Take away what an earlier backup left in the same place; a server's own backup beside it stays."""
    for part in ("database", "storage", "etc"):
        shutil.rmtree(into / part, ignore_errors=True)


def _copy_pacs(pacs: Orthanc, into: Path) -> None:
    into.mkdir(parents=True, exist_ok=True)
    copy(pacs.storage, into / "storage")
    copy(pacs.root / "etc", into / "etc")


def _copy_index(pacs: Orthanc, into: Path, names: tuple[str, ...]) -> None:
    hand_over(into / "storage", pacs.user)
    for name in names:
        if (pacs.storage / name).exists():
            copy(pacs.storage / name, into / "storage" / name)


def _copy_attachments(pacs: Orthanc, into: Path) -> None:
    hand_over(into / "storage", pacs.user)
    for folder in sorted(pacs.storage.iterdir()):
        if folder.is_dir():
            copy(folder, into / "storage" / folder.name)
    copy(pacs.root / "etc", into / "etc")


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


def log_holds_the_newest(storage: Path) -> bool:
    """Return whether an index copy would lack something without its write-ahead log: rows, or even its tables."""
    with tempfile.TemporaryDirectory() as scratch:
        shutil.copy(storage / "index", scratch)
        try:
            return index_facts(Path(scratch)) != index_facts(storage)
        except sqlite3.OperationalError:  # young enough that not even its tables were merged
            return True


def mariadb_physical(server: MariaDB, into: Path) -> Backup:
    """Copy the server while it runs; the binary log carries the copy forward in time."""
    shutil.rmtree(into / "base", ignore_errors=True)
    target = hand_over(into / "base", server.user)
    words = ["mariadb-backup", f"--defaults-file={server.configuration}", "--backup", f"--target-dir={target}"]
    run([*words, "--user=root", f"--socket={server.socket}"], user=server.user)
    return Backup("pacs", "mariadb-physical", into, now(), {})


def receive_binlog(server: MariaDB, into: Path) -> Daemon:
    """Stream the binary log as it is written, from its first file."""
    shutil.rmtree(into / "binlog", ignore_errors=True)  # of a server that was there before, under the same names
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
