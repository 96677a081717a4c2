"""Two hosts look at one schedule at the same time, on a PostgreSQL that they share: each slot once, whoever is faster."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import timedelta

import pytest

from drp.domain.schedule.events import SlotEnded, SlotExpected
from drp.journal import SqlJournal
from drp.schedule.tick import tick
from tests.simulators.schedule import HOUR, MONDAY, HandClock, SimSchedule, policy
from tests.support.fixtures_journal import PostgresServer

pytestmark = pytest.mark.real
NAMES = tuple(f"app{number}" for number in range(6))


@pytest.fixture
def hosts(postgres_server: PostgresServer) -> Iterator[tuple[SimSchedule, SimSchedule]]:
    """Two hosts with clocks and engines of their own, and one journal."""
    url, policies = postgres_server.url(postgres_server.new_database()), tuple(map(policy, NAMES))
    with ExitStack() as stack:
        made = []
        for _ in range(2):
            clock = HandClock()
            journal = stack.enter_context(closing(SqlJournal(url, clock, password=postgres_server.password)))
            made.append(SimSchedule(policies, clock, register=journal.register, journal=journal))
        yield made[0], made[1]


def test_every_slot_is_expected_once_and_ends_once(hosts: tuple[SimSchedule, SimSchedule]) -> None:
    failed: list[BaseException] = []
    together = threading.Barrier(2)

    def look(schedule: SimSchedule, name: str) -> None:
        try:
            for hour in range(8):
                schedule.clock.wall = MONDAY + hour * 6 * HOUR + timedelta(minutes=1)
                together.wait(60)
                tick(schedule.desk(host=name))
        except BaseException as error:
            failed.append(error)
            together.abort()
            raise

    threads = [threading.Thread(target=look, args=(each, name)) for each, name in zip(hosts, "ab", strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    register = hosts[0].register
    events = [entry.event for entry in register.entries()]
    expected = Counter(each.slot.id for each in events if isinstance(each, SlotExpected))
    ended = Counter(each.slot.id for each in events if isinstance(each, SlotEnded))
    assert (len(expected), set(expected.values())) == (2 * len(NAMES), {1})
    assert set(ended.values()) == {1}
    assert set(expected) - set(ended) == set(register.state().open)
    assert register.state() == hosts[1].register.state()
    assert register.verify() == len(events)
    assert set(register.beats()) == {"a", "b"}
    # both engines have the same orders: of each, the journal takes one drill
    orders = [set(host.engine.seen) for host in hosts]
    assert orders[0] == orders[1]


def test_an_order_that_one_host_held_is_settled_by_the_other(hosts: tuple[SimSchedule, SimSchedule]) -> None:
    one, other = (replace(each, policies=(policy("app0"),)) for each in hosts)
    for host in (one, other):
        tick(host.desk())
        host.clock.wall = MONDAY + 3 * HOUR
        tick(host.desk())
    (order,) = one.engine.waiting()
    one.carry_out(order)
    tick(other.desk(host="b"))
    (end,) = [entry.event for entry in other.register.entries() if isinstance(entry.event, SlotEnded)]
    assert (end.ending, end.verdict) == ("held", "passed")
    tick(one.desk())
    assert one.register.verify() == 3
