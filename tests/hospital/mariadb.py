"""A MariaDB 10.11 server as the index database of a PACS: binary log, durable commits, binary log streaming."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.hospital.processes import Daemon, Namespace, User, hand_over, run, write_private


@dataclass
class MariaDB:
    """Data and socket of a server below one folder; it runs as the ``mysql`` account."""

    root: Path
    namespace: Namespace
    port: int = 3306
    user: User = field(default_factory=lambda: User.named("mysql"))
    daemon: Daemon | None = None

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def socket(self) -> Path:
        return self.root / "run" / "mariadb.sock"

    @property
    def configuration(self) -> Path:
        return self.root / "etc" / "mariadb.cnf"

    def create(self) -> None:
        """Make an empty server; root enters over the private socket without a password."""
        self.configure()
        run(
            ["mariadb-install-db", "--no-defaults", f"--datadir={self.data}", f"--tmpdir={self.root}/tmp",
             "--auth-root-authentication-method=normal", "--skip-test-db"],
            user=self.user,
        )  # fmt: skip

    def configure(self) -> None:
        """Make folders and configuration."""
        for folder in (self.root, self.data, self.root / "run", self.root / "etc", self.root / "tmp"):
            hand_over(folder, self.user)
        write_private(self.configuration, f"""[mariadbd]
datadir={self.data}
socket={self.socket}
pid-file={self.root}/run/mariadb.pid
tmpdir={self.root}/tmp
bind-address=127.0.0.1
port={self.port}
skip-name-resolve
innodb_buffer_pool_size=64M
log-bin=binlog
server-id=1
sync_binlog=1
binlog_format=ROW
log_bin_trust_function_creators=1
innodb_flush_log_at_trx_commit=1
character-set-server=utf8mb4

[client]
socket={self.socket}
user=root
""", self.user)  # fmt: skip

    def start(self) -> float:
        """Start it and wait until it answers."""
        self.daemon = Daemon.start(
            "MariaDB",
            ["mariadbd", f"--defaults-file={self.configuration}"],
            user=self.user,
            namespace=self.namespace,
            log=self.root.parent / "log" / "mariadb.log",
        )
        return self.daemon.wait_until(
            lambda: run([*self.client("mariadb-admin"), "ping"], user=self.user, check=False).returncode == 0
        )

    def stop(self) -> None:
        """Shut it down cleanly."""
        if self.daemon:
            self.daemon.stop()

    def kill(self) -> None:
        """Lose it as in a power cut."""
        if self.daemon:
            self.daemon.kill()

    def client(self, program: str) -> list[str]:
        """Return a client program's words up to the connection."""
        return [program, f"--defaults-file={self.configuration}"]

    def sql(self, statement: str, database: str = "mysql") -> str:
        """Run SQL as root and return bare text, one row a line."""
        words = [*self.client("mariadb"), "--batch", "--skip-column-names", database]
        return run(words, user=self.user, stdin=statement.encode()).stdout.decode().strip()

    def create_database(self, name: str) -> str:
        """Make a database and the account that owns it; returns its password."""
        password = secrets.token_urlsafe(18)
        self.sql(
            f"create database {name}; create user {name}@'127.0.0.1' identified by '{password}'; grant all on {name}.* to {name}@'127.0.0.1';"
        )
        return password

    def forget(self) -> None:
        """Delete everything, as the disaster does."""
        shutil.rmtree(self.root, ignore_errors=True)


@contextmanager
def served(root: Path) -> Iterator[MariaDB]:
    """Yield a running server without databases, in a network namespace of its own; nothing of it stays."""
    namespace = Namespace()
    namespace.create()
    (root / "log").mkdir(parents=True)
    root.chmod(0o755)
    made = MariaDB(root / "mariadb", namespace)
    try:
        made.create()
        made.start()
        yield made
    finally:
        made.kill()
        namespace.destroy()
        shutil.rmtree(root, ignore_errors=True)
