"""What drills of each level prove and what not: standings, proofs, baselines."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from drp.domain.schedule.proofs import proofs
from drp.domain.standing import standings
from drp.domain.summary import summarise
from drp.drill.conduct import conduct
from drp.drill.declare import declare, states
from tests.simulators.world import EPOCH, Script, World


def held(world: World, *plans) -> None:
    """Hold drills one after another in one journal."""
    for plan in plans:
        world.clock.sleep(86_400.0)
        conduct(declare(plan, world.journal, world, world.clock, requested_by="t", ad_hoc=False), world.ports())


def full_and_hash() -> tuple[World, object, object]:
    world = World(Script(consistent_at=EPOCH, watermark=EPOCH))
    full = replace(world.plan, scenario=replace(world.plan.scenario, disaster_at=EPOCH))
    return world, full, replace(full, level="hash")


def test_a_hash_pass_does_not_reset_the_age_of_full():
    world, full, shallow = full_and_hash()
    held(world, full, shallow)
    application = replace(full.recoveries[0].application, drill_every=timedelta(hours=36))
    first, second = states(world.journal)
    (standing,) = standings({"ehr": application}, (first, second), world.clock.now().wall + timedelta(days=1))
    assert standing.last is not None
    assert (standing.last.drill, standing.last_passed_at) == (first.drill, first.declared_at.wall)
    assert standing.compared is not None
    assert (standing.compared.drill, standing.compared.depth) == (second.drill, "hash")
    assert any("one is due every 36 hours" in reason for reason in standing.reasons)


def test_who_was_only_compared_was_never_drilled():
    world, full, shallow = full_and_hash()
    held(world, shallow)
    application = replace(full.recoveries[0].application, drill_every=timedelta(days=1))
    (standing,) = standings({"ehr": application}, states(world.journal), world.clock.now().wall)
    assert (standing.last, standing.last_passed_at, standing.level) == (None, None, "critical")
    assert standing.reasons[0].startswith("never drilled")


@pytest.mark.parametrize(
    ("levels", "level"), [(("full", "hash"), "critical"), (("full", "hash", "sample"), "critical"), (("hash",), "critical")]
)  # fmt: skip
def test_damage_that_a_shallow_drill_found_stands_until_one_as_deep_passes(levels, level):
    world, full, _ = full_and_hash()
    for each in levels:
        world.script.difference = {"changed": 1} if each == "hash" else {}
        held(world, replace(full, level=each))
    now = world.clock.now().wall
    applications = {"ehr": full.recoveries[0].application}
    (standing,) = standings(applications, states(world.journal), now)
    assert standing.level == level
    assert any("failed (level hash)" in reason for reason in standing.reasons)
    world.script.difference = {}
    held(world, replace(full, level="hash"))
    (standing,) = standings(applications, states(world.journal), now + timedelta(days=1))
    assert not any("failed" in reason for reason in standing.reasons)


def test_a_failed_full_drill_is_not_refuted_by_a_comparison():
    world, full, shallow = full_and_hash()
    world.script.start_ok = False
    held(world, full, shallow)
    (standing,) = standings({"ehr": full.recoveries[0].application}, states(world.journal), world.clock.now().wall)
    assert standing.level == "critical"


def test_a_drill_proves_its_level_and_those_below():
    world, full, shallow = full_and_hash()
    held(world, full, shallow)
    deep, flat = states(world.journal)
    found = proofs((deep, flat))
    assert [(proof.level, proof.drill) for proof in found["ehr"]] == [
        ("full", deep.drill), ("hash", deep.drill), ("sample", deep.drill), ("hash", flat.drill), ("sample", flat.drill),
    ]  # fmt: skip
    assert {proof.declared_at for proof in found["ehr"]} == {deep.declared_at.wall, flat.declared_at.wall}


@pytest.mark.parametrize("end", ["unsealed", "failed", "inconclusive", "aborted"])
def test_what_is_not_sealed_or_did_not_pass_proves_nothing(end):
    world, full, _ = full_and_hash()
    if end in {"failed", "inconclusive"}:
        world.script.checks = ("failed",) if end == "failed" else ("undetermined",)
    held(world, full)
    (state,) = states(world.journal)
    if end == "unsealed":
        state.sealed = None
    if end == "aborted":
        state.concluded = replace(state.concluded, verdict="aborted")
    assert proofs((state,)) == {}


def test_a_hash_pass_is_no_baseline_and_has_no_time():
    world, _, shallow = full_and_hash()
    held(world, shallow)
    (summary,) = [summarise(state) for state in states(world.journal)]
    assert (summary.level, summary.verdict) == ("hash", "passed")
    assert world.journal.history.rta_ms("ehr") is None
    assert world.journal.history.baselines(
        "ehr", before=world.clock.now().wall, until=world.clock.now().wall, counted=False, but=""
    ) == ()  # fmt: skip


def test_a_sample_that_draws_other_files_does_not_unsay_what_one_met():
    world, full, _ = full_and_hash()
    applications, now = {"ehr": full.recoveries[0].application}, world.clock.now().wall + timedelta(days=30)

    def critical() -> bool:
        (standing,) = standings(applications, states(world.journal), now)
        return any("failed (level sample)" in reason for reason in standing.reasons) and bool(standing.doubts)

    world.script.difference = {"changed": 1}
    held(world, replace(full, level="sample"))
    world.script.difference = {}
    held(world, *[replace(full, level="sample")] * 3)
    assert critical()
    held(world, replace(full, level="hash"))
    assert not critical()


def test_a_sample_that_decided_nothing_is_over_with_one_that_passes():
    world, full, _ = full_and_hash()
    world.script.compared_of_sample = 0
    held(world, replace(full, level="sample"))
    now, applications = world.clock.now().wall + timedelta(days=30), {"ehr": full.recoveries[0].application}
    (standing,) = standings(applications, states(world.journal), now)
    assert any("is inconclusive (level sample)" in reason for reason in standing.reasons)
    world.script.compared_of_sample = None
    held(world, replace(full, level="sample"))
    (standing,) = standings(applications, states(world.journal), now)
    assert not standing.doubts
