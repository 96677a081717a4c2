"""A journal beyond this machine: by TLS with a verified name, or nothing is said to whoever answers."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from drp.clock import SystemClock
from drp.config.secrets import resolve
from drp.domain.events import Interrupted
from drp.domain.restore import SecretReference
from drp.domain.tls import Tls
from drp.errors import ConfigError, ServerUnproven, StorageFull
from drp.journal import SqlJournal
from drp.tls import context, is_beyond
from tests.support.fixtures_journal import (
    PostgresServer,
    make_authority,
    make_server_certificate,
    running_server,
    with_tls,
)

pytestmark = pytest.mark.real
SSL_REQUEST = bytes.fromhex("0000000804d2162f")


def opened(url: str, password: str, settings: Tls) -> SqlJournal:
    return SqlJournal(url, SystemClock(), password=password, wrap=partial(context, settings, resolve))


def named(server: PostgresServer, database: str, host: str = "localhost", port: int = 0) -> str:
    return f"postgresql+pg8000://drp@{host}:{port or server.port}/{database}"


def ciphers(server: PostgresServer, database: str) -> list[object]:
    """Return which of the connections to a database are encrypted."""
    with closing(server.connect("postgres")) as connection:
        rows = connection.run(
            "SELECT s.ssl FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.datname = :name", name=database
        )
    return [row[0] for row in rows]


def test_a_server_that_proves_its_name_keeps_a_journal(tls_server: PostgresServer, tmp_path: Path) -> None:
    database = tls_server.new_database()
    settings = Tls(ca=authority_of(tls_server, tmp_path))
    with closing(opened(named(tls_server, database), tls_server.password, settings)) as journal:
        (entry,) = journal.append("a", Interrupted(signal_number=2, reason="x"))
        assert ciphers(tls_server, database) == [True]
        assert [one.hash for one in journal.entries("a")] == [entry.hash]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("certificates")
    make_authority(made, "ca")
    make_authority(made, "other")
    make_server_certificate(made, "ca", "good", "DNS:localhost")
    make_server_certificate(made, "ca", "elsewhere", "DNS:other.chu.example")
    make_server_certificate(made, "ca", "expired", "DNS:localhost", days=-1)
    make_server_certificate(made, "ca", "address", "IP:127.0.0.1")
    return made


class Recording:
    """A server that answers TLS's question as it is told, and keeps all that it hears in clear."""

    def __init__(self, answer: bytes, certificate: Path | None = None) -> None:
        self.heard, self.in_tls = bytearray(), bytearray()
        self._answer, self._certificate = answer, certificate
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._socket.accept()
            except OSError:
                return
            caller.settimeout(20)
            with caller, suppress(OSError):  # it hangs up
                self._talk(caller)

    def _talk(self, caller: socket.socket) -> None:
        self.heard += caller.recv(8)
        if not self._answer:
            return
        caller.sendall(self._answer)
        if self._certificate is not None:
            side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            side.load_cert_chain(self._certificate, self._certificate.with_suffix(".key"))
            with side.wrap_socket(caller, server_side=True) as wrapped:
                self.in_tls += wrapped.recv(4096)
            return  # it is no database, and hangs up
        while received := caller.recv(4096):
            self.heard += received

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@contextmanager
def recording(answer: bytes, certificate: Path | None = None) -> Iterator[Recording]:
    server = Recording(answer, certificate)
    try:
        yield server
    finally:
        server.close()


def test_a_server_without_tls_hears_the_question_and_nothing_else(folder: Path) -> None:
    with recording(b"N") as server:
        with pytest.raises(ServerUnproven, match="refuses TLS; nothing was said to it"):
            opened(f"postgresql+pg8000://drp@localhost:{server.port}/x", "s3cret", Tls(ca=folder / "ca.pem"))
    assert bytes(server.heard) == SSL_REQUEST


@pytest.mark.parametrize(
    ("certificate", "authority", "host", "why"),
    [
        ("good", "other", "localhost", "unable to get local issuer certificate"),
        ("elsewhere", "ca", "localhost", "Hostname mismatch"),
        ("expired", "ca", "localhost", "certificate has expired"),
        ("good", "ca", "127.0.0.1", "IP address mismatch"),
        ("good", None, "localhost", "unable to get local issuer certificate"),
    ],
)
def test_a_server_that_does_not_prove_its_name_hears_no_password(
    folder: Path, certificate: str, authority: str | None, host: str, why: str
) -> None:
    settings = Tls(ca=folder / f"{authority}.pem" if authority is not None else None)
    with recording(b"S", folder / f"{certificate}.pem") as server:
        with pytest.raises(ServerUnproven, match="nothing was said to it") as raised:
            opened(f"postgresql+pg8000://drp@{host}:{server.port}/x", "s3cret", settings)
    assert why in raised.value.message
    assert "ca" in raised.value.hint
    assert bytes(server.heard) == SSL_REQUEST
    assert bytes(server.in_tls) == b""


def test_an_address_may_be_the_name(folder: Path) -> None:
    url = "postgresql+pg8000://drp@127.0.0.1:{}/x"
    with recording(b"S", folder / "address.pem") as server, pytest.raises(StorageFull):
        opened(url.format(server.port), "s3cret", Tls(ca=folder / "ca.pem"))
    assert bytes(server.heard) == SSL_REQUEST
    assert b"user\0drp\0" in server.in_tls


def test_one_who_hangs_up_is_no_impostor(folder: Path) -> None:
    with recording(b"") as server, pytest.raises(StorageFull) as raised:
        opened(f"postgresql+pg8000://drp@localhost:{server.port}/x", "s3cret", Tls(ca=folder / "ca.pem"))
    assert "database server" in raised.value.hint


