"""Orders in a database beyond this machine: by TLS with a verified name, or no password is sent."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from drp.clock import SystemClock
from drp.domain.tls import Tls
from drp.engine.database import Place
from drp.engine.durable import DurableEngine
from drp.errors import EngineError
from tests.integration.test_journal_tls import SSL_REQUEST, authority_of, ciphers, folder, recording  # noqa: F401 - folder: a fixture
from tests.support.fixtures_journal import PostgresServer
from tests.support.orders import order

pytestmark = pytest.mark.real
SECRET = "s3cret-of-the-orders"


def engine(url: str, password: str, tls: Tls | None) -> DurableEngine:
    return DurableEngine(Place(location=url, password=lambda: password, tls=tls), SystemClock(), host="here")


def test_a_server_that_proves_its_name_keeps_orders(tls_server: PostgresServer, tmp_path: Path) -> None:
    database = tls_server.new_database()
    url = f"postgresql+pg8000://drp@localhost:{tls_server.port}/{database}"
    with closing(engine(url, tls_server.password, Tls(ca=authority_of(tls_server, tmp_path)))) as orders:
        assert orders.submit(order("a"))
        assert ciphers(tls_server, database) == [True]


def test_a_server_without_tls_hears_the_question_and_no_password(folder: Path) -> None:
    with recording(b"N") as server:
        with pytest.raises(EngineError, match="does not support SSL"):
            engine(f"postgresql+pg8000://drp@localhost:{server.port}/x", SECRET, Tls(ca=folder / "ca.pem")).orders()
    assert bytes(server.heard).replace(SSL_REQUEST, b"") == b""


@pytest.mark.parametrize(
    ("certificate", "authority", "why"),
    [
        ("good", "other", "certificate verify failed"),
        ("elsewhere", "ca", "does not match host name"),
        ("expired", "ca", "certificate verify failed"),
        ("good", None, "certificate verify failed"),
    ],
)
def test_a_server_that_does_not_prove_its_name_hears_no_password(
    folder: Path, certificate: str, authority: str | None, why: str
) -> None:  # fmt: skip
    tls = Tls(ca=folder / f"{authority}.pem" if authority else None)
    with recording(b"S", folder / f"{certificate}.pem") as server:
        with pytest.raises(EngineError, match=why):
            engine(f"postgresql+pg8000://drp@localhost:{server.port}/x", SECRET, tls).orders()
    assert SECRET.encode() not in server.heard + server.in_tls
    assert server.in_tls == b""


def test_beyond_this_machine_there_is_tls_although_nobody_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with recording(b"N") as server:
        monkeypatch.setenv("PGHOSTADDR", "127.0.0.1")  # libpq's own way to send a name anywhere
        monkeypatch.setenv("PGSSLMODE", "disable")
        with pytest.raises(EngineError, match="does not support SSL"):
            engine(f"postgresql+pg8000://drp@db.chu.example:{server.port}/x", SECRET, None).orders()
    assert bytes(server.heard).replace(SSL_REQUEST, b"") == b""


def test_a_server_of_this_machine_may_be_reached_by_its_socket(postgres_server: PostgresServer) -> None:
    database = postgres_server.new_database()
    socket = f"{postgres_server.folder}/.s.PGSQL.{postgres_server.port}"
    url = f"postgresql+pg8000://drp@localhost/{database}?unix_sock={socket}"
    with closing(engine(url, postgres_server.password, None)) as orders:
        assert orders.submit(order("a"))
        assert [seen.order.id for seen in orders.orders()] == ["a"]
