"""How long a drill is expected to take: whole runs count, waits for people and media do not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drp.domain.events import DrillConcluded
from drp.domain.fold import fold
from drp.domain.measure import milliseconds
from drp.domain.schedule.expected import WITHOUT_HISTORY, expected_of
from drp.domain.schedule.policy import Policy
from drp.domain.summary import summarise
from drp.domain.took import took_ms, union, without
from drp.drill.conduct import conduct
from drp.drill.declare import declare, reopen
from drp.drill.resume import take_up
from drp.errors import Interrupted
from drp.schedule.expected import expected
from tests.simulators.history import MemoryHistory
from tests.simulators.world import Script, World, dying
from tests.support.sign_offs import answering, world_with

POLICY = Policy(application="ehr", level="full", max_age=timedelta(days=30), grace=timedelta(days=3))
DURATIONS = st.lists(st.integers(1, 10**9), min_size=1, max_size=40)


def hold(world: World, **changes: object) -> int | None:
    """Hold a drill and return how long it took without waits."""
    plan = replace(world.plan, **changes)
    recorder = declare(plan, world.journal, world, world.clock, requested_by="test", ad_hoc=False)
    conduct(recorder, world.ports())
    return took_ms(fold(world.journal.entries(recorder.drill)))


def test_without_history_it_is_an_hour():
    assert expected_of(()) == WITHOUT_HISTORY == timedelta(hours=1)


@pytest.mark.parametrize(
    ("durations_ms", "seconds"),
    [
        ([100_000], 120),
        ([1_000] * 9 + [50_000], 1.2),  # one of ten was an accident
        ([50_000] + [1_000] * 9, 50),  # unless it was the last
        ([1_000] * 8 + [10_000, 20_000], 12),
    ],
)
def test_nine_of_ten_and_a_fifth_more_and_never_less_than_the_last(durations_ms, seconds):
    assert expected_of(durations_ms) == timedelta(seconds=seconds)


@given(DURATIONS)
def test_at_least_nine_of_ten_would_have_fitted(durations_ms):
    found = milliseconds(expected_of(durations_ms))
    fitting = sum(one <= found for one in durations_ms)
    assert fitting * 10 >= len(durations_ms) * 9
    assert found >= durations_ms[0]
    assert found <= max(max(durations_ms) * 1.2 + 1, 1)


@given(DURATIONS, st.integers(1, 10**9))
def test_a_longer_drill_never_makes_the_next_expected_shorter(durations_ms, more):
    longer = [durations_ms[0] + more, *durations_ms[1:]]
    assert expected_of(longer) >= expected_of(durations_ms)


def test_a_whole_drill_took_from_its_declaration_to_its_seal():
    world = World()
    took = hold(world)
    entries = list(world.journal.entries(world.journal.drills()[0]))
    assert took == (entries[-1].stamp.monotonic_ns - entries[0].stamp.monotonic_ns) // 1_000_000


def test_the_wait_for_a_referent_is_left_out_whether_one_came_or_not():
    quick, slow, nobody = world_with(), world_with(), world_with()
    answering(quick, after_looks=1)
    answering(slow, after_looks=200)
    took = [hold(world) for world in (quick, slow, nobody)]
    assert all(one is not None for one in took)
    assert slow.clock.elapsed > quick.clock.elapsed + 60
    assert max(took) - min(took) < 3_000, "what differs is a reading of the clock or two, not the wait"


def test_the_wait_for_a_medium_is_left_out():
    world, there = World(), World()
    state = _with_media_wait(world, 20_000)
    plain = hold(there)
    assert plain is not None
    assert took_ms(state) == plain


def _with_media_wait(world: World, ms: int):
    """Hold a drill whose medium came so much later, and return its state."""

    def wait(name: str) -> None:
        if name == "points":
            world.clock.sleep(ms / 1000)

    world.script.on_call = wait
    hold(world)
    state = fold(world.journal.entries(world.journal.drills()[0]))
    outputs = state.recoveries["ehr"].outputs
    assert outputs.select is not None
    outputs.add(replace(outputs.select, media_wait_ms=ms))
    return state


@pytest.mark.parametrize(
    "script",
    [
        Script(points=0),
        Script(proof_allowed=1),
        Script(start_ok=False),
        Script(restore_ok=False),
        Script(faults={"compare": RuntimeError("broken")}),
    ],
)
def test_what_ended_early_says_nothing_of_how_long_the_next_takes(script):
    assert hold(World(script)) is None


def test_a_drill_that_failed_at_its_end_was_whole():
    world = World(Script(checks=("failed",)))
    assert hold(world) is not None
    assert any(isinstance(entry.event, DrillConcluded) for entry in world.journal.entries(world.journal.drills()[0]))


def test_an_aborted_drill_and_one_that_was_resumed_are_not_whole():
    world = world_with()
    world.desk.visit = lambda desk, drill, name: setattr(world, "stop", True)
    with pytest.raises(Interrupted):
        hold(world)
    assert MemoryHistory(world.journal).durations_ms("ehr", "full", 20) == ()

    cut = World(on_interrupt="resume")
    cut.journal.kill_at = (6, "after")
    with dying():
        hold(cut)
    cut.journal.kill_at = None
    (drill,) = cut.journal.drills()
    take_up(reopen(drill, cut.journal), cut.ports())
    state = fold(cut.journal.entries(drill))
    assert state.sealed is not None
    assert took_ms(state) is None
    assert summarise(state).took_ms is None


def test_a_group_in_which_one_could_not_be_exercised_is_not_whole():
    world = World(names=("ehr", "lis"))
    calls = []

    def fail_second(name: str) -> None:
        calls.append(name)
        if name == "compare" and calls.count("compare") == 2:
            raise RuntimeError("broken")

    world.script.on_call = fail_second
    assert hold(world) is None


def test_a_policy_looks_at_its_plan_first_and_then_at_any_of_its_application():
    world = World()
    for name in ("weekly", "weekly", "other"):
        hold(world, name=name)
        world.clock.sleep(3600)
    history = MemoryHistory(world.journal)
    assert expected(history, replace(POLICY, expected=timedelta(minutes=7))) == timedelta(minutes=7)
    assert expected(history, replace(POLICY, plan="weekly")) == expected_of(
        history.durations_ms("ehr", "full", 20, plan="weekly")
    )
    assert len(history.durations_ms("ehr", "full", 20, plan="weekly")) == 2
    assert expected(history, replace(POLICY, plan="never-held")) == expected_of(history.durations_ms("ehr", "full", 20))
    assert expected(history, replace(POLICY, level="hash")) == WITHOUT_HISTORY
    assert expected(history, replace(POLICY, application="lis")) == WITHOUT_HISTORY


SPANS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=8)


@given(SPANS, SPANS)
def test_time_is_counted_once_however_spans_overlap(spans, taken):
    def instants(some):
        return {at for since, until in some for at in range(since, until)}

    left = list(without(union(spans), union(taken)))
    assert instants(left) == instants(spans) - instants(taken)
    assert sum(until - since for since, until in left) == len(instants(left))