def test_a_proxy_cannot_take_tls_away(tls_server: PostgresServer, tmp_path: Path) -> None:
    """It stands before a real server and answers the question itself; a plain client would go on in clear."""
    settings = Tls(ca=authority_of(tls_server, tmp_path))
    with recording(b"N") as proxy, pytest.raises(ServerUnproven):
        opened(named(tls_server, "postgres", port=proxy.port), tls_server.password, settings)
    assert bytes(proxy.heard) == SSL_REQUEST


def test_a_server_that_has_no_tls_is_refused(postgres_server: PostgresServer, folder: Path) -> None:
    url = named(postgres_server, postgres_server.new_database())
    with pytest.raises(ServerUnproven, match="refuses TLS"):
        opened(url, postgres_server.password, Tls(ca=folder / "ca.pem"))


def test_a_client_shows_its_certificate(tmp_path: Path) -> None:
    """The key is a secret by reference; the server takes nobody without."""
    make_authority(tmp_path, "clients")
    make_server_certificate(tmp_path, "clients", "drp", "DNS:client")
    (tmp_path / "drp.key").chmod(0o600)

    def demanding(folder: Path) -> Sequence[str]:
        settings = with_tls(folder)
        (folder / "clients.pem").write_bytes((tmp_path / "clients.pem").read_bytes())
        rules = "host postgres all 127.0.0.1/32 scram-sha-256\n"
        rules += "hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n"
        (folder / "data/pg_hba.conf").write_text(rules)
        return [*settings, "-c", f"ssl_ca_file={folder}/clients.pem"]

    with running_server(demanding) as server:
        database = server.new_database()
        ca = authority_of(server, tmp_path)
        shown = Tls(
            ca=ca,
            certificate=tmp_path / "drp.pem",
            key=SecretReference(kind="file", value=(str(tmp_path / "drp.key"),)),
        )
        with pytest.raises(StorageFull, match="certificate"):
            opened(named(server, database), server.password, Tls(ca=ca))
        with closing(opened(named(server, database), server.password, shown)) as journal:
            assert ciphers(server, database) == [True]
            assert journal.drills() == ()


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "ca.pem"), (b"-----BEGIN CERTIFICATE-----\nx\n", "ca.pem"), (b"\xff", "is no text")]
)
def test_authorities_that_cannot_be_read_are_a_mistake_of_the_site(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "ca.pem").write_bytes(content)
    with pytest.raises(ConfigError, match=said) as raised:
        opened("postgresql+pg8000://drp@localhost:1/x", "s", Tls(ca=tmp_path / "ca.pem"))
    assert "PEM" in raised.value.hint


def test_a_key_with_a_passphrase_is_refused_and_nobody_is_asked(folder: Path, tmp_path: Path) -> None:
    command = f"rsa -aes256 -passout pass:xyzzy -in {folder}/good.key -out {tmp_path}/locked.key"
    subprocess.run(["openssl", *command.split()], check=True, capture_output=True)
    (tmp_path / "locked.key").chmod(0o600)
    key = SecretReference(kind="file", value=(str(tmp_path / "locked.key"),))
    with pytest.raises(ConfigError, match="passphrase"):
        context(Tls(certificate=folder / "good.pem", key=key), resolve)


BEYOND = """
import sys
from drp.clock import SystemClock
from drp.errors import DrpError
from drp.journal import SqlJournal
try:
    SqlJournal(sys.argv[1], SystemClock(), password=sys.argv[2]).close()
except DrpError as error:
    sys.exit(error.code + " " + error.message)
"""


def beyond(hosts: Path, url: str, password: str) -> subprocess.CompletedProcess[str]:
    """Open a journal with nothing said of TLS, where names lead to what ``hosts`` says."""
    argv = [sys.executable, "-c", BEYOND, url, password]
    apart = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    script = f'mount --bind {hosts} /etc/hosts && exec "$@"'
    return subprocess.run(
        [*apart, "sh", "-c", script, "sh", *argv], capture_output=True, text=True, timeout=60, check=False
    )


def test_another_machine_is_never_spoken_to_in_clear(tls_server: PostgresServer, tmp_path: Path) -> None:
    """Nothing is said of TLS: this machine's authorities vouch for no test server, and there is no other way."""
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 localhost db.chu.example\n")
    with recording(b"N") as server:
        ended = beyond(hosts, f"postgresql+pg8000://drp@db.chu.example:{server.port}/x", "s3cret")
    assert ended.stderr.startswith("DRP-E092 journal: db.chu.example:"), ended.stderr
    assert bytes(server.heard) == SSL_REQUEST
    ended = beyond(hosts, named(tls_server, "postgres", host="db.chu.example"), tls_server.password)
    assert "DRP-E092" in ended.stderr
    assert "issuer certificate" in ended.stderr


def test_localhost_that_leads_elsewhere_is_not_this_machine(tmp_path: Path) -> None:
    """Without TLS the peer's address is looked at, and not the name alone."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as connection:
        assert not is_beyond(str(connection.getpeername()[0]))
    assert [is_beyond(host) for host in ("127.8.9.1", "::1", "[::1]", "LOCALHOST")] == [False] * 4
    assert [is_beyond(host) for host in ("10.0.0.1", "db", "localhost.chu.example", "::2", "0.0.0.0")] == [True] * 5


def authority_of(server: PostgresServer, folder: Path) -> Path:
    """Return a copy of a server's authority that is ours: the server's folder is another account's."""
    copied = folder / "server-ca.pem"
    copied.write_bytes((server.folder / "ca.pem").read_bytes())
    return copied
