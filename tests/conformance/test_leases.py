"""What holds of every lease: in a SQLite file's folder, and on PostgreSQL."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from drp.clock import SystemClock
from drp.domain.events import Event, EvidenceSealed, Interrupted, SandboxDestroyed
from drp.domain.sandbox import Residue
from drp.errors import Busy, LeaseLost, Tampered
from drp.journal import SqlJournal
from drp.journal.leases import SessionLease
from tests.support.fixtures_journal import PostgresServer
from tests.support.waiting import eventually

HOST = socket.gethostname()


def event(number: int) -> Event:
    return Interrupted(signal_number=number, reason="x")


@dataclass
class Place:
    """Where a journal is."""

    location: Path | str
    password: str | None = None
    server: PostgresServer | None = None

    def open(self, *, reads_only: bool = False) -> SqlJournal:
        return SqlJournal(self.location, SystemClock(), password=self.password, reads_only=reads_only)


def _sqlite(request: pytest.FixtureRequest) -> Place:
    return Place(request.getfixturevalue("tmp_path") / "journal.sqlite")


def _postgresql(request: pytest.FixtureRequest) -> Place:
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return Place(server.url(server.new_database()), server.password, server)


@pytest.fixture(params=[_sqlite, pytest.param(_postgresql, marks=pytest.mark.real)], ids=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest) -> Place:
    return request.param(request)


Open = Callable[[], SqlJournal]


@pytest.fixture
def opened(place: Place) -> Iterator[Open]:
    made: list[SqlJournal] = []

    def make() -> SqlJournal:
        made.append(place.open())
        return made[-1]

    yield make
    for journal in made:
        journal.close()


def test_one_holds_a_drill_and_the_others_are_told_who(opened: Open) -> None:
    one, other = opened(), opened()
    one.hold("a")
    assert (one.holder("a"), other.holder("a"), other.holder("b")) == (HOST, HOST, None)
    with pytest.raises(Busy, match=f"drill a is running on {HOST}"):
        other.hold("a")
    other.hold("b")
    one.append("a", event(1))
    other.append("b", event(1))
    one.release("a")
    one.release("a")
    assert other.holder("a") is None
    other.hold("a")
    other.append("a", event(2))
    assert [entry.sequence for entry in one.entries("a")] == [0, 1]


def test_only_the_holder_adds(opened: Open) -> None:
    one, other = opened(), opened()
    other.append("a", event(1))
    one.hold("a")
    with pytest.raises(Busy, match="running on"):
        other.append("a", event(2))
    one.append("a", event(3))
    one.release("a")
    other.append("a", event(4))
    assert [entry.event.signal_number for entry in one.entries("a")] == [1, 3, 4]  # type: ignore[union-attr]
    assert one.verify() == 3


def test_what_is_given_back_can_be_taken_at_once(opened: Open) -> None:
    journals = [opened(), opened()]
    for turn in range(40):
        taker = journals[turn % 2]
        taker.hold("a")
        taker.append("a", event(turn))
        taker.release("a")
    assert [entry.sequence for entry in journals[0].entries("a")] == list(range(40))


@pytest.mark.real
def test_a_server_that_has_not_noticed_that_a_connection_was_closed_is_in_nobodys_way(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(postgres_server.url(postgres_server.new_database()), postgres_server.password)
    with closing(place.open()) as one, closing(place.open()) as other:
        one.hold("a")
        lease = one._held["a"]
        assert isinstance(lease, SessionLease)
        assert lease._connection is not None
        connection, close = lease._connection, lease._connection.close
        monkeypatch.setattr(connection, "close", lambda: None)  # for the server it lives on
        one.release("a")
        other.hold("a")
        close()


def test_who_reads_sees_who_holds_and_is_in_nobodys_way(place: Place, opened: Open) -> None:
    one = opened()
    with closing(place.open(reads_only=True)) as reader:
        assert reader.holder("a") is None
        one.hold("a")
        assert reader.holder("a") == HOST
        one.require_held()
        one.append("a", event(1))


def test_a_refused_entry_takes_no_lease_away(opened: Open) -> None:
    """An error inside the transaction is not the end of the session."""
    one = opened()
    one.hold("a")
    one.append("a", EvidenceSealed(record_digest="0" * 64, location="x"))
    with pytest.raises(Tampered, match="nothing follows its seal"):
        one.append("a", event(1))
    one.require_held()
    one.append("a", gone())


def gone() -> Event:
    return SandboxDestroyed(recovery="ehr", sandbox="s", residue=Residue(processes=0))


HOLD = """
import sys, signal
from pathlib import Path
from drp.clock import SystemClock
from drp.domain.events import Interrupted
from drp.errors import DrpError
from drp.journal import SqlJournal
location = sys.argv[1] if "://" in sys.argv[1] else Path(sys.argv[1])
journal = SqlJournal(location, SystemClock(), password=sys.argv[2] or None)
journal.hold("a")
journal.append("a", Interrupted(signal_number=1, reason="x"))
print("held", flush=True)
for line in sys.stdin:
    try:
        journal.append("a", Interrupted(signal_number=int(line), reason="x"))
        print("written", flush=True)
    except DrpError as error:
        print(error.code, flush=True)
