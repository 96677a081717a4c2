"""One look at the schedule: what has come is expected once, ends once, and is held by one drill."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from drp.domain.schedule.events import PolicySeen, SlotEnded, SlotExpected, SlotSkipped
from drp.domain.schedule.proofs import Proof
from drp.domain.schedule.slot import Slot
from drp.errors import Busy
from drp.schedule.settling import Fate, settle
from drp.schedule.tick import tick
from tests.simulators.register import MemoryRegister
from tests.simulators.schedule import DAY, HOUR, MONDAY, SimSchedule, policy

TWO = MONDAY + 2 * HOUR
SLOT = "ehr/full@20261123T020000Z"
DRILL = "scheduled-ehr-20261123-020000z"


def begun(schedule: SimSchedule) -> SimSchedule:
    """Look at the schedule before, and just after, its first slot has come."""
    tick(schedule.desk())
    schedule.clock.wall = TWO + timedelta(minutes=1)
    tick(schedule.desk())
    return schedule


def ends(schedule: SimSchedule) -> list[tuple[str, str, str]]:
    found = [entry.event for entry in schedule.register.entries()]
    return [(each.slot.id, each.ending, each.reason) for each in found if isinstance(each, SlotEnded)]


def written(schedule: SimSchedule) -> list[object]:
    return [entry.event for entry in schedule.register.entries()]


def test_a_policy_is_noted_once_and_what_came_before_it_is_never_expected() -> None:
    schedule = SimSchedule()
    for _ in range(3):
        assert tick(schedule.desk()).decisions == ()
    assert [type(each) for each in written(schedule)] == [PolicySeen]
    assert schedule.register.beats() == {"alpha": MONDAY}


def test_a_slot_that_comes_is_expected_and_ordered_once_however_often_one_looks() -> None:
    schedule = begun(SimSchedule())
    for _ in range(3):
        tick(schedule.desk())
    assert [each.slot.id for each in written(schedule) if isinstance(each, SlotExpected)] == [SLOT]
    (seen,) = schedule.engine.orders()
    assert seen.order.id == SLOT
    assert seen.order.values["drill"] == DRILL
    assert seen.order.values["slots"] == [SLOT]
    assert seen.order.keys == ("nas",) or seen.order.keys
    assert ends(schedule) == []


@pytest.mark.parametrize("verdict", ["passed", "failed"])
def test_a_slot_ends_held_with_what_its_drill_says_of_the_application(verdict: str) -> None:
    schedule = begun(SimSchedule())
    assert schedule.carry_out(SLOT, verdict) == DRILL
    values = schedule.engine.seen[SLOT].order.values
    for _ in range(2):
        told = settle(schedule.register, schedule.journal, values)
        assert told == {"drill": DRILL, "verdict": verdict, "record_digest": "d" * 64}
    tick(schedule.desk())
    (end,) = [each for each in written(schedule) if isinstance(each, SlotEnded)]
    assert (end.ending, end.reason, end.drill, end.verdict) == ("held", "held", DRILL, verdict)
    assert (end.record_digest, end.host) == ("d" * 64, "alpha")


def test_a_drill_that_was_aborted_held_nothing() -> None:
    schedule = begun(SimSchedule())
    schedule.carry_out(SLOT, "aborted")
    tick(schedule.desk())
    assert ends(schedule) == [(SLOT, "blocked", "aborted")]
    assert schedule.register.state().missed == {"ehr/full": 1}


def test_a_slot_stays_open_while_its_drill_is_not_sealed() -> None:
    schedule = begun(SimSchedule())
    schedule.carry_out(SLOT, sealed=False)
    schedule.clock.wall += 20 * HOUR  # long past start_within
    (decision,) = tick(schedule.desk()).decisions
    assert (decision.action, decision.reason, decision.values["drill"]) == ("wait", "running", DRILL)
    assert settle(schedule.register, schedule.journal, schedule.engine.seen[SLOT].order.values) == {}
    assert ends(schedule) == []
    schedule.seal(DRILL)
    tick(schedule.desk())
    assert ends(schedule) == [(SLOT, "held", "held")]


def test_an_engine_that_lost_everything_makes_nothing_happen_twice() -> None:
    schedule = begun(SimSchedule())
    schedule.carry_out(SLOT)
    schedule.engine.seen.clear()
    tick(schedule.desk())
    assert ends(schedule) == [(SLOT, "held", "held")]
    assert schedule.engine.orders() == ()


def test_an_order_that_the_engine_lost_before_it_began_is_submitted_again() -> None:
    schedule = begun(SimSchedule())
    schedule.engine.seen.clear()
    tick(schedule.desk())
    assert schedule.engine.waiting() == [SLOT]
    assert ends(schedule) == []


def test_an_order_that_is_over_without_a_drill_ends_its_slot_and_says_why() -> None:
    schedule = begun(SimSchedule())
    schedule.engine.become(SLOT, state="failed", error="runbooks/ehr: no such folder")
    tick(schedule.desk())
    (end,) = [each for each in written(schedule) if isinstance(each, SlotEnded)]
    assert (end.ending, end.reason, end.values) == (
        "blocked",
        "not-started",
        {"detail": "runbooks/ehr: no such folder"},
    )


def test_an_order_that_somebody_stopped_ends_its_slot_by_his_name() -> None:
    schedule = begun(SimSchedule())
    schedule.engine.become(SLOT, state="aborted", abort_asked_by="ada")
    tick(schedule.desk())
    assert ends(schedule) == [(SLOT, "paused", "stopped")]


def test_a_plan_that_cannot_be_made_blocks_its_slot_and_is_never_left_out() -> None:
    schedule = begun(SimSchedule(unplannable={"ehr"}))
    assert ends(schedule) == [(SLOT, "blocked", "no-plan")]
    assert schedule.engine.orders() == ()


def test_the_fate_of_an_order_counts_only_without_a_drill() -> None:
    schedule = begun(SimSchedule())
    values = schedule.engine.seen[SLOT].order.values
    assert settle(schedule.register, schedule.journal, values) == {}
    assert ends(schedule) == []
    schedule.carry_out(SLOT)
    settle(schedule.register, schedule.journal, values, Fate(died=True))
    assert ends(schedule) == [(SLOT, "held", "held")]


def test_a_worker_that_died_before_anything_was_declared_is_said() -> None:
    schedule = begun(SimSchedule())
    settle(schedule.register, schedule.journal, schedule.engine.seen[SLOT].order.values, Fate(died=True))
    assert ends(schedule) == [(SLOT, "blocked", "worker-died")]


def test_a_passed_drill_that_somebody_typed_stands_for_a_waiting_slot() -> None:
    schedule = begun(SimSchedule(policies=(policy("ehr"), policy("lis"))))
    schedule.hold_by_hand("typed", "ehr")
    tick(schedule.desk())
    assert ends(schedule) == [(SLOT, "superseded", "covered")]
    assert schedule.engine.waiting() == ["lis/full@20261123T020000Z"]


def test_a_shallower_drill_stands_for_shallower_slots_alone() -> None:
    schedule = begun(SimSchedule(policies=(policy("ehr", "full"), policy("ehr", "hash"))))
    compared = Proof(level="hash", drill="typed", declared_at=TWO + HOUR, host="alpha")
    tick(schedule.desk(proofs=lambda _name: [compared]))
    assert ends(schedule) == [("ehr/hash@20261123T020000Z", "superseded", "covered")]
    assert schedule.engine.waiting() == [SLOT]
    assert schedule.engine.seen["ehr/hash@20261123T020000Z"].state == "aborted"  # taken back: nobody needs it


def test_a_failed_drill_stands_for_no_slot() -> None:
    schedule = begun(SimSchedule())
    schedule.hold_by_hand("typed", "ehr", verdict="failed")
    tick(schedule.desk())
    assert ends(schedule) == []


def test_a_policy_that_is_gone_ends_what_is_open_and_comes_back_without_a_past() -> None:
    schedule = begun(SimSchedule())
    gone = replace(schedule, policies=())
    tick(gone.desk())
    assert ends(schedule) == [(SLOT, "blocked", "policy-gone")]
    assert schedule.engine.waiting() == []
    schedule.clock.wall += 10 * DAY
    tick(schedule.desk())
    tick(schedule.desk())
    assert len(ends(schedule)) == 1


def test_what_came_while_nobody_looked_is_not_lost_when_somebody_edits_the_policy() -> None:
    schedule = SimSchedule()
    tick(schedule.desk())
    schedule.clock.wall = MONDAY + 3 * DAY
    edited = replace(schedule, policies=(policy(max_age=9 * DAY),))
    tick(edited.desk())
    expected = [each.slot.id for each in written(schedule) if isinstance(each, SlotExpected)]
    assert expected == [f"ehr/full@202611{day}T020000Z" for day in (23, 24, 25)]
    assert [ending for _, ending, _ in ends(schedule)] == ["superseded", "superseded"]


def test_a_clock_that_is_set_back_makes_nothing_happen_twice() -> None:
    schedule = begun(SimSchedule())
    schedule.carry_out(SLOT)
    tick(schedule.desk())
    before = written(schedule)
    for back in (MONDAY - DAY, MONDAY, MONDAY + 3 * HOUR):
        schedule.clock.wall = back
        tick(schedule.desk())
    assert written(schedule) == before
    schedule.clock.wall = TWO + DAY
    tick(schedule.desk())
    assert [each.slot.id for each in written(schedule) if isinstance(each, SlotExpected)][1:] == [
        "ehr/full@20261124T020000Z"
    ]


def test_a_clock_that_jumps_a_year_ahead_expects_every_slot_and_holds_one() -> None:
    schedule = SimSchedule()
    tick(schedule.desk())
    schedule.clock.wall = MONDAY + 365 * DAY + 3 * HOUR
    tick(schedule.desk())
    expected = [each for each in written(schedule) if isinstance(each, SlotExpected)]
    assert len(expected) == 366
    assert len(ends(schedule)) == 365
    assert len(schedule.engine.waiting()) == 1


def test_a_slot_that_somebody_took_out_ends_so_and_is_not_held() -> None:
    schedule = SimSchedule()
    tick(schedule.desk())
    schedule.register.append(SlotSkipped(slot=Slot(application="ehr", level="full", at=TWO), by="ada", reason="move"))
    schedule.clock.wall = TWO + timedelta(minutes=1)
    tick(schedule.desk())
    assert ends(schedule) == [(SLOT, "paused", "skipped")]
    assert schedule.engine.orders() == ()


def test_a_slot_of_another_cause_is_expected_once() -> None:
    schedule = SimSchedule(policies=(policy(cron="", on_change=True),))
    slot = Slot(application="ehr", level="full", at=MONDAY, cause="change")
    desk = schedule.desk(causes=lambda _state, _now: (slot,))
    for _ in range(3):
        tick(desk)
    assert schedule.engine.waiting() == [slot.id]
    schedule.carry_out(slot.id)
    for _ in range(3):
        tick(desk)
    assert ends(schedule) == [(slot.id, "held", "held")]
    assert schedule.register.verify() == 3


def test_without_an_engine_what_has_come_is_written_down_and_stays_open() -> None:
    schedule = SimSchedule()
    tick(schedule.desk(engine=None))
    schedule.clock.wall = TWO + HOUR
    ticked = tick(schedule.desk(engine=None))
    assert [order.id for order in ticked.submitted] == [SLOT]
    assert list(schedule.register.state().open) == [SLOT]


def test_a_register_where_others_are_always_faster_is_busy() -> None:
    class Contended(MemoryRegister):
        def append(self, *events: object, head: str | None = None) -> tuple[()]:
            raise Busy("another process was faster")

    schedule = SimSchedule()
    with pytest.raises(Busy):
        tick(replace(schedule, register=Contended(schedule.clock)).desk())
