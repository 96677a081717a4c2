"""Drills of a sample: what is drawn, and that only a whole one that is as recorded passes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from drp.domain.fold import fold
from drp.domain.verdict import conclude
from drp.drill.declare import reopen
from drp.drill.resume import take_up
from drp.evidence.record import read_record, record_bytes
from tests.simulators.world import EPOCH, Script, World
from tests.unit.test_drill_control_flow import codes, run
from tests.unit.test_drill_levels import hash_world, record_of


def sample_world(script: Script | None = None, *, files: int = 4) -> World:
    world = World(script)
    world.plan = replace(world.plan, level="sample", sample_files=files)
    return world


@pytest.mark.parametrize(("wanted", "drawn"), [(4, 4), (10, 10), (300, 10)])
def test_a_sample_drill_restores_and_compares_what_was_drawn(wanted, drawn):
    world = sample_world(files=wanted)
    assert run(world).verdict == "passed"
    assert len(world.only) == drawn
    record = record_of(world)
    (recovery,) = record.recoveries
    sample = recovery.select.sample
    assert (sample.drawn, sample.population, sample.manifest_id) == (drawn, 10, "m" * 64)
    assert recovery.hash.difference.sampled == drawn
    left_out = {each.part: each.why for each in recovery.hash.not_judged}
    assert left_out.get("content of files") == (None if drawn == 10 else f"{10 - drawn} of 10 were not drawn")
    assert "hard links" in left_out
    assert read_record(record_bytes(record)) == record
    assert not world.alive


def test_every_drill_draws_anew_and_nobody_sets_the_seed():
    seeds = set()
    for _ in range(3):
        world = sample_world()
        run(world)
        (recovery,) = record_of(world).recoveries
        seeds.add(recovery.select.sample.seed)
    assert len(seeds) == 3
    assert all(len(seed) == 32 for seed in seeds)


def test_a_resumed_drill_keeps_its_sample():
    world = sample_world()
    world.plan = replace(world.plan, on_interrupt="resume")
    run(world)
    (drill,) = world.journal.drills()
    entries = world.journal.stored[drill]
    seed = fold(entries).recoveries["ehr"].outputs.select.sample.seed
    del entries[[entry.event.type for entry in entries].index("phase-completed") + 3 :]
    world.alive.clear()
    take_up(reopen(drill, world.journal, world), world.ports())
    state = fold(world.journal.entries(drill))
    assert state.resumptions
    assert state.concluded.verdict == "passed"
    assert state.recoveries["ehr"].outputs.select.sample.seed == seed


@pytest.mark.parametrize(
    ("script", "verdict", "found"),
    [
        (Script(manifest=False), "inconclusive", {"DRP-H006"}),
        (Script(manifest=False, manifest_named=False), "inconclusive", {"DRP-H006"}),
        (Script(manifest_made={"files": 0, "entries": 3}), "inconclusive", {"DRP-H015"}),
        (Script(manifest_made={"root": "/elsewhere"}), "inconclusive", {"DRP-H013"}),
        (Script(manifest_trouble="drp-manifest=x"), "inconclusive", {"DRP-H010"}),
        (Script(restores_parts=False), "inconclusive", {"DRP-M002"}),
        (Script(compared_of_sample=3), "inconclusive", set()),
        (Script(compared_of_sample=0), "inconclusive", set()),
        (Script(difference={"changed": 1}), "failed", {"DRP-H001"}),
        (Script(difference={"missing": 1}), "failed", {"DRP-H002"}),
        (Script(unrestored=("pack 0a",)), "failed", {"DRP-R001"}),
        (Script(consistent_at=EPOCH - timedelta(hours=2)), "failed", {"DRP-S004", "DRP-T002"}),
    ],
)
def test_only_a_whole_sample_that_is_as_recorded_passes(script, verdict, found):
    world = sample_world(script)
    assert run(world).verdict == verdict
    assert codes(world) == found
    assert not world.alive


def test_nothing_is_opened_where_nothing_can_be_drawn():
    world = sample_world(Script(manifest=False))
    run(world)
    assert {"open", "open_cell", "runbook.restore"}.isdisjoint(world.calls)


def test_a_sample_that_is_not_the_planned_one_does_not_pass():
    world = sample_world()
    run(world)
    (drill,) = world.journal.drills()
    state = fold(world.journal.entries(drill))
    outputs = state.recoveries["ehr"].outputs
    measured = {one.recovery: one for one in state.concluded.measurements}

    def verdict(**changes) -> str:
        selected = replace(outputs.select, sample=replace(outputs.select.sample, **changes))
        return conclude(state.plan, {"ehr": replace(outputs, select=selected)}, {}, measured)[0]

    assert verdict() == "passed"
    for change in ({"seed": ""}, {"population": 11}, {"manifest_id": "0" * 64}, {"drawn": 3}, {"drawn": 0}):
        assert verdict(**change) == "inconclusive"
    whole = replace(outputs, hash=replace(outputs.hash, difference=replace(outputs.hash.difference, sampled=None)))
    assert conclude(state.plan, {"ehr": whole}, {}, measured)[0] == "inconclusive"


def test_a_sample_is_not_taken_for_a_whole_comparison():
    world = hash_world()
    run(world)
    (drill,) = world.journal.drills()
    state = fold(world.journal.entries(drill))
    outputs = state.recoveries["ehr"].outputs
    measured = {one.recovery: one for one in state.concluded.measurements}
    part = replace(outputs, hash=replace(outputs.hash, difference=replace(outputs.hash.difference, sampled=10)))
    assert conclude(state.plan, {"ehr": outputs}, {}, measured)[0] == "passed"
    assert conclude(state.plan, {"ehr": part}, {}, measured)[0] == "inconclusive"
