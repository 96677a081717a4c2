"""A week that nobody attends, processes that die between any two writes, clocks that jump: nothing twice, nothing lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from drp.domain.schedule.events import SlotEnded, SlotExpected
from drp.schedule.tick import tick
from tests.simulators.register import Died, DyingRegister
from tests.simulators.schedule import DAY, HOUR, MONDAY, HandClock, SimSchedule, policy

POLICIES = (
    policy("ehr", "full", cron="0 2 * * sun", tier=0, plan="hospital"),
    policy("lis", "full", cron="0 2 * * sun", plan="hospital"),
    policy("ehr", "sample", cron="30 */6 * * *", jitter=HOUR),
    policy("pacs", "full", cron="15 3 * * *", start_within=2 * HOUR, catch_up="all"),
    policy("broken", "full", cron="0 12 * * *"),
)
GROUP = {"hospital": ("ehr", "lis")}


def hospital() -> SimSchedule:
    return SimSchedule(policies=POLICIES, group=GROUP, unplannable={"broken"})


def look(schedule: SimSchedule) -> None:
    """Look at the schedule, then carry out one order that waits: a worker with one pair of hands."""
    tick(schedule.desk())
    for name in schedule.engine.waiting()[:1]:
        schedule.carry_out(name)


def accounted(schedule: SimSchedule) -> Counter[str]:
    """Return how slots ended; each was expected once, and ended once, or is open."""
    events = [entry.event for entry in schedule.register.entries()]
    expected = Counter(each.slot.id for each in events if isinstance(each, SlotExpected))
    ended = Counter(each.slot.id for each in events if isinstance(each, SlotEnded))
    assert set(expected.values()) <= {1}
    assert set(ended.values()) <= {1}
    assert set(expected) - set(ended) == set(schedule.register.state().open)
    drills = schedule.journal.drills()
    assert len(drills) == len(set(drills))
    return Counter(each.ending for each in events if isinstance(each, SlotEnded))


def slots_of_a_week() -> int:
    return 1 + 1 + 28 + 7 + 7


def test_in_a_week_that_nobody_attends_every_slot_is_accounted_for() -> None:
    schedule = hospital()
    while schedule.clock.wall < MONDAY + 7 * DAY + 12 * HOUR:
        look(schedule)
        schedule.clock.wall += timedelta(minutes=30)
    tick(schedule.desk())
    endings = accounted(schedule)
    assert schedule.register.state().open == {}
    first_week = {
        entry.event.slot.id
        for entry in schedule.register.entries()
        if isinstance(entry.event, SlotExpected) and entry.event.slot.at < MONDAY + 7 * DAY
    }
    assert len(first_week) == slots_of_a_week()
    assert endings["held"] >= 1 + 1 + 28 + 7
    assert endings["blocked"] >= 7
    assert sum(endings.values()) == endings["held"] + endings["blocked"] + endings["superseded"]


def test_a_scheduler_that_was_dead_for_days_accounts_for_all_of_them() -> None:
    schedule = hospital()
    look(schedule)
    schedule.clock.wall = MONDAY + 7 * DAY - HOUR
    for _ in range(20):
        look(schedule)
        schedule.clock.wall += timedelta(minutes=5)
    accounted(schedule)
    expected = [e.event.slot for e in schedule.register.entries() if isinstance(e.event, SlotExpected)]
    assert len({slot.id for slot in expected if slot.at < MONDAY + 7 * DAY}) == slots_of_a_week()


@pytest.mark.parametrize("durable", [False, True], ids=["before", "after"])
def test_a_process_may_die_at_any_write_and_the_next_goes_on(durable: bool) -> None:
    undisturbed = hospital()
    _days(undisturbed, 1)
    writes = _counted(1)
    assert writes > 10
    for number in range(writes):
        schedule = hospital()
        dying = DyingRegister(schedule.register, number, durable=durable)
        with pytest.raises(Died):
            _days(replace(schedule, register=dying), 1)
        schedule.clock.wall = MONDAY
        while schedule.clock.wall < MONDAY + DAY:
            look(schedule)
            schedule.clock.wall += 2 * HOUR
        for _ in range(5):
            look(schedule)
        accounted(schedule)
        assert _held(schedule) == _held(undisturbed), f"write {number}"


@pytest.mark.parametrize("jump", [HOUR, 365 * DAY, -HOUR, -30 * DAY], ids=str)
def test_a_clock_that_jumps_makes_nothing_happen_twice_and_loses_nothing(jump: timedelta) -> None:
    schedule = hospital()
    _days(schedule, 1)
    before = _held(schedule)
    schedule.clock.wall += jump
    for _ in range(6):
        look(schedule)
        schedule.clock.wall += timedelta(minutes=20)
    accounted(schedule)
    assert before <= _held(schedule)
    expected = [e.event.slot for e in schedule.register.entries() if isinstance(e.event, SlotExpected)]
    times = [slot.at for slot in expected if slot.policy == "ehr/sample"]
    assert times == sorted(times)


def test_an_engine_that_dies_between_register_and_order_is_asked_again() -> None:
    schedule = hospital()
    look(schedule)
    schedule.clock.wall += 7 * HOUR

    def die(_order: object) -> bool:
        raise Died

    submit: Callable[..., bool] = schedule.engine.submit
    schedule.engine.submit = die
    with pytest.raises(Died):
        tick(schedule.desk())
    assert schedule.register.state().open
    schedule.engine.submit = submit
    tick(schedule.desk())
    assert schedule.engine.waiting() == ["pacs/full@20261123T031500Z"]
    accounted(schedule)


def _days(schedule: SimSchedule, days: int) -> None:
    while schedule.clock.wall < MONDAY + days * DAY:
        look(schedule)
        schedule.clock.wall += 2 * HOUR
    for _ in range(5):
        look(schedule)


def _counted(days: int) -> int:
    schedule = hospital()
    counting = DyingRegister(schedule.register, -1, durable=False)
    _days(replace(schedule, register=counting), days)
    return counting.writes


def _held(schedule: SimSchedule) -> set[str]:
    events = [entry.event for entry in schedule.register.entries()]
    return {each.slot.id for each in events if isinstance(each, SlotEnded) and each.ending == "held"}


def test_the_clock_of_these_tests_moves_by_hand_alone() -> None:
    clock = HandClock()
    assert clock.now() == clock.now()
