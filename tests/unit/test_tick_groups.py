"""Slots of one plan at one instant are held by one drill."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from drp.domain.schedule.events import Paused, PolicySeen, SlotEnded
from drp.domain.schedule.policy import Blackout
from drp.errors import UsageError
from drp.schedule.admission import held_up
from drp.schedule.desk import Closed
from drp.schedule.tick import tick
from tests.simulators.schedule import DAY, HOUR, MONDAY, SimSchedule, policy

TWO = MONDAY + 2 * HOUR
SLOT = "ehr/full@20261123T020000Z"


def begun(schedule: SimSchedule) -> SimSchedule:
    """Look at the schedule before, and just after, its first slot has come."""
    tick(schedule.desk())
    schedule.clock.wall = TWO + timedelta(minutes=1)
    tick(schedule.desk())
    return schedule


def ends(schedule: SimSchedule) -> list[tuple[str, str, str]]:
    found = [entry.event for entry in schedule.register.entries()]
    return [(each.slot.id, each.ending, each.reason) for each in found if isinstance(each, SlotEnded)]


def test_slots_of_one_plan_at_one_instant_are_one_order() -> None:
    both = (policy("ehr", plan="hospital", tier=0), policy("lis", plan="hospital", tier=2))
    schedule = begun(SimSchedule(policies=both, group={"hospital": ("ehr", "lis", "ad")}))
    (seen,) = schedule.engine.orders()
    assert seen.order.id == "hospital@20261123T020000Z"
    assert seen.order.values["slots"] == [SLOT, "lis/full@20261123T020000Z"]
    assert seen.order.priority == 0
    assert schedule.carry_out(seen.order.id) == "hospital-20261123-020000z"
    tick(schedule.desk())
    assert {(slot, ending) for slot, ending, _ in ends(schedule)} == {
        (SLOT, "held"), ("lis/full@20261123T020000Z", "held"),
    }  # fmt: skip


def test_a_group_waits_for_the_last_of_its_slots_and_leaves_out_what_is_paused() -> None:
    both = (policy("ehr", plan="hospital"), policy("lis", plan="hospital"), policy("ris", plan="hospital"))
    closed = {"lis/full": Closed(blackouts=(Blackout(begins=MONDAY, ends=TWO + HOUR, reason="move"),))}
    schedule = SimSchedule(policies=both, group={"hospital": ("ehr", "lis", "ris", "ad")})
    schedule.register.append(Paused(policy="ris", until=MONDAY + DAY, by="ada", reason="move"))
    desk = schedule.desk(closed=lambda policy, _now: closed.get(policy.key, Closed()))
    tick(desk)
    schedule.clock.wall = TWO + timedelta(minutes=1)
    tick(desk)
    assert schedule.engine.orders() == ()
    assert ends(schedule) == [("ris/full@20261123T020000Z", "paused", "paused")]
    schedule.clock.wall = TWO + 2 * HOUR
    tick(desk)
    (seen,) = schedule.engine.orders()
    assert seen.order.values["slots"] == [SLOT, "lis/full@20261123T020000Z"]
    assert seen.order.values["without"] == ["ris"]


def test_an_application_that_the_plan_does_not_recover_blocks_its_slot_alone() -> None:
    both = (policy("ehr", plan="hospital"), policy("lis", plan="hospital"))
    schedule = begun(SimSchedule(policies=both, group={"hospital": ("ehr",)}))
    assert ends(schedule) == [("lis/full@20261123T020000Z", "blocked", "not-in-plan")]
    (seen,) = schedule.engine.orders()
    schedule.carry_out(seen.order.id)
    tick(schedule.desk())
    assert ends(schedule)[1:] == [(SLOT, "held", "held")]


def test_a_file_that_cannot_be_read_takes_no_policy_away_and_its_slots_end_in_the_end() -> None:
    schedule = begun(SimSchedule(policies=(policy("ehr"),)))
    schedule.engine.seen.clear()
    unread = schedule.desk(policies={}, undecided=frozenset({"ehr"}))
    tick(unread)
    assert list(schedule.register.state().policies) == ["ehr/full"]
    assert ends(schedule) == []
    schedule.clock.wall = TWO + 13 * HOUR
    tick(unread)
    assert ends(schedule) == [(SLOT, "blocked", "file-unreadable")]
    schedule.clock.wall = TWO + 2 * DAY
    tick(schedule.desk())  # mended: what came meanwhile is accounted for
    assert [slot for slot, _, _ in ends(schedule)][1:] == ["ehr/full@20261124T020000Z"]


def test_an_order_whose_turn_comes_too_late_for_its_window_or_in_a_pause_does_not_begin() -> None:
    schedule = begun(SimSchedule(policies=(policy("ehr"),)))
    values = schedule.engine.seen[SLOT].order.values
    assert held_up(schedule.desk(), values) is None
    night = Blackout(begins=TWO + HOUR, ends=TWO + 4 * HOUR, reason="rounds")
    closed = schedule.desk(closed=lambda _policy, _now: Closed(blackouts=(night,)))
    schedule.clock.wall = TWO + timedelta(minutes=30)  # it would take an hour
    assert held_up(closed, values).reason == "blackout"
    schedule.register.append(Paused(policy="ehr", until=TWO + 2 * HOUR, by="ada", reason="move"))
    assert held_up(schedule.desk(), values).values["by"] == "ada"
    schedule.clock.wall = TWO + 5 * HOUR
    assert held_up(closed, values) is None
    schedule.hold_by_hand("typed", "ehr")
    tick(schedule.desk())
    with pytest.raises(UsageError, match="ended meanwhile"):
        held_up(schedule.desk(), values)


def test_hosts_that_disagree_about_a_policy_do_not_fill_the_register() -> None:
    one = SimSchedule(policies=(policy("ehr"),))
    other = replace(one, policies=(policy("ehr", max_age=9 * DAY), policy("lis")))
    for _ in range(20):
        for host in (one, other):
            tick(host.desk())
        one.clock.wall += timedelta(seconds=30)
    seen = [entry.event for entry in one.register.entries() if isinstance(entry.event, PolicySeen)]
    assert len(seen) <= 4
