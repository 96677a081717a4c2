"""A real PostgreSQL server for the journal's tests: its own cluster, on loopback, as an unprivileged user."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
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

    def start(self, *settings: str) -> None:
        self.process = subprocess.Popen(
            [*self._as_nobody, str(self.binaries / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port),
             "-h", "127.0.0.1", "-k", str(self.folder), "-c", "shared_buffers=16MB", *settings],
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


@contextlib.contextmanager
def running_server(settings: Callable[[Path], Sequence[str]] = lambda _: ()) -> Iterator[PostgresServer]:
    """Give a server of its own; ``settings`` are made in its folder."""
    binaries = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    with scratch("drp-test-pg", MEMORY) as folder:
        (port,) = free_ports(1)
        server = PostgresServer(binaries=binaries, folder=folder, port=port, password=secrets.token_hex(8))
        try:
            server.make()
            server.start(*settings(folder))
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with running_server() as server:
        yield server


@pytest.fixture(scope="session")
def tls_server() -> Iterator[PostgresServer]:
    """A server that takes TLS, as ``localhost`` and ``db.chu.example``; ``ca.pem`` in its folder vouches for it."""
    with running_server(with_tls) as server:
        yield server


def with_tls(folder: Path) -> list[str]:
    """Return the settings of a server with TLS, whose authority, key and certificate are made in its folder."""
    make_authority(folder, "ca")
    make_server_certificate(folder, "ca", "server", "DNS:localhost,DNS:db.chu.example")
    if os.geteuid() == 0:
        os.chown(folder / "server.key", UNPRIVILEGED, UNPRIVILEGED)
    return ["-c", "ssl=on", "-c", f"ssl_cert_file={folder}/server.pem", "-c", f"ssl_key_file={folder}/server.key"]


def make_authority(folder: Path, name: str) -> None:
    """Make a certificate authority of two days: ``NAME.pem``, ``NAME.key``."""
    _openssl(
        folder, f"req -newkey rsa:2048 -nodes -x509 -days 2 -subj /CN={name} -keyout {name}.key -out {name}.pem "
        "-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign"
    )  # fmt: skip


def make_server_certificate(folder: Path, authority: str, name: str, names: str, *, days: int = 2) -> None:
    """Make a key and a certificate for some names, signed by an authority; over already where ``days`` is negative."""
    _openssl(folder, f"req -newkey rsa:2048 -nodes -subj /CN={name} -keyout {name}.key -out {name}.csr")
    (folder / f"{name}.ext").write_text(f"subjectAltName={names}\n")
    if days > 0:
        _openssl(
            folder, f"x509 -req -in {name}.csr -CA {authority}.pem -CAkey {authority}.key -CAcreateserial -days {days} "
            f"-extfile {name}.ext -out {name}.pem"
        )  # fmt: skip
        return
    (folder / "ca.conf").write_text(
        f"[ca]\ndefault_ca=d\n[d]\ndatabase={folder}/index\nnew_certs_dir={folder}\nserial={folder}/serial\n"
        "default_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n"
    )
    (folder / "index").write_text("")
    (folder / "serial").write_text("2000\n")
    _openssl(
        folder, f"ca -batch -notext -config ca.conf -cert {authority}.pem -keyfile {authority}.key -in {name}.csr "
        f"-startdate 20200101000000Z -enddate 20200102000000Z -extfile {name}.ext -out {name}.pem"
    )  # fmt: skip


def _openssl(folder: Path, command: str) -> None:
    subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)
