"""What every Register must do: in memory, in a SQLite file, in a PostgreSQL database."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drp.clock import SystemClock
from drp.domain.schedule.events import Paused, PolicySeen, SlotEnded, SlotExpected, SlotSkipped
from drp.domain.schedule.fold import fold_register
from drp.domain.schedule.register import Register
from drp.domain.schedule.slot import Slot
from drp.domain.worm.points import LostPoint, NotedPoint
from drp.errors import Busy, UsageError
from drp.journal import SqlJournal
from drp.service.worm.expected_points import RegisterLedger
from tests.simulators.register import MemoryRegister
from tests.support.fixtures_journal import PostgresServer

Open = Callable[[], Register]
AT = datetime(2026, 3, 1, 2, tzinfo=UTC)


def _memory(request: pytest.FixtureRequest) -> Open:
    register = MemoryRegister(SystemClock())
    return lambda: register


def _sqlite(request: pytest.FixtureRequest) -> Open:
    path: Path = request.getfixturevalue("tmp_path") / "journal.sqlite"
    return lambda: _closing(request, SqlJournal(path, SystemClock()))


def _postgresql(request: pytest.FixtureRequest) -> Open:
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.url(server.new_database())
    return lambda: _closing(request, SqlJournal(url, SystemClock(), password=server.password))


def _closing(request: pytest.FixtureRequest, journal: SqlJournal) -> Register:
    request.addfinalizer(journal.close)
    return journal.register


@pytest.fixture(
    params=[_memory, _sqlite, pytest.param(_postgresql, marks=pytest.mark.real)], ids=["memory", "sqlite", "postgresql"]
)
def open_register(request: pytest.FixtureRequest) -> Open:
    return request.param(request)


def slot(number: int) -> Slot:
    return Slot(application="ehr", level="full", at=AT + timedelta(days=number))


def expected(number: int) -> SlotExpected:
    return SlotExpected(slot=slot(number))


def ended(number: int, **named: str) -> SlotEnded:
    return SlotEnded(slot=slot(number), ending="missed", reason="too-late", values={"within": "12 h"}, **named)


def test_an_empty_register_says_nothing_and_verifies(open_register: Open) -> None:
    register = open_register()
    assert list(register.entries()) == []
    assert register.state() == fold_register(())
    assert register.head() == "-1:" + "0" * 64
    assert register.verify() == 0
    assert register.beats() == {}


def test_what_was_appended_is_read_back_in_order_and_folded(open_register: Open) -> None:
    register = open_register()
    wrote = register.append(PolicySeen(policy="ehr/full", digest="a" * 64), expected(0), ended(0), expected(1))
    assert list(open_register().entries()) == list(wrote)
    assert [entry.position for entry in wrote] == [0, 1, 2, 3]
    assert list(register.entries(after=1)) == list(wrote[2:])
    state, head = register.state_at()
    assert state == fold_register(wrote) == open_register().state()
    assert head == register.head() == f"3:{wrote[-1].link}"
    assert list(state.open) == [slot(1).id]
    assert [register.link_at(n) for n in (-1, 3, 4)] == ["0" * 64, wrote[3].link, None]
    assert register.verify() == 4


def test_one_slot_ends_once_and_only_if_it_was_expected(open_register: Open) -> None:
    register, another = open_register(), open_register()
    register.append(expected(0))
    another.append(ended(0))
    with pytest.raises(Busy):
        register.append(ended(0))
    with pytest.raises(Busy):
        register.append(expected(0))
    with pytest.raises(UsageError):
        register.append(ended(1))
    assert register.verify() == 2


def test_of_several_events_all_are_written_or_none(open_register: Open) -> None:
    register = open_register()
    register.append(expected(0), ended(0))
    with pytest.raises(Busy):
        register.append(expected(1), ended(1), ended(0))
    with pytest.raises(Busy):
        register.append(expected(2), expected(2))
    assert register.verify() == 2
    assert len(register.append(expected(1), ended(1))) == 2


def test_who_decided_on_what_is_not_so_any_more_is_refused(open_register: Open) -> None:
    register = open_register()
    head = register.head()
    register.append(expected(0), head=head)
    with pytest.raises(Busy):
        register.append(expected(1), head=head)
    assert register.verify() == 1


def test_many_writers_end_each_slot_exactly_once(open_register: Open) -> None:
    registers = [open_register() for _ in range(4)]
    registers[0].append(*map(expected, range(20)))
    won: list[int] = []

    def end_all(register: Register) -> None:
        for number in range(20):
            try:
                register.append(ended(number))
            except Busy:
                continue
            won.append(number)

    threads = [threading.Thread(target=end_all, args=(register,)) for register in registers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == list(range(20))
    assert registers[1].verify() == 40
    assert registers[2].state().open == {}


def test_a_state_that_was_handed_out_is_the_receivers_own(open_register: Open) -> None:
    register = open_register()
    register.append(expected(0), Paused(policy="*", until=AT, by="ada", reason="move"))
    register.state().open.clear()
    register.state().pauses.clear()
    assert list(register.state().open) == [slot(0).id]
    assert list(register.state().pauses) == ["*"]


def test_the_state_is_the_same_however_often_it_was_noted(open_register: Open) -> None:
    register = open_register()
    for first in range(0, 900, 300):
        numbers = range(first, first + 300)
        register.append(*(event for number in numbers for event in (expected(number), ended(number))))
        register.state()  # noted in short, where a register does so
    register.append(SlotSkipped(slot=slot(901), by="ada", reason="move"), expected(900))
    state = open_register().state()
    assert state == fold_register(register.entries())
    assert state.counts == {"ehr/full": {"missed": 900}}
    assert state.missed == {"ehr/full": 900}
    assert register.verify() == 1802


def test_each_host_leaves_a_sign_that_it_looked(open_register: Open) -> None:
    register = open_register()
    register.beat("alpha", AT)
    register.beat("beta", AT)
    register.beat("alpha", AT + timedelta(minutes=1))
    assert open_register().beats() == {"alpha": AT + timedelta(minutes=1), "beta": AT}
    assert register.verify() == 0


def noted(first: int, last: int) -> tuple[NotedPoint, ...]:
    return tuple(
        NotedPoint(application="ehr", point=f"{number:064x}", consistent_at=AT + timedelta(hours=number))
        for number in range(first, last)
    )


def test_two_hosts_keep_one_ledger_of_points(open_register: Open) -> None:
    one, two = (RegisterLedger(open_register, host) for host in ("one", "two"))
    one.note("vault", noted(0, 2500), ())
    two.note("vault", noted(2400, 2600), ())
    known = one.known("vault")
    assert known == two.known("vault")
    assert len(known) == 2600
    gone = LostPoint(application="ehr", point=f"{7:064x}")
    one.note("vault", (), (gone,))
    since = two.known("vault")["ehr", gone.point].lost_at
    two.note("vault", (), (gone,))
    assert one.known("vault")["ehr", gone.point].lost_at == since, "a loss counts from when it was first seen"
    assert one.known("elsewhere") == {}
    register = open_register()
    assert register.verify() == 6
    assert register.state() == fold_register(register.entries())


def test_a_ledger_of_ten_thousand_points_is_read_quickly_again_and_again(open_register: Open) -> None:
    ledger = RegisterLedger(open_register, "one")
    ledger.note("vault", noted(0, 10_000), ())
    register = open_register()
    register.state()
    begun = time.process_time()
    for _ in range(10):
        assert len(register.state().repositories["vault"].expected) == 10_000
    assert time.process_time() - begun < 2
