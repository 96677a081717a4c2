"""How long something took across a restart: only as far as a clock outside this machine confirms it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drp.domain.application import Objectives
from drp.domain.clock import Stamp
from drp.domain.findings.time import CLOCKS_APART
from drp.domain.fold import DrillState, between_ms, tie
from drp.domain.measure import rto_attainment
from drp.domain.recovery_point import Immutability
from drp.drill.conduct import conduct
from drp.drill.declare import declare
from tests.simulators.world import EPOCH, Script, World
from tests.unit.test_drill_control_flow import codes, run

OBJECTIVES = Objectives(rto=timedelta(hours=1), rpo=timedelta(hours=1))
TEN = datetime(2026, 11, 28, 10, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SECOND_NS = 1_000_000_000


def stamp(minutes: float, boot: str = "a", *, shown: timedelta = timedelta(0), synchronised: bool = False) -> Stamp:
    """A reading so many true minutes after ten; ``shown``: how far its wall clock is ahead of the truth."""
    return Stamp(
        wall=TEN + minutes * MINUTE + shown,
        monotonic_ns=int(minutes * 60 * SECOND_NS) + (5 * SECOND_NS if boot == "b" else 0),
        boot_id=boot,
        synchronised=synchronised,
    )


def test_within_one_boot_the_wall_clock_does_not_matter():
    assert between_ms(DrillState(drill="d"), stamp(0), stamp(65, shown=-50 * MINUTE)) == (65 * 60_000, True)


@pytest.mark.parametrize(
    ("counted", "shown", "synchronised", "measured"),
    [
        (15, 65, (True, True), (65 * 60_000, False)),  # paused for 50 minutes, then set by its time server
        (15, 65, (True, False), (15 * 60_000, True)),  # a clock that nobody vouches for
        (15, 65, (False, True), (15 * 60_000, True)),
        (65, 15, (True, True), (65 * 60_000, True)),
        (15, 15 + 0.1 / 60, (True, True), (15 * 60_000, True)),  # a step of 100 ms
        (15, 15 - 0.1 / 60, (True, True), (15 * 60_000, True)),
        (15, 15 + 1 / 60, (True, True), (15 * 60_000, True)),  # a leap second
    ],
)
def test_a_machine_that_stood_still_did_not_recover_meanwhile(counted, shown, synchronised, measured):
    begun, ended = (
        stamp(minutes, shown=ahead * MINUTE, synchronised=known)
        for minutes, ahead, known in zip((0, counted), (0, shown - counted), synchronised, strict=True)
    )
    assert between_ms(DrillState(drill="d"), begun, ended) == measured


def test_a_clock_that_was_set_back_across_a_restart_is_not_believed():
    assert between_ms(DrillState(drill="d"), stamp(0), stamp(65, "b", shown=-50 * MINUTE)) == (None, False)
    assert between_ms(DrillState(drill="d"), stamp(0), stamp(65, "b")) == (None, False)


@pytest.mark.parametrize("shown", [timedelta(0), -50 * MINUTE, 50 * MINUTE])
def test_the_repositorys_clock_on_both_sides_tells_the_truth(shown):
    state = DrillState(drill="d")
    tie(state, stamp(1), 0)
    tie(state, stamp(64, "b", shown=shown), int(shown / timedelta(milliseconds=1)))
    assert between_ms(state, stamp(0), stamp(65, "b", shown=shown)) == (65 * 60_000, False)


def test_one_side_is_not_enough():
    state = DrillState(drill="d")
    tie(state, stamp(1), 0)
    assert between_ms(state, stamp(0), stamp(65, "b")) == (None, False)


def test_a_time_server_on_both_sides_is_enough():
    state = DrillState(drill="d")
    tie(state, stamp(0, synchronised=True), None)
    tie(state, stamp(64, "b", synchronised=True), None)
    assert between_ms(state, stamp(0), stamp(65, "b")) == (65 * 60_000, False)


def test_witnesses_that_disagree_tell_nothing():
    state = DrillState(drill="d")
    tie(state, stamp(0, synchronised=True), 0)
    tie(state, stamp(64, "b", synchronised=True), -30 * 60_000)
    assert between_ms(state, stamp(0), stamp(65, "b")) == (None, False)


@given(true=st.integers(1, 10_000), shown=st.integers(-10_000, 10_000), tied=st.booleans())
def test_no_setting_of_a_clock_makes_a_recovery_faster(true, shown, tied):
    state = DrillState(drill="d")
    ahead = shown * MINUTE
    if tied:
        tie(state, stamp(0), 0)
        tie(state, stamp(true, "b", shown=ahead), shown * 60_000)
    measured, _ = between_ms(state, stamp(0), stamp(true, "b", shown=ahead))
    assert measured is None or measured >= true * 60_000


def test_a_recovery_whose_time_nobody_can_tell_is_undetermined():
    assert rto_attainment(None, OBJECTIVES, recovered=True) == "undetermined"
    assert rto_attainment(None, OBJECTIVES) == "not-measured"


def test_a_clock_that_is_behind_the_journal_was_set_back_and_nothing_is_met_by_it():
    world = World()
    run(world)
    world.clock.behind = timedelta(hours=2)
    world.plan = replace(world.plan, scenario=replace(world.plan.scenario, disaster_at=None))
    recorder = declare(world.plan, world.journal, world, world.clock, requested_by="t", ad_hoc=False)
    assert recorder.state.declared is not None
    assert 7_100_000 < recorder.state.declared.clock_behind_ms <= 7_200_000
    world.script.consistent_at, world.script.watermark = (EPOCH - timedelta(hours=3),) * 2
    conduct(recorder, world.ports())
    assert recorder.state.concluded is not None
    measurement = recorder.state.concluded.measurements[0]
    assert measurement.rpo_attainment != "met"
    assert measurement.rpa_upper_ms is not None
    assert measurement.rpa_upper_ms > 2 * 3_600_000
    found = recorder.state.recoveries["ehr"].findings
    assert CLOCKS_APART.code in {finding.code for finding in found}


def test_a_clock_set_back_makes_no_lock_hold():
    lock = Immutability(mode="compliance", provenance="observed", retained_until=EPOCH + timedelta(hours=1))
    world = World(Script(clock_ahead_ms=-2 * 3_600_000))
    world.immutability = lambda point: lock  # type: ignore[method-assign]
    run(world)
    assert "DRP-W001" in codes(world)


@pytest.mark.parametrize(("ahead_ms", "said"), [(None, False), (1500, False), (90_000, True), (-90_000, True)])
def test_a_clock_that_departs_from_the_repositorys_widens_the_loss_and_is_said(ahead_ms, said):
    world = World(Script(clock_ahead_ms=ahead_ms))
    run(world)
    assert (CLOCKS_APART.code in codes(world)) == said