"""


@dataclass
class Holder:
    """A process that holds drill ``a``."""

    process: subprocess.Popen[str]

    def says(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def write(self, number: int) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{number}\n")
        self.process.stdin.flush()
        return self.says()


@pytest.fixture
def elsewhere(place: Place, opened: Open) -> Iterator[Holder]:
    opened()
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(place.location), place.password or ""],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        holder = Holder(process)
        assert holder.says() == "held"
        yield holder
        process.kill()


def test_a_holder_that_is_killed_holds_nothing(opened: Open, elsewhere: Holder) -> None:
    ours = opened()
    with pytest.raises(Busy):
        ours.hold("a")
    assert elsewhere.write(2) == "written"
    elsewhere.process.kill()
    elsewhere.process.wait()
    eventually(lambda: ours.holder("a") is None)
    ours.hold("a")
    ours.append("a", event(9))
    assert len(list(ours.entries("a"))) == 3


def lose(place: Place) -> None:
    """Take the lease away from whoever holds it, as the end of a connection, or a cleaning hand, does."""
    if place.server is None:
        assert isinstance(place.location, Path)
        (place.location.parent / "leases" / "a").unlink()
        return
    database = str(place.location).rpartition("/")[2]
    with closing(place.server.connect("postgres")) as connection:
        connection.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name AND application_name LIKE 'drp@%'",
            name=database,
        )


def test_a_holder_that_stood_still_cannot_write_into_what_another_took(
    place: Place, opened: Open, elsewhere: Holder
) -> None:
    ours = opened()
    os.kill(elsewhere.process.pid, signal.SIGSTOP)
    with pytest.raises(Busy):
        ours.hold("a")  # it may go on at any time
    lose(place)
    eventually(lambda: ours.holder("a") is None)
    ours.hold("a")
    ours.append("a", event(7))
    os.kill(elsewhere.process.pid, signal.SIGCONT)
    assert elsewhere.write(8) == "DRP-E022"
    ours.append("a", event(9))
    ours.release("a")
    assert elsewhere.write(10) == "DRP-E022"  # nor later, when nobody holds it any more
    assert [entry.event.signal_number for entry in ours.entries("a")] == [1, 7, 9]  # type: ignore[union-attr]
    assert ours.verify() == 3


def test_a_lost_lease_is_noticed_without_writing(place: Place, opened: Open) -> None:
    one = opened()
    one.hold("a")
    one.append("a", event(1))
    one.require_held()
    lose(place)
    with pytest.raises(LeaseLost):
        one.require_held()
    with pytest.raises(LeaseLost):
        one.append("a", event(2))
    other = opened()
    other.hold("a")
    assert [entry.sequence for entry in other.entries("a")] == [0]


def test_odd_names_are_held_apart(opened: Open) -> None:
    one, other = opened(), opened()
    names = ("é", "a/b", "../x", "x" * 300, "A b")
    for name in names:
        one.hold(name)
    for name in names:
        assert other.holder(name) == HOST
        with pytest.raises(Busy):
            other.hold(name)
    one.close()
    for name in names:
        eventually(lambda name=name: other.holder(name) is None)  # type: ignore[misc]
