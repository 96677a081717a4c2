"""The shortest way back for each kind of backup, to prove the backups themselves: what drp's runbooks do in a sandbox."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

from tests.hospital.gnuhealth import USER, Instance
from tests.hospital.mariadb import MariaDB
from tests.hospital.orthanc import Orthanc
from tests.hospital.processes import copy, hand_over, run


def logical(backup: Path, instance: Instance) -> None:
    """Load roles and dump into a fresh cluster, put attachments and configuration back. Leaves the cluster running."""
    _rest(backup, instance)
    cluster = instance.cluster
    cluster.create()
    cluster.start()
    roles = (backup / "database" / "globals.sql").read_text()
    cluster.sql(
        "\n".join(
            line for line in roles.splitlines() if not line.startswith(("CREATE ROLE postgres", "ALTER ROLE postgres"))
        )
    )
    cluster.sql(f"create database {instance.database} owner gnuhealth template template0")
    cluster.load(backup / "database" / f"{instance.database}.dump", instance.database)


def physical(backup: Path, instance: Instance, *, target_time: datetime | None = None) -> None:
    """Put a base backup back and replay its WAL, whole or up to an instant. Leaves the cluster running, promoted.

    A streamed segment that was never finished is called ``.partial``: it holds the newest commits.
    """
    _rest(backup, instance)
    cluster = instance.cluster
    for folder in (cluster.root, cluster.archive, cluster.socket):
        hand_over(folder, cluster.user)
    copy(backup / "base", cluster.data)
    whole, stream = backup / "wal", backup / "stream"
    run(["chmod", "o+x", str(backup)])
    settings = [
        f"unix_socket_directories = '{cluster.socket}'",
        f"port = {cluster.port}",
        "archive_mode = off",
        "synchronous_standby_names = ''",
        f"restore_command = 'cp {whole}/%f %p || cp {stream}/%f %p || cp {stream}/%f.partial %p'",
        *(
            [f"recovery_target_time = '{target_time.isoformat()}'", "recovery_target_action = promote"]
            if target_time
            else []
        ),
    ]
    with (cluster.data / "postgresql.auto.conf").open("a") as file:
        file.write("\n".join(settings) + "\n")
    (cluster.data / "recovery.signal").touch()
    cluster.start()
    assert cluster.daemon
    cluster.daemon.wait_until(lambda: cluster.sql("select pg_is_in_recovery()") == "f")


def _rest(backup: Path, instance: Instance) -> None:
    instance.root.mkdir(parents=True, exist_ok=True)
    (instance.root / "log").mkdir(exist_ok=True)
    for part in ("etc", "attachments"):
        copy(backup / part, instance.root / part)
    run(["chown", "-R", f"{USER.uid}:{USER.gid}", str(instance.root / "etc"), str(instance.root / "attachments")])


def orthanc(backup: Path, pacs: Orthanc) -> None:
    """Put storage and configuration back."""
    pacs.root.mkdir(parents=True, exist_ok=True)
    hand_over(pacs.root / "log", pacs.user)
    for part in ("storage", "etc"):
        copy(backup / part, pacs.root / part)


def mariadb(backup: Path, server: MariaDB, *, until: datetime | None = None) -> None:
    """Prepare and copy back a physical backup, start, and replay the streamed binary log. Leaves the server running."""
    scratch = backup / "prepared"
    copy(backup / "base", scratch)
    run(["mariadb-backup", "--prepare", f"--target-dir={scratch}"], user=server.user)
    shutil.rmtree(server.root, ignore_errors=True)
    server.configure()
    run(
        ["mariadb-backup", f"--defaults-file={server.configuration}", "--copy-back", f"--target-dir={scratch}"],
        user=server.user,
    )
    server.start()
    file, position = (scratch / "xtrabackup_binlog_info").read_text().split()[:2]
    logs = sorted(path for path in (backup / "binlog").iterdir() if path.name >= file)
    if not logs:
        return
    stop = [f"--stop-datetime={until:%Y-%m-%d %H:%M:%S}"] if until else []
    words = ["mariadb-binlog", "--no-defaults", f"--start-position={position}", *stop, *map(str, logs)]
    events = run(words, user=server.user).stdout
    run(server.client("mariadb"), user=server.user, stdin=events)
