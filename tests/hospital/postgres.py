"""A PostgreSQL cluster of one application: page checksums, passwords over TCP, WAL archive, streaming."""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from tests.hospital.processes import Daemon, Namespace, User, hand_over, run, write_private


def binaries() -> Path:
    """Return the folder of the newest PostgreSQL that is installed."""
    return max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))


@dataclass
class Cluster:
    """Data and socket of a cluster below one folder; it runs as the ``postgres`` account."""

    root: Path
    port: int
    namespace: Namespace
    archive: Path
    """Where finished WAL segments go: with the backups, not with the server."""
    archive_timeout: int = 60
    user: User = field(default_factory=lambda: User.named("postgres"))
    daemon: Daemon | None = None

    @property
    def data(self) -> Path:
        return self.root / "pgdata"

    @property
    def socket(self) -> Path:
        return self.root / "run"

    def create(self) -> None:
        """Make the cluster: data checksums, trust only on the private socket, scram over TCP."""
        for folder in (self.root, self.data, self.archive, self.socket):
            hand_over(folder, self.user)
        run(
            [str(binaries() / "initdb"), "-k", "-E", "UTF8", "--locale=C.UTF-8", "--auth-local=trust",
             "--auth-host=scram-sha-256", "-N", "-D", str(self.data)],
            user=self.user,
        )  # fmt: skip
        settings = f"""
listen_addresses = '127.0.0.1'
port = {self.port}
unix_socket_directories = '{self.socket}'
shared_buffers = '64MB'
dynamic_shared_memory_type = mmap
track_commit_timestamp = on
wal_level = replica
max_wal_senders = 6
archive_mode = on
archive_timeout = {self.archive_timeout}
archive_command = 'test ! -f {self.archive}/%f && cp %p {self.archive}/%f.part && mv {self.archive}/%f.part {self.archive}/%f'
log_line_prefix = '%m [%p] '
log_timezone = 'UTC'
"""
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as stream:
            stream.write(settings)

    def start(self, *, durable: bool = True) -> float:
        """Start it and wait until it answers; not durable only while something is built."""
        fast = (
            []
            if durable
            else [
                "-c",
                "fsync=off",
                "-c",
                "synchronous_commit=off",
                "-c",
                "full_page_writes=off",
                "-c",
                "archive_mode=off",
            ]
        )
        self.daemon = Daemon.start(
            f"PostgreSQL on port {self.port}",
            [str(binaries() / "postgres"), "-D", str(self.data), *fast],
            user=self.user,
            namespace=self.namespace,
            log=self.root.parent / "log" / "postgres.log",
        )
        return self.daemon.wait_until(lambda: self._answers())

    def _answers(self) -> bool:
        words = [str(binaries() / "pg_isready"), "-q", "-h", str(self.socket), "-p", str(self.port), "-U", "postgres"]
        return run(words, user=self.user, check=False).returncode == 0

    def stop(self) -> None:
        """Shut it down cleanly."""
        if self.daemon:
            self.daemon.stop(2)  # SIGINT: fast shutdown

    def abandon(self) -> None:
        """End it at once, without a checkpoint, but without leaving shared memory behind either."""
        if self.daemon:
            self.daemon.stop(3)  # SIGQUIT: immediate shutdown

    def kill(self) -> None:
        """Lose it as in a power cut."""
        if self.daemon:
            self.daemon.kill()

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run SQL as the superuser over the private socket and return bare text, one row a line."""
        words = [*self.client("psql", database), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-"]
        return run(words, user=self.user, stdin=statement.encode()).stdout.decode().strip()

    def client(self, program: str, database: str | None = None) -> list[str]:
        """Return a client program's words up to the connection."""
        words = [str(binaries() / program), "-h", str(self.socket), "-p", str(self.port), "-U", "postgres"]
        return [*words, "-d", database] if database else words

    def create_database(self, name: str, owner: str) -> str:
        """Make a role and its database; returns the role's password."""
        password = secrets.token_urlsafe(18)
        self.sql(f"create role {owner} login password '{password}'")
        self.sql(f"create database {name} owner {owner} template template0")
        return password

    def load(self, dump: Path, database: str) -> None:
        """Restore a custom-format dump into an empty database."""
        run([*self.client("pg_restore", database), "-j2", "--exit-on-error", str(dump)], user=self.user)

    def forget(self) -> None:
        """Delete everything, as the disaster does."""
        shutil.rmtree(self.root, ignore_errors=True)


def write_password_file(path: Path, password: str, user: User) -> Path:
    """Write a password file in PostgreSQL's format for every host and database."""
    return write_private(path, f"*:*:*:*:{password}\n", user)
