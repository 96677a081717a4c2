"""A real PostgreSQL server for the journal's tests: its own cluster, on loopback, as an unprivileged user."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pg8000.native
import pytest

from tests.support.loopback import free_ports
from tests.support.scratch import MEMORY, scratch
from tests.support.waiting import PATIENCE

UNPRIVILEGED = 65534


@dataclass
class PostgresServer:
    """A cluster that tests may stop, start and fill."""

    binaries: Path
    folder: Path
    port: int
    password: str
    process: subprocess.Popen[bytes] | None = None

    @property
    def _as_nobody(self) -> list[str]:
        if os.geteuid() != 0:
            return []
        return ["setpriv", f"--reuid={UNPRIVILEGED}", f"--regid={UNPRIVILEGED}", "--clear-groups"]

    def make(self) -> None:
        secret = self.folder / "password"
        secret.write_text(self.password)
        data = self.folder / "data"
        data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            for path in (self.folder, secret, data):
                os.chown(path, UNPRIVILEGED, UNPRIVILEGED)
        subprocess.run(
            [*self._as_nobody, str(self.binaries / "initdb"), "-D", str(data), "-U", "drp", "--auth=scram-sha-256",
             f"--pwfile={secret}", "-E", "UTF8", "--locale=C", "--no-sync"],
            check=True, stdout=subprocess.DEVNULL, cwd="/",
        )  # fmt: skip

    def start(self) -> None:
        self.process = subprocess.Popen(
            [*self._as_nobody, str(self.binaries / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port),
             "-h", "127.0.0.1", "-k", str(self.folder), "-c", "shared_buffers=16MB"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
        )  # fmt: skip
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.connect("postgres").close()
            except Exception:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
                time.sleep(0.1)
            else:
                return

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)  # fast shutdown
            self.process.wait(timeout=60)
            self.process = None

    def connect(self, database: str, *, user: str = "drp", password: str | None = None) -> pg8000.native.Connection:
        return pg8000.native.Connection(
            user, host="127.0.0.1", port=self.port, database=database, password=password or self.password
        )

    def new_database(self) -> str:
        name = f"journal_{secrets.token_hex(4)}"
        with contextlib.closing(self.connect("postgres")) as connection:
            connection.run(f"CREATE DATABASE {name}")
        return name

    def url(self, database: str, *, user: str = "drp") -> str:
        return f"postgresql+pg8000://{user}@127.0.0.1:{self.port}/{database}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    binaries = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    with scratch("drp-test-pg", MEMORY) as folder:
        (port,) = free_ports(1)
        server = PostgresServer(binaries=binaries, folder=folder, port=port, password=secrets.token_hex(8))
        try:
            server.make()
            server.start()
            yield server
        finally:
            server.stop()
