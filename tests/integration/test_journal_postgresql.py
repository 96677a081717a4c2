"""The journal in a real PostgreSQL: guards that bind also its owner, several hosts, a server that goes away."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import pg8000.native
import pytest

from drp.clock import SystemClock
from drp.domain.clock import Stamp
from drp.domain.events import Event, Progressed
from drp.errors import Busy, ConfigError, StorageFull, Tampered
from drp.journal import SqlJournal, engines
from drp.journal.database import LOCK_KEY
from tests.support.fixtures_journal import PostgresServer

pytestmark = pytest.mark.real


def event(number: int) -> Event:
    return Progressed(recovery="ehr", phase="restore", done_bytes=number)


@pytest.fixture
def database(postgres_server: PostgresServer) -> str:
    return postgres_server.new_database()


@pytest.fixture
def journal(postgres_server: PostgresServer, database: str) -> Iterator[SqlJournal]:
    opened = SqlJournal(postgres_server.url(database), SystemClock(), password=postgres_server.password)
    for number, drill in enumerate("aababbaccc"):
        opened.append(drill, event(number))
    yield opened
    opened.close()


@pytest.fixture
def owner(postgres_server: PostgresServer, database: str) -> Iterator[pg8000.native.Connection]:
    with contextlib.closing(postgres_server.connect(database)) as connection:
        yield connection


STATEMENTS = {
    "update": "UPDATE drp_journal SET body = 'x' WHERE position = 3",
    "delete": "DELETE FROM drp_journal WHERE position = 9",
    "truncate": "TRUNCATE drp_journal",
    "upsert": "INSERT INTO drp_journal SELECT * FROM drp_journal WHERE position = 9 ON CONFLICT (position) DO UPDATE SET body = 'x'",
    "a gap": "INSERT INTO drp_journal SELECT 12, 'z', 0, body, hash, link FROM drp_journal WHERE position = 9",
    "head back": "UPDATE drp_journal_head SET position = 8",
    "head on": "UPDATE drp_journal_head SET position = 10",
    "head gone": "DELETE FROM drp_journal_head",
    "head truncated": "TRUNCATE drp_journal_head",
    "a second head": "INSERT INTO drp_journal_head VALUES (2, 1, -1, 'x')",
    "update as a replica": "SET session_replication_role = replica; UPDATE drp_journal SET body = 'x' WHERE position = 3",
    "delete as a replica": "SET session_replication_role = replica; DELETE FROM drp_journal WHERE position = 9",
}  # fmt: skip


@pytest.mark.parametrize("case", STATEMENTS)
def test_the_guards_bind_the_owner_too(journal: SqlJournal, owner: pg8000.native.Connection, case: str) -> None:
    *before, last = STATEMENTS[case].split("; ")
    for statement in before:
        owner.run(statement)
    with pytest.raises(pg8000.exceptions.DatabaseError, match=r"append-only|next position|drp_journal_one_head"):
        owner.run(last)
    assert journal.verify() == 10


MATRIX = {
    "edit an event": ("UPDATE drp_journal SET body = replace(body, '\"done_bytes\":3', '\"done_bytes\":4') WHERE position = 3", "drill a, entry 2: its content does not fit its hash"),
    "delete in the middle": ("DELETE FROM drp_journal WHERE position = 3", "drill a, entry 2: it is missing"),
    "delete a whole drill": ("DELETE FROM drp_journal WHERE drill = 'b'", "drill a, entry 2: 1 entry is missing"),
    "delete the end": ("DELETE FROM drp_journal WHERE position = 9", "1 entry is missing at its end, after drill c, entry 1"),
    "move to another drill": ("UPDATE drp_journal SET drill = 'z', sequence = 0 WHERE position = 9", "drill z, entry 0: its content belongs to drill c, entry 2"),
    "add a copy": ("INSERT INTO drp_journal SELECT 10, drill, 3, body, hash, link FROM drp_journal WHERE position = 9", "drill c, entry 3: its content belongs to drill c, entry 2"),
    "delete the head": ("DELETE FROM drp_journal_head", "its head is gone"),
}  # fmt: skip


@pytest.mark.parametrize("case", MATRIX)
def test_what_the_owner_changes_with_the_guards_off_is_seen_and_named(
    journal: SqlJournal, owner: pg8000.native.Connection, case: str
) -> None:
    statement, expected = MATRIX[case]
    for table in ("drp_journal", "drp_journal_head"):
        owner.run(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    owner.run(statement)
    with pytest.raises(Tampered, match="guards were removed"):
        journal.verify()
    for name, table in (
        ("rows", ""),
        ("moves_head", ""),
        ("truncate", ""),
        ("after_seal", ""),
        ("head_rows", "_head"),
        ("head_truncate", "_head"),
    ):
        owner.run(f"ALTER TABLE drp_journal{table} ENABLE ALWAYS TRIGGER drp_journal_{name}")
    with pytest.raises(Tampered) as caught:
        journal.verify()
    assert expected in caught.value.message


def test_a_guard_whose_body_was_emptied_is_missed(journal: SqlJournal, owner: pg8000.native.Connection) -> None:
    owner.run(
        "CREATE OR REPLACE FUNCTION drp_journal_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$"
    )
    with pytest.raises(Tampered, match="guards were removed: drp_journal_rows, drp_journal_moves_head"):
        journal.verify()


def test_hosts_append_at_the_same_time(postgres_server: PostgresServer, database: str) -> None:
    hosts = [
        SqlJournal(postgres_server.url(database), SystemClock(), password=postgres_server.password) for _ in range(3)
    ]

    def work(host: SqlJournal, name: str) -> None:
        for number in range(30):
            host.append(name, event(number))
            host.append("shared", event(number))

    threads = [threading.Thread(target=work, args=(host, f"h{number}")) for number, host in enumerate(hosts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert hosts[0].verify() == 180
    for host in hosts:
        host.close()


def test_hosts_make_one_journal(postgres_server: PostgresServer, database: str) -> None:
    opened: list[SqlJournal] = []

    def work() -> None:
        opened.append(SqlJournal(postgres_server.url(database), SystemClock(), password=postgres_server.password))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 4
    assert opened[0].verify() == 0
    for journal in opened:
        journal.close()


def test_a_host_that_holds_the_lock_for_ever_makes_others_busy(
    postgres_server: PostgresServer,
    database: str,
    owner: pg8000.native.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engines, "_WAIT_SECONDS", 1)
    journal = SqlJournal(postgres_server.url(database), SystemClock(), password=postgres_server.password)
    owner.run(f"SELECT pg_advisory_lock({LOCK_KEY})")
    with pytest.raises(Busy, match="is busy: canceling statement due to lock timeout"):
        journal.append("a", event(1))
    owner.run(f"SELECT pg_advisory_unlock({LOCK_KEY})")
    assert journal.append("a", event(1))[0].sequence == 0
    journal.close()


def test_the_session_is_durable_whatever_the_server_says(journal: SqlJournal, owner: pg8000.native.Connection) -> None:
    owner.run("ALTER ROLE drp SET synchronous_commit = off")
    try:
        journal.close()
        with journal._database.engine.begin() as connection:
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "on"
    finally:
        owner.run("ALTER ROLE drp RESET synchronous_commit")


def test_a_wrong_password_is_told_and_never_shown(postgres_server: PostgresServer, database: str) -> None:
    with pytest.raises(StorageFull, match="password authentication failed") as caught:
        SqlJournal(postgres_server.url(database), SystemClock(), password="wrong-" + postgres_server.password)
    assert postgres_server.password not in str(caught.value)


def test_nobody_listens(postgres_server: PostgresServer) -> None:
    with pytest.raises(StorageFull, match="cannot be used") as caught:
        SqlJournal("postgresql+pg8000://drp@127.0.0.1:9/drp", SystemClock(), password="sesame-4815")
    assert "sesame" not in str(caught.value)
    assert "database server" in str(caught.value.hint)


def test_no_such_database(postgres_server: PostgresServer) -> None:
    with pytest.raises(StorageFull, match='database "nowhere" does not exist'):
        SqlJournal(postgres_server.url("nowhere"), SystemClock(), password=postgres_server.password)


def test_a_reader_may_only_read(
    postgres_server: PostgresServer, database: str, journal: SqlJournal, owner: pg8000.native.Connection
) -> None:
    role = f"auditor_{database}"
    owner.run(f"CREATE ROLE {role} LOGIN PASSWORD 'audit-4815'")
    owner.run(f"GRANT SELECT ON drp_journal, drp_journal_head TO {role}")
    auditor = SqlJournal(postgres_server.url(database, user=role), SystemClock(), password="audit-4815")
    assert auditor.verify() == 10
    with pytest.raises(StorageFull, match="permission denied"):
        auditor.append("a", event(1))
    auditor.close()


def test_a_writer_that_may_insert_need_not_own_the_tables(
    postgres_server: PostgresServer, database: str, journal: SqlJournal, owner: pg8000.native.Connection
) -> None:
    role = f"writer_{database}"
    owner.run(f"CREATE ROLE {role} LOGIN PASSWORD 'write-4815'")
    owner.run(f"GRANT SELECT, INSERT ON drp_journal TO {role}")
    owner.run(f"GRANT SELECT, UPDATE ON drp_journal_head TO {role}")
    writer = SqlJournal(postgres_server.url(database, user=role), SystemClock(), password="write-4815")
    assert writer.append("a", event(1))[0].sequence == 4
    assert writer.verify() == 11
    writer.close()


def test_a_journal_from_a_newer_drp_is_left_alone(
    postgres_server: PostgresServer, database: str, journal: SqlJournal, owner: pg8000.native.Connection
) -> None:
    owner.run("ALTER TABLE drp_journal_head DISABLE TRIGGER USER")
    owner.run("UPDATE drp_journal_head SET schema_version = 2")
    with pytest.raises(ConfigError, match="newer drp"):
        SqlJournal(postgres_server.url(database), SystemClock(), password=postgres_server.password)


def test_a_server_that_was_restarted_is_found_again(postgres_server: PostgresServer, journal: SqlJournal) -> None:
    postgres_server.stop()
    try:
        with pytest.raises(StorageFull, match="cannot be used"):
            journal.append("a", event(1))
    finally:
        postgres_server.start()
    assert journal.append("a", event(1))[0].sequence == 4
    assert journal.verify() == 11


def test_a_connection_that_is_cut_in_the_middle_leaves_nothing(
    journal: SqlJournal, owner: pg8000.native.Connection
) -> None:
    class CutClock(SystemClock):
        """Between lock and insert, the server loses its clients."""

        def now(self) -> Stamp:
            owner.run(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
            return super().now()

    whole, journal._clock = journal._clock, CutClock()
    with pytest.raises(StorageFull, match="cannot be used"):
        journal.append("a", event(1))
    journal._clock = whole
    assert journal.append("a", event(1))[0].sequence == 4
    assert journal.verify() == 11
