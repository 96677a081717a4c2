"""Drills that restore all, compare it and start nothing: what they do, and what lets them pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from drp.domain.fold import fold
from drp.domain.reconciliation.declaration import Reconciliation
from drp.domain.sign_off import SignOffPolicy
from drp.drill.conduct import conduct
from drp.drill.declare import declare
from drp.errors import Tampered
from drp.evidence.record import make_record, read_record, record_bytes
from tests.simulators.world import EPOCH, Script, World
from tests.support.sign_offs import CHECKLIST
from tests.unit.test_drill_control_flow import codes, concluded, run


def hash_world(script: Script | None = None, *, names: tuple[str, ...] = ("ehr",)) -> World:
    world = World(script, names=names)
    world.plan = replace(world.plan, level="hash")
    return world


def test_a_hash_drill_restores_and_compares_and_starts_nothing():
    world = hash_world()
    assert run(world).verdict == "passed"
    assert [call for call in world.calls if call.startswith(("runbook", "read", "check", "records"))] == [
        "runbook.restore"
    ]
    assert {"reader-cell", "caller-cell"}.isdisjoint(world.calls)
    assert {"compare", "prove", "destroy"} <= set(world.calls)
    assert not world.alive


def test_what_it_measures_is_not_the_applications():
    world = hash_world()
    (measured,) = run(world).measurements
    assert (measured.rta_ms, measured.rto_attainment) == (None, "not-judged")
    assert (measured.rpa_lower_ms, measured.rpa_upper_ms, measured.rpo_attainment) == (600_000, None, "by-point")
    assert measured.clock.t7_integrity_verdict is not None
    assert (measured.clock.t9_application_up, measured.clock.t10_checks_passed) == (None, None)


@pytest.mark.parametrize(
    ("script", "verdict", "code"),
    [
        (Script(points=0), "failed", "DRP-S001"),
        (Script(proof_allowed=1), "inconclusive", "DRP-I001"),
        (Script(unrestored=("pack 0a",)), "failed", "DRP-R001"),
        (Script(restore_ok=False), "failed", "DRP-R002"),
        (Script(manifest=False), "inconclusive", "DRP-H006"),
        (Script(manifest=False, manifest_named=False), "inconclusive", "DRP-H006"),
        (Script(difference={"changed": 1}), "failed", "DRP-H001"),
        (Script(difference={"missing": 3}), "failed", "DRP-H002"),
        (Script(difference={"unexpected": 1}), "failed", "DRP-H003"),
        (Script(consistent_at=EPOCH - timedelta(hours=2)), "failed", "DRP-T002"),
    ],
)
def test_one_departure_decides_the_verdict_of_a_hash_drill(script, verdict, code):
    world = hash_world(script)
    assert run(world).verdict == verdict
    assert code in codes(world)
    assert not world.alive


def test_an_application_that_may_do_without_a_manifest_may_not_here():
    world = hash_world(Script(manifest=False, manifest_named=False))
    world.plan = replace(world.plan, recoveries=(replace(world.plan.recoveries[0], require_manifest=False),))
    assert run(world).verdict == "inconclusive"
    assert codes(world) == {"DRP-H006"}


@pytest.mark.parametrize("script", [Script(compared_id="0" * 64), Script(manifest_made={"files": 11})])
def test_another_manifest_or_a_part_of_the_files_does_not_pass(script):
    assert run(hash_world(script)).verdict == "inconclusive"


@pytest.mark.parametrize("script", [Script(checks=("failed",)), Script(watermark=None), Script(start_ok=False)])
def test_what_only_a_running_application_could_show_is_not_seen(script):
    world = hash_world(replace(script, places=("reader", "caller")))
    assert run(world).verdict == "passed"


def test_nobody_waits_for_an_application_that_is_not_started():
    world = hash_world(Script(difference={"changed": 1}), names=("ehr", "lis"))
    conduct(declare(world.plan, world.journal, world, world.clock, requested_by="t", ad_hoc=False), world.ports())
    assert world.calls.count("runbook.restore") == 2
    assert "DRP-X001" not in codes(world)


def test_what_is_asked_of_running_applications_is_never_claimed():
    """Whoever makes a plan by hand that asks for more than its level does not get a pass for it."""
    world = hash_world()
    ehr = world.plan.recoveries[0]
    asked = replace(ehr, application=replace(ehr.application, sign_off=CHECKLIST))
    world.plan = replace(
        world.plan, recoveries=(asked,), sign_off=SignOffPolicy(deadline=timedelta(seconds=10)), pod=True,
        reconciliation=Reconciliation(records=(), references=()),
    )  # fmt: skip
    assert run(world).verdict == "inconclusive"
    (order,) = world.orders
    assert (order.pod, order.software, order.hostname) == ("", (), "")
    assert "records" not in " ".join(world.calls)


def record_of(world: World):
    (drill,) = world.journal.drills()
    return make_record(world.journal.entries(drill), {})


def record_of(world: World):
    (drill,) = world.journal.drills()
    return make_record(world.journal.entries(drill), {})


def test_the_record_of_a_hash_drill_reads_back():
    world = hash_world()
    run(world)
    record = record_of(world)
    assert record.plan.level == "hash"
    assert read_record(record_bytes(record)) == record


@pytest.mark.parametrize("claim", ["level", "met", "time", "watermark", "started"])
def test_a_record_that_makes_more_of_a_hash_drill_contradicts_itself(claim):
    world, deep = hash_world(), World()
    run(world)
    run(deep)
    record, other = record_of(world), record_of(deep)
    (recovery,), (started,) = record.recoveries, other.recoveries
    measured = recovery.measurement
    changed = {
        "level": replace(record, plan=replace(record.plan, level="full")),
        "met": with_measurement(record, replace(measured, rto_attainment="met")),
        "time": with_measurement(record, started.measurement),
        "watermark": with_measurement(record, replace(measured, rpa_upper_ms=700_000, rpo_attainment="met")),
        "started": replace(record, recoveries=(replace(recovery, start=started.start, verify=started.verify),)),
    }[claim]
    with pytest.raises(Tampered, match="contradicts itself"):
        read_record(record_bytes(changed))


def with_measurement(record, measurement):
    return replace(record, recoveries=(replace(record.recoveries[0], measurement=measurement),))


def test_a_full_drill_that_judged_less_contradicts_itself():
    world, flat = World(), hash_world()
    run(world)
    run(flat)
    changed = with_measurement(record_of(world), record_of(flat).recoveries[0].measurement)
    with pytest.raises(Tampered, match="contradicts itself"):
        read_record(record_bytes(changed))


def test_a_hash_drill_that_was_cut_off_goes_on_where_it_can():
    world = hash_world()
    run(world)
    (drill,) = world.journal.drills()
    entries = list(world.journal.entries(drill))
    for cut in range(1, len(entries)):
        state = fold(entries[:cut])
        (progress,) = state.recoveries.values()
        assert progress.next_phase in {"select", "prepare", "restore", "hash", None}
    assert concluded(world).verdict == "passed"


def test_what_trusts_no_restored_system_passes_on_the_comparison_alone():
    world = hash_world()
    world.plan = replace(world.plan, recoveries=(replace(world.plan.recoveries[0], trust="none"),))
    assert run(world).verdict == "passed"
    record = record_of(world)
    assert read_record(record_bytes(record)) == record
