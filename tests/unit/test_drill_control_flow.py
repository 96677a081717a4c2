"""The control flow of a drill over a simulated world: what leads to which verdict, and that nothing passes unearned."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from drp.domain.check import Loss
from drp.domain.events import DrillConcluded, EvidenceSealed, SandboxDestroyed
from drp.domain.recovery_point import Selection
from drp.domain.sandbox import Residue
from drp.drill.conduct import conduct
from drp.drill.declare import declare, reopen, unfinished
from drp.drill.resume import take_up
from drp.errors import (
    AccessDenied,
    Interrupted,
    ManifestError,
    MediaNeeded,
    RunbookError,
    SandboxError,
    StorageFull,
    Unreachable,
)
from drp.evidence.record import read_record
from tests.simulators.world import EPOCH, Script, World, dying, events_of
from tests.support.findings import told


def run(world: World) -> DrillConcluded:
    ports = world.ports()
    conduct(declare(world.plan, world.journal, world, world.clock, requested_by="test", ad_hoc=False), ports)
    return concluded(world)


def concluded(world: World) -> DrillConcluded:
    (event,) = [event for event in events_of(world) if isinstance(event, DrillConcluded)]
    return event


def codes(world: World) -> set[str]:
    return {finding.code for finding in told(events_of(world))}


def test_a_healthy_recovery_passes_and_leaves_nothing():
    world = World()
    assert run(world).verdict == "passed"
    assert codes(world) == set()
    assert not world.alive
    assert isinstance(events_of(world)[-1], EvidenceSealed)
    measurement = concluded(world).measurements[0]
    assert measurement.rpa_lower_ms == 600_000
    assert measurement.rpa_upper_ms == 720_000
    assert measurement.rta_ms is not None
    assert 0 < measurement.rta_ms < 60_000
    assert measurement.rta_without_harness_ms == measurement.rta_ms - 10


@pytest.mark.parametrize(
    ("script", "verdict", "code"),
    [
        (Script(points=0), "failed", "DRP-S001"),
        (Script(consistent_at=EPOCH + timedelta(seconds=1)), "failed", "DRP-S001"),
        (Script(immutability="none"), "passed", "DRP-W001"),
        (Script(proof_allowed=1), "inconclusive", "DRP-I001"),
        (Script(unrestored=("pack 0a",)), "failed", "DRP-R001"),
        (Script(restore_ok=False), "failed", "DRP-R002"),
        (Script(manifest=False), "inconclusive", "DRP-H006"),
        (Script(difference={"changed": 1}), "failed", "DRP-H001"),
        (Script(difference={"missing": 3}), "failed", "DRP-H002"),
        (Script(difference={"unexpected": 1}), "failed", "DRP-H003"),
        (Script(difference={"unreadable": 1}), "failed", "DRP-H004"),
        (Script(difference={"metadata": 1}), "failed", "DRP-H005"),
        (Script(start_ok=False), "failed", "DRP-U001"),
        (Script(checks=("passed", "failed")), "failed", "DRP-C001"),
        (Script(checks=("passed", "undetermined")), "inconclusive", "DRP-C002"),
        (Script(checks=()), "inconclusive", "DRP-C003"),
        (Script(watermark=None), "inconclusive", "DRP-T003"),
        (Script(watermark=EPOCH - timedelta(hours=2)), "inconclusive", "DRP-T003"),
        (Script(watermark=EPOCH + timedelta(seconds=2)), "inconclusive", "DRP-C002"),
        (Script(consistent_at=EPOCH - timedelta(hours=2)), "failed", "DRP-T002"),
        (Script(residue=Residue(processes=1)), "failed", "DRP-D001"),
    ],
)
def test_one_departure_decides_the_verdict(script, verdict, code):
    world = World(script)
    assert run(world).verdict == verdict
    assert code in codes(world)
    assert not world.alive


def test_acknowledged_writes_that_are_lost_are_told_and_fail_nothing_by_themselves():
    lost = Loss(acknowledged=3, lost=2, first_at=EPOCH - timedelta(minutes=9), named=("order 7", "order 8"))
    world = World(Script(loss=lost))
    assert run(world).verdict == "passed"
    (note,) = told(events_of(world))
    assert (note.code, note.severity) == ("DRP-C004", "note")
    assert note.observed.startswith("2 of 3 since the recovery point")
    world = World(Script(loss=Loss(acknowledged=3, lost=0)))
    assert run(world).verdict == "passed"
    assert codes(world) == set()


@pytest.mark.parametrize(
    ("where", "error", "code", "verdict"),
    [
        ("preflight", Unreachable("no answer"), "DRP-M002", "inconclusive"),
        ("preflight", AccessDenied("wrong password"), "DRP-M002", "inconclusive"),
        ("points", Unreachable("no answer"), "DRP-M002", "inconclusive"),
        ("preflight", MediaNeeded("absent", label="A7"), "DRP-M001", "inconclusive"),
        ("open", SandboxError("no user namespaces"), "DRP-X003", "inconclusive"),
        ("prove", SandboxError("gone"), "DRP-X003", "inconclusive"),
        ("open_cell", SandboxError("gone"), "DRP-R003", "inconclusive"),
        ("runbook.restore", RunbookError("time limit"), "DRP-R003", "inconclusive"),
        ("receipt", StorageFull("no space"), "DRP-R003", "inconclusive"),
        ("expected", ManifestError("edited"), "DRP-H011", "inconclusive"),
        ("compare", ManifestError("truncated"), "DRP-X003", "inconclusive"),
        ("runbook.start", RunbookError("unreachable"), "DRP-U002", "inconclusive"),
        ("egress", SandboxError("gone"), "DRP-X003", "inconclusive"),
    ],
)
def test_an_error_is_never_a_pass_and_never_leaves_a_sandbox(where, error, code, verdict):
    world = World(Script(faults={where: error}))
    world.plan = replace(
        world.plan, recoveries=(replace(world.plan.recoveries[0], media_deadline=timedelta(seconds=10)),)
    )
    assert run(world).verdict == verdict
    assert code in codes(world)
    assert not world.alive


@pytest.mark.parametrize(
    ("required", "named", "verdict", "code"),
    [
        (True, True, "inconclusive", "DRP-H006"),
        (True, False, "inconclusive", "DRP-H006"),
        (False, True, "inconclusive", "DRP-H006"),
        (False, False, "passed", "DRP-H009"),
    ],
)
def test_only_a_point_that_never_had_a_manifest_can_do_without_and_it_is_said(required, named, verdict, code):
    world = World(Script(manifest=False, manifest_named=named))
    world.plan = replace(world.plan, recoveries=(replace(world.plan.recoveries[0], require_manifest=required),))
    assert run(world).verdict == verdict
    assert codes(world) == {code}


def test_nothing_is_started_in_a_sandbox_that_leaks():
    world = World(Script(proof_allowed=1))
    run(world)
    assert not {"open_cell", "runbook.restore", "runbook.start", "check"} & set(world.calls)


def test_a_damaged_restore_is_hashed_but_never_started():
    world = World(Script(unrestored=("pack 0a",)))
    run(world)
    assert "compare" in world.calls
    assert "runbook.start" not in world.calls


def test_it_waits_for_a_medium_and_counts_the_wait():
    world = World()
    attempts = []

    def appear(name: str) -> None:
        if name == "preflight":
            attempts.append(name)
            if len(attempts) < 4:
                raise MediaNeeded("not mounted", label="TAPE-7")

    world.script.on_call = appear
    assert run(world).verdict == "passed"
    assert concluded(world).measurements[0].media_wait_ms >= 6_000
    assert any("TAPE-7" in sign.event.message for sign in world.journal.noted)


def test_a_dependent_application_is_not_attempted_when_its_dependency_fails():
    world = World(Script(start_ok=False), names=("directory", "ehr"))
    assert run(world).verdict == "failed"
    assert "DRP-X004" in codes(world)
    assert world.calls.count("open") == 1


def test_the_newest_immutable_point_skips_points_that_can_be_changed():
    world = World(Script(points=3))
    recovery = world.plan.recoveries[0]
    world.plan = replace(
        world.plan, recoveries=(replace(recovery, selection=replace(recovery.selection, policy="newest-immutable")),)
    )
    world.script.immutability = "governance"
    assert run(world).verdict == "failed"
    assert "DRP-S001" in codes(world)


@pytest.mark.parametrize(("prefix", "verdict"), [("0", "failed"), ("0" * 64, "passed")])
def test_a_prefix_that_names_several_points_names_none(prefix, verdict):
    world = World(Script(points=3))
    selection = Selection(policy="specific", point=prefix)
    world.plan = replace(world.plan, recoveries=(replace(world.plan.recoveries[0], selection=selection),))
    assert run(world).verdict == verdict


def test_an_interruption_destroys_and_seals_as_aborted():
    world = World()

    def stop(name: str) -> None:
        if name == "runbook.restore":
            world.stop = True
            raise Interrupted

    world.script.on_call = stop
    with pytest.raises(Interrupted):
        run(world)
    assert concluded(world).verdict == "aborted"
    assert not world.alive
    assert world.records


@pytest.mark.parametrize("asked_by", ["", "ada: the ward needs the machine"])
def test_who_asked_for_an_abort_stands_apart_from_why_it_ended_in_journal_and_record(asked_by):
    world = World()
    world.stop = True
    ports = replace(world.ports(), signal_number=lambda: 15, stopped_by=lambda: asked_by)
    recorder = declare(world.plan, world.journal, world, world.clock, requested_by="test", ad_hoc=False)
    with pytest.raises(Interrupted):
        conduct(recorder, ports)
    stop = recorder.state.interrupted
    assert stop is not None
    assert (stop.signal_number, stop.by) == (15, asked_by)
    assert "ada" not in stop.reason
    (content,) = world.records.values()
    record = read_record(content)
    assert (record.interruption, record.interrupted_by) == (stop.reason, asked_by)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("on_interrupt", ["conclude", "resume"])
def test_killed_at_every_append_it_ends_once_sealed_and_clean(moment, on_interrupt):
    reference = World()
    run(reference)
    total = reference.journal.appends
    for number in range(2, total + 1):
        world = World(on_interrupt=on_interrupt)
        world.journal.kill_at = (number, moment)
        with dying():
            run(world)
        world.journal.kill_at = None
        world.alive.clear()  # a sandbox dies with its process
        (drill,) = world.journal.drills()
        take_up(reopen(drill, world.journal, world), world.ports())
        event = concluded(world)
        assert unfinished(world.journal) == ()
        assert not world.alive, number
        assert sum(isinstance(e, EvidenceSealed) for e in events_of(world)) == 1
        if on_interrupt == "resume":
            assert event.verdict == "passed", (number, event.reasons)
        else:
            assert event.verdict in {"passed", "inconclusive"}, (number, event.reasons)
            if event.verdict == "passed":
                assert codes(world) == set()


def test_taking_up_a_sealed_drill_changes_nothing():
    world = World()
    run(world)
    (drill,) = world.journal.drills()
    before = world.journal.appends
    take_up(reopen(drill, world.journal, world), world.ports())
    assert world.journal.appends == before


def test_a_reboot_in_the_middle_gives_wall_clock_times_and_says_so():
    world = World(on_interrupt="resume")
    world.journal.kill_at = (6, "after")
    with dying():
        run(world)
    world.journal.kill_at = None
    world.clock.boot = "boot-2"
    (drill,) = world.journal.drills()
    take_up(reopen(drill, world.journal, world), world.ports())
    assert "DRP-T004" in codes(world)
    assert concluded(world).measurements[0].clock_kind == "wall"


def test_a_kept_sandbox_is_said_and_not_destroyed():
    world = World()
    world.plan = replace(world.plan, keep_sandbox=True)
    assert run(world).verdict == "passed"
    assert world.alive == {"sbx-1"}
    assert "DRP-D002" in codes(world)
    assert not any(isinstance(event, SandboxDestroyed) for event in events_of(world))
